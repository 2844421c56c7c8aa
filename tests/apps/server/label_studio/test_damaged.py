"""Requests damaged from a seed: answers and 4xx in one line, nothing from outside of the folder, listed hosts alone."""

import base64
import io
import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import pytest
from annotation_files import damage_value
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

from tagalign.apps.server import fetching
from tagalign.apps.server.app import create_app
from tagalign.apps.server.label_studio.routes import LabelStudioSettings
from tagalign.apps.server.limits import Limits
from tagalign.testing.stub_method import stub_model

pytestmark = pytest.mark.usefixtures("unchecked_types")

CASES = 120
"""1,600 were tried when this was written."""
LONGEST = 1200
CONFIG = (
    '<View><Image name="image" value="$image"/><Choices name="tags" toName="image"><Choice value="dog"/></Choices>'
    '<BrushLabels name="brush" toName="image"><Label value="dog"/><Label value="写" alias="w"/></BrushLabels>'
    '<PolygonLabels name="poly" toName="image" value="$labels"/><TextArea name="say" toName="image" value="$say"/></View>'
)
SECRET = "TOP SECRET"
ADDRESSES = (
    "/data/upload/1/a.png", "a.png", "../secret.png", "/data/local-files/?d=../secret.png", "/etc/passwd", "link.png",
    "file:///etc/passwd", "secret.txt", "http://169.254.169.254/x", "http://localhost/a", "http://[::1]/", "s3://b/a.png",
    "http://example.org@127.0.0.1/", "http://example.org/a.png", "HTTP://EXAMPLE.ORG/a", "http://example.org:99999/",
    "C:\\a.png", "\\\\srv\\a.png", "data:image/png;base64,%%%", "data:text/html,<x>", "javascript:alert(1)", "", "..", "/",
    "\x00", "a\nb", "\ud800", "/data/upload/1/%2e%2e/%2e%2e/secret.png", "/dev/zero", "/proc/self/environ",
    r"\x2e\x2e/secret.png", r"\x2fetc\x2fpasswd", r"a\x00.png",
    "/tasks/1/resolve/?fileuri=" + base64.urlsafe_b64encode(b"s3://b/../../secret.png").decode(),
)  # fmt: skip
CONFIGS = (
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + CONFIG.replace("dog", "&x;"), CONFIG[:100], "",
    "<View>" * 20_000, "<View>" * 300 + "</View>" * 300, CONFIG.replace("Image", "Video"), CONFIG + "x",
    CONFIG.replace("</View>", "<Choices name='tags' toName='image'><Choice value='dog '/></Choices></View>"),
    CONFIG.replace('value="dog"', 'value=""'), CONFIG.replace("$image", "$a.b.0"), CONFIG.replace("写", "a" * 9000),
)  # fmt: skip


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """One photo; beside it links to what lies outside."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, "PNG")
    folder = tmp_path / "media"
    (folder / "upload/1").mkdir(parents=True)
    (folder / "upload/1/a.png").write_bytes(file.getvalue())
    (tmp_path / "secret.png").write_bytes(file.getvalue())
    (tmp_path / "secret.txt").write_text(SECRET)
    for name in ("secret.txt", "secret.png"):
        try:
            (folder / name.replace("secret.png", "link.png")).symlink_to(tmp_path / name)
        except OSError:
            continue  # a system where people may not make links
    return folder


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Hosts that the server would connect to."""
    found: list[str | None] = []

    def ask(parts: SplitResult, *_: Any) -> Any:
        found.append(parts.hostname)
        raise OSError("no network in this test")

    monkeypatch.setattr(fetching, "_ask", ask)
    return found


def predict(rng: random.Random) -> dict[str, Any]:
    tasks = [
        {"id": 1, "data": {"image": rng.choice(ADDRESSES), "say": "the dog", "labels": ["cat"]}} for _ in "ab"
    ]
    context = {"result": [{"type": "textarea", "value": {"text": ["the dog"]}}]}
    return {"tasks": tasks, "label_config": CONFIG, "params": {"context": rng.choice([None, context])}}


def webhook(rng: random.Random) -> dict[str, Any]:
    result = {"type": "choices", "to_name": "image", "original_width": 40, "value": {"choices": ["dog"]}}
    return {
        "action": rng.choice(
            ["ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED", "PROJECT_UPDATED"]
        ),
        "annotation": {"id": 7, "result": [result], "prediction": {"result": []}},
        "annotations": [{"id": 3}],
        "task": {"data": {"image": rng.choice(ADDRESSES)}},
        "project": {"label_config": CONFIG},
    }


def setup(rng: random.Random) -> dict[str, Any]:
    return {"project": "1.17", "schema": CONFIG, "hostname": "x", "extra_params": None}


def damaged(rng: random.Random) -> tuple[str, bytes, dict[str, str]]:
    """A path, a body and headers."""
    make = rng.choice([predict, predict, webhook, setup])
    value = make(rng)
    for _ in range(rng.choice([0, 1, 1, 3])):
        damage_value(value, rng)
    for holder, key in ((value, "label_config"), (value, "schema"), (value.get("project"), "label_config")):
        if rng.random() < 0.3 and isinstance(holder, dict) and key in holder:
            holder[key] = rng.choice(CONFIGS)
    body, kind = json.dumps(value).encode(), "application/json"
    if rng.random() < 0.1:
        body, kind = body.decode().encode("utf-16"), "application/json; charset=bogus"
    elif rng.random() < 0.1:
        body = rng.choice([body[: len(body) // 2], b"", b"[" * 50_000, b"\xff\x00", b"null", b"NaN"])
    return (
        make.__name__,
        body,
        {"content-type": kind, **({"content-encoding": "gzip"} if rng.random() < 0.05 else {})},
    )


def test_nothing_but_answers_and_refusals(media: Path, hosts: list[str | None]) -> None:
    own = LabelStudioSettings(folders=(media,), out=media.parent / "out")
    limits = Limits(max_bytes=500_000, max_pixels=10_000, workers=1)
    app = create_app(stub_model(), limits=limits, label_studio=own, allowed_hosts={"example.org"})
    counts: dict[int, int] = {}
    with TestClient(app, raise_server_exceptions=False) as client:
        for case in range(CASES):
            path, body, headers = damaged(random.Random(case))
            answer = client.post(f"/label-studio/{path}", content=body, headers=headers)
            counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, (case, answer.text[:300])
            assert set(hosts) <= {"example.org"}, case
            for outside in (SECRET, str(media.parent), "root:x:"):
                assert outside not in answer.text, case
            if answer.status_code >= 400:
                assert len(answer.text) < LONGEST, case
                assert "\\n" not in answer.text, case
    assert min(counts.get(code, 0) for code in (200, 422)) > CASES // 10, counts
    assert hosts, "the listed host is asked"

"""What people upload and download does not stay on the disk, and cannot fill it."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
import httpx
from PIL import Image

import tagalign.apps.page.page as pages
from tagalign.apps.page.downloads import write_files
from tagalign.apps.page.studio import Studio
from tagalign.tasks.model import Model
from tagalign.temporary import PassingFolders
from tagalign.testing.stub_method import StubMethod

MOST = 5000


@pytest.fixture
def studio() -> Studio:
    return Studio(lambda name: Model(StubMethod()), ["stub"])


@pytest.fixture
def page(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, object]]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "held"))
    monkeypatch.setattr(pages, "MAX_PHOTO_BYTES", MOST)
    with warnings.catch_warnings():  # gradio and its server warn about each other's coming versions
        warnings.simplefilter("ignore")
        page = pages.build_page(studio, model="stub", examples=[], labels="dog, cat")
        _, url, _ = pages.launch(page, host="127.0.0.1", port=0, out=None, wait=False)
        yield url, page
        page.close()


def upload(url: str, data: bytes) -> httpx.Response:
    return httpx.post(f"{url}gradio_api/upload", files={"files": ("a.png", data)})


def test_an_upload_is_gone_when_the_page_is_closed(page: tuple[str, pages.gr.Blocks]) -> None:
    url, shown = page
    (path,) = upload(url, b"x" * (MOST - 1000)).json()
    assert Path(path).stat().st_size == MOST - 1000
    shown.close()
    assert not Path(path).exists()


def test_an_upload_beyond_the_limit_is_refused(page: tuple[str, pages.gr.Blocks], tmp_path: Path) -> None:
    answer = upload(page[0], b"x" * 10 * MOST)
    assert answer.status_code == 413
    assert [path for path in (tmp_path / "held").rglob("*") if path.is_file()] == []


def test_downloads_of_many_photos_are_kept_for_a_while_only(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagalign.apps.page.downloads.HANDED", PassingFolders("downloads", most=2))
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    view = studio.look(tmp_path / "a.png", "dog, cat", "stub")
    written = [write_files(view, {}) for _ in range(5)]
    assert [all(Path(file).exists() for file in files) for files in written] == [False] * 3 + [True] * 2

"""One small CLIP in every layout on a stand-in hub, and ``tagalign tag`` asked for its models in this process."""

import json
from dataclasses import dataclass

import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.clip_layouts import clip_repositories
from tagalign.testing.model_hub import HubRepository, StubHub


@dataclass
class Tagged:
    """What one call of the command left behind."""

    code: int
    scores: dict[str, float]
    lines: list[str]

    @property
    def refusal(self) -> str:
        """The one line of a refusal; what was said while fetching does not count."""
        said = [line for line in self.lines if not line.startswith("fetching ")]
        assert self.code == 2, self.lines
        assert len(said) == 1, said
        assert said[0].startswith("tagalign tag: ")
        return said[0].removeprefix("tagalign tag: ")


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """The folder that all layouts are made from."""
    return make_clip_folder(tmp_path_factory.mktemp("source") / "clip", layers=2)


@pytest.fixture(scope="session")
def layouts(source):
    return {layout.name: layout for layout in clip_repositories(source)}


@pytest.fixture(scope="session")
def good_files(source):
    """name -> bytes of a repository in today's form."""
    return {path.name: path.read_bytes() for path in sorted(source.iterdir())}


@pytest.fixture(scope="module")
def served(layouts):
    """One server per file of tests."""
    tokens = {"reader": ["lab/*"], "stranger": []}
    with StubHub([layout.repository for layout in layouts.values()], tokens=tokens) as hub:
        yield hub


@pytest.fixture
def hub(served, tmp_path, monkeypatch):
    """The server without faults and with an empty log; the client asks it, with an empty cache, and never waits."""
    served.log.clear()
    served.mend()
    for place in ("file_download.time", "utils._http.time"):
        monkeypatch.setattr(f"huggingface_hub.{place}.sleep", lambda seconds: None)
    with served.client(tmp_path / "home"):
        yield served


@pytest.fixture
def tag(tmp_path, capsys):
    """Tags one photo with a model: ``tag(MODEL, *flags) -> Tagged``."""
    photo, count = tmp_path / "photo.png", iter(range(100))
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(photo)

    def run(model, *flags):
        out = tmp_path / f"out-{next(count)}"
        capsys.readouterr()
        words = ["tag", str(photo), "--labels", "dog,car", "--model", model, "--json", "--out", str(out)]
        code = main([*words, *flags])
        said = capsys.readouterr()
        rows = [json.loads(line) for line in said.out.splitlines()]
        assert code or len(rows) == 1
        if code:
            assert not out.exists(), "a refusal leaves no folder behind"
        return Tagged(code, rows[0]["scores"] if rows else {}, said.err.splitlines())

    return run


@pytest.fixture
def offer(hub, good_files):
    """Puts a repository of today's form with changed files on the hub: ``offer(id, {name: bytes or None}) -> id``."""

    def add(id, changes, **options):
        files = {name: data for name, data in (good_files | changes).items() if data is not None}
        hub.add(HubRepository(id, files, **options))
        return id

    return add

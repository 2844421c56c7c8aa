"""What the pages say: commands have flags that exist, those marked to run do, and Python blocks do."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from tagalign.cli.main import main, parse_settings
from tagalign.cli.shared.help import settings_kind
from tagalign.cli.verbs.table import VERBS
from tagalign.cli.verbs.train.trainers import training_module
from tagalign.data.tiny_world import TinyWorld

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?P<mark><!-- (?:run|not run)[^>]*-->\n)?```(?P<kind>[a-z]*)\n(?P<text>.*?)```", re.DOTALL
)


def blocks(page: Path, *kinds: str) -> list[tuple[str, str]]:
    """Marks and texts of the blocks of some kinds."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(match["mark"] or "", match["text"]) for match in found if match["kind"] in kinds]


def commands(text: str) -> list[list[str]]:
    """Arguments of every ``tagalign`` line, comments and pipes left out."""
    lines = text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines if line.startswith("tagalign ")]
    return [
        line[1 : next((i for i, word in enumerate(line) if word in {"|", ">", "&&"}), None)] for line in words
    ]


ALL_COMMANDS = [
    pytest.param(command, id=f"{page.relative_to(ROOT)}: {' '.join(command)[:60]}")
    for page in PAGES
    for _, text in blocks(page, "sh", "")
    for command in commands(text)
    if command[0] in VERBS
]
PAGES_TO_RUN = [page for page in PAGES if any(mark.startswith("<!-- run") for mark, _ in blocks(page, "sh"))]
PRINT = re.compile(r"^print\(.*?\)  # (?P<said>.*)$", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
PYTHON_PAGES = [page for page in PAGES if blocks(page, "python")]


def test_there_are_commands() -> None:
    assert len(ALL_COMMANDS) > 30


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_flags_exist(command: list[str]) -> None:
    verb, *flags = command
    if "--help" in flags:
        return
    module, flags = training_module(flags) if verb == "train" else (VERBS[verb][0], flags)
    run = importlib.import_module(module).run
    parse_settings(settings_kind(run), flags, verb=verb)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages name."""
    monkeypatch.chdir(tmp_path)
    scene = Image.fromarray(TinyWorld(seed=0, split="test")[12].image)  # as in runs/draw_docs.py
    for name in ("scene.png", "photo.jpg", "park.jpg"):
        scene.save(tmp_path / name)
    return tmp_path


def code_of(command: list[str]) -> int:
    """The exit code, however it comes; ``--help`` raises it."""
    try:
        return main(command)
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the ONNX exporter
@pytest.mark.parametrize("page", PAGES_TO_RUN, ids=lambda page: page.stem)
def test_commands_marked_to_run_do(page: Path, scene: Path) -> None:
    marked = [text for mark, text in blocks(page, "sh") if mark.startswith("<!-- run")]
    for command in [command for text in marked for command in commands(text)]:
        if command[:2] == ["export", "onnx"]:
            continue  # by tests/export/test_onnx.py; with run-time type checks on it cannot be traced
        assert code_of(command) == 0, command


@pytest.mark.slow
@pytest.mark.parametrize("page", PYTHON_PAGES, ids=lambda page: page.stem)
def test_python_blocks_run_or_compile(page: Path, scene: Path) -> None:
    names: dict[str, object] = {}
    for mark, text in blocks(page, "python"):
        code = compile(text, str(page), "exec")
        if not mark.startswith("<!-- not run"):
            exec(code, names)


@pytest.mark.slow
def test_the_readme_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (_, text), *_ = blocks(ROOT / "README.md", "python")
    said = [match["said"] for match in PRINT.finditer(text)]
    exec(compile(text, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    for line, comment in zip(printed, said, strict=True):
        assert re.findall("'([a-z]+)'", line) == re.findall("'([a-z]+)'", comment)
        # comments are cut to three digits, and other processors round float32 differently
        ours, theirs = (list(map(float, NUMBER.findall(part))) for part in (line, comment))
        assert ours == pytest.approx(theirs, abs=0.005)

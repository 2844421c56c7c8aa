"""Completion of verbs and flags, in a real shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tagalign.cli.main import main

ASK = """
source "$1"; shift
COMP_WORDS=(tagalign "$@"); COMP_CWORD=$#
function=$(complete -p tagalign | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function tagalign "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD-1]}"
echo "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["--print-completion", "bash"]) == 0
    path = tmp_path_factory.mktemp("completion") / "tagalign.bash"
    path.write_text(out.getvalue())
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["segm"], ["segment"]),
        (["segment", "--lab"], ["--labels", "--labels-file"]),
        (["export", "coco", "--f"], ["--form"]),
        (["segment", "--refine", "c"], ["crf"]),
        (["evaluate", "--protocol", "cl"], ["clip-es"]),
        (["tag", "--method", "tagc"], ["tagclip"]),
    ],
)
def test_bash_completes_verbs_flags_and_choices(script: Path, words: list[str], expected: list[str]) -> None:
    command = ["bash", "-c", ASK, "bash", str(script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == expected


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-completion", "csh"]) == 2
    assert "unknown shell 'csh'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        (["segment", "a.png", "--lables", "dog"], "--labels"),
        (["export", "coco", "masks", "--fomr", "rle"], "--form"),
        (["serve", "--prot", "80"], "--port"),
        (["app", "--revieww", "photos"], "--review"),
    ],
)
def test_a_wrong_flag_is_answered_with_the_right_one(
    command: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert meant in capsys.readouterr().err

"""No verb with a CLIP imports transformers: it costs longer than everything else on the way to the first answer."""

import pytest
from forked_runs import start_run

CODE = """
import sys
from tagalign.cli.main import main
code = main(sys.argv[1:])
assert code == 0, code
heavy = sorted({"transformers", "torch._dynamo", "sympy", "huggingface_hub"} & set(sys.modules))
print("HEAVY", heavy)
"""


@pytest.mark.parametrize("verb", ["tag", "segment", "refer", "search"])
def test_a_verb_with_a_clip_imports_no_model_library(verb, photo_file, tmp_path):
    arguments = {
        "tag": ["tag", str(photo_file), "--labels", "dog,car", "--out", str(tmp_path / "out")],
        "segment": ["segment", str(photo_file), "--labels", "dog,car", "--out", str(tmp_path / "out")],
        "refer": ["refer", str(photo_file), "--phrase", "the dog", "--out", str(tmp_path / "out")],
        "search": ["search", "index", str(photo_file.parent), "--index", str(tmp_path / "index")],
    }[verb]
    # a fork of a process that imported the verbs: what they bring along is there as well
    done = start_run(CODE, *arguments, "--model", "tiny", said=tmp_path / "said.txt")
    assert done.wait() == 0, done.errors()
    assert done.errors().strip().splitlines()[-1] == "HEAVY []"

"""What a short command loads: what it does not use, it does not wait for.

Holds ``methods/request.py``.
"""

import subprocess
import sys

import pytest
from PIL import Image

from tagalign.export.formats import FORMATS

UNUSED = ("gradio", "matplotlib", "onnx", "openai", "pandas", "ray", "rich", "sklearn", "transformers")
"""Seconds each, or a part of one; some are there only because another package brought them."""


HEAVY = ("torch", "torchvision", "transformers", "onnxruntime", "sklearn")
"""What no flag needs: importing it takes longer than reading all of them."""

EVERY = 8
"""One of so many flags is given a wrong value: reading the flags of a verb takes a thirtieth of a second."""


def test_no_verb_imports_torch_to_read_its_flags(tmp_path):
    """Help of every verb, kind and trainer, an unknown flag, and a wrong value of a number or choice here and there."""
    code = f"""
import contextlib, dataclasses, importlib, io, sys, typing
from tagalign.cli.main import main
from tagalign.cli.shared.help import settings_kind, subcommands
from tagalign.cli.verbs.table import VERBS
from tagalign.cli.verbs.train.trainers import TRAINERS

def answered(*words):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main(list(words))
        except SystemExit as stop:
            code = stop.code
    found = sorted(set({HEAVY}) & set(sys.modules))
    assert not found, (words, found)
    return code, said.getvalue()

def kinds():
    for verb, (module, _) in VERBS.items():
        kind = settings_kind(importlib.import_module(module).run)
        yield (verb,), kind
        yield from (((verb, word), member) for word, member in subcommands(kind).items())
    for method, module in TRAINERS.items():
        yield ("train", "--method", method), settings_kind(importlib.import_module(module).run)

def wrong_value(hint):
    kinds = {{*typing.get_args(hint), hint}} - {{type(None)}}
    if str in kinds or bool in kinds:
        return None
    is_choice = any(typing.get_origin(k) is typing.Literal for k in kinds)
    return "nope" if is_choice or kinds & {{int, float}} else None

count = 0
assert answered("--help")[0] == 0
for words, kind in kinds():
    assert answered(*words, "--help")[0] == 0, words
    code, said = answered(*words, "--no-such-flag")
    assert code == 2, (words, said)
    if subcommands(kind):
        continue
    for field in dataclasses.fields(kind):
        wrong = wrong_value(typing.get_type_hints(kind)[field.name])
        if wrong is not None and count % {EVERY} == 0:
            flag = "--" + field.name.replace("_", "-")
            code, said = answered(*words, flag, wrong)
            assert code == 2, (words, flag, said)
        count += wrong is not None
assert count > 150, count
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]


REFUSED = [
    ("tag missing.png --labels a,b", "missing.png: no such file"),
    ("tag red.png --labels a,b --threshold best", "unknown threshold 'best'"),
    ("tag red.png --labels a,b --threshold top:0", "threshold top: expected a whole number from 1, got 0"),
    ("tag red.png --labels a,b --short-side 0", "--short-side must be at least 1, got 0"),
    ("tag red.png --labels a,b --workers 0", "--workers and --part-size must be at least 1"),
    ("segment red.png", "give labels with --labels"),
    ("segment missing.png --labels a,b", "missing.png: no such file"),
    ("segment red.png --labels a,b --short-side -1", "--short-side must be at least 1, got -1"),
    ("segment red.png --labels a,b --heat-side -1", "--heat-side must be at least 0, got -1"),
    ("refer missing.png --phrase dog", "missing.png: no such file"),
    ("refer red.png --phrase dog --short-side 0", "--short-side must be at least 1, got 0"),
    ("caption missing.png --model tiny", "missing.png: no such file"),
    ("ask missing.png what? --model tiny", "missing.png: no such file"),
    ("look missing --labels a,b", "missing: no such file"),
    ("look red.png --labels a,b --concurrency 0", "--concurrency must be at least 1, got 0"),
    ("suggest missing", "missing: no such file"),
    ("search index missing", "missing: no such file"),
    ("search index red.png --workers 0", "--workers must be at least 1, got 0"),
    ("parse red.png --llm-retries -1", "--llm-retries must be at least 0, got -1"),
    ("parse red.png --captions-per-call 0", "--captions-per-call must be at least 1, got 0"),
    ("distil tags --epochs 0", "--epochs must be at least 1, got 0"),
    ("demo --seed -1", "--seed must be at least 0, got -1"),
    ("evaluate --data tiny-world --resamples -1", "--resamples must be at least 0, got -1"),
    ("evaluate --data tiny-world --workers 0", "--workers must be at least 1, got 0"),
    ("train --pairs missing --tag-loss-weight 0", "missing"),
    ("train --pairs missing --tag-loss-weight 0 --warmup -1", "--warmup must be at least 0, got -1"),
    ("train --pairs missing --tag-loss-weight 0 --learning-rate nan", "--learning-rate must be at least 0, got nan"),
    ("train --pairs missing --tag-loss-weight 0 --keep 0", "--keep must be at least 1, got 0"),
    ("train --method trusty --data voc20 --prompts -1", "--prompts must be at least 0, got -1"),
    ("train --method tag2text --heads 0", "--heads must be at least 1, got 0"),
    ("train --method groupvit --pairs missing --streams 0", "--streams must be at least 1, got 0"),
    ("tag red.png --labels a,a --model tiny", "label 'a' stands twice"),
    ("tag red.png --labels-file missing.txt --model tiny", "missing.txt: no such label file"),
    ("tag red.png --labels a,b --model missing", "missing: no such folder"),
    ("tag red.png --labels a,b --model tiny --option foo=1", "method 'tagclip' has no option 'foo'"),
    ("tag red.png --labels a,b --model tiny --option short_side=x", "option 'short_side' takes a whole number"),
    ("tag red.png --labels a,b --model tiny --look missing", "missing: no look is there"),
    ("segment red.png --labels a,b --model missing", "missing: no such folder"),
    ("segment red.png --labels a,b --model tiny --option foo=1", "method 'surgery' has no option 'foo'"),
    ("segment red.png --labels a,b --model tiny --option layers=x", "layers: expected block numbers"),
    ("segment red.png --labels a,b --model tiny --method rcs --option gain=0", "gain: expected a number above 0"),
    ("segment red.png --labels a,b --model tiny --threshold 0.3", "background_threshold 0.3 acts through"),
    ("segment red.png --labels a,b --model tiny --seen a", "--seen and --unseen belong to models of"),
    ("segment red.png --labels a,b --model tiny --look missing", "--look does not act on masks of method 'surgery'"),
    ("segment red.png --labels a,b --model tiny --method cls-seg --look missing", "missing: no look is there"),
    ("refer red.png --phrase dog --model missing", "missing: no such folder"),
    ("refer red.png --phrase dog --model tiny --threshold 3", "phrase_threshold: expected a number from 0 to 1"),
    ("caption red.png --model missing", "missing: no such folder"),
    ("caption red.png --model tiny --option foo=1", "method 'tag2text' has no option 'foo'"),
    ("ask red.png what? --model missing", "missing: no such folder"),
    ("ask red.png what? --model tiny --option foo=1", "method 'tag2text' has no option 'foo'"),
    ("look red.png --labels a,b --model missing", "missing: no such folder"),
    ("look red.png --labels a,b --model tiny --option foo=1", "method 'tagclip' has no option 'foo'"),
    ("look --merge missing missing", "missing: no look is there"),
    ("labels check a,b --model missing", "missing: no such folder"),
    ("labels check a,b red.png --model tiny --option foo=1", "method 'tagclip' has no option 'foo'"),
    ("suggest red.png --model missing", "missing: no such folder"),
    ("suggest red.png --model tiny --option foo=1", "method 'maskclip' has no option 'foo'"),
    ("suggest red.png --model tiny --words missing", "missing: no such label file"),
    ("search query dog --index none", "none: no search index here"),
    ("search index red.png --model missing", "missing: no such folder"),
    ("search index red.png --model tiny --option foo=1", "method 'clip' has no option 'foo'"),
    ("distil missing", "missing holds no tag shards"),
    ("train --pairs . --tag-loss-weight 0 --model missing", "missing: no such folder"),
    ("train --method groupvit --pairs . --tag-loss-weight 0 --model missing", "missing: no such folder"),
    ("train --method trusty --photos . --masks . --labels a,b --model missing", "missing: no such folder"),
    ("evaluate --data nope", "unknown benchmark 'nope'"),
    ("evaluate --data voc20 --path missing --model tiny", "missing"),
    ("evaluate --data tiny-world --split nope", "unknown split of tiny-world 'nope'"),
    ("evaluate --data tiny-world --model missing", "missing: no such folder"),
    ("evaluate --data tiny-world --option foo=1", "method 'surgery' has no option 'foo'"),
    ("evaluate --data tiny-world --task tagging", "--task tagging cannot be asked of tiny-world"),
    ("evaluate --data tiny-world --labels-file missing", "missing: no such label file"),
    *((f"export {name} missing", "missing: settings.json is missing") for name in FORMATS),
    ("export onnx --labels a,b --model missing", "missing: no such folder"),
    ("export onnx --labels a,b --model tiny --option foo=1", "method 'surgery' has no option 'foo'"),
    ("export hub missing --repo a/b", "missing: not a model folder"),
    ("import clip missing", "missing: no such folder"),
    ("import annotations missing", "missing: no such file or folder"),
    ("data check nope", "unknown benchmark 'nope'"),
    ("data fake voc21 --out drawn --split nope", "unknown split of voc21 'nope'"),
    ("models check missing", "missing: no such folder"),
    ("app --model missing", "missing: no such folder"),
    ("app --model tiny --option foo=1", "has no option 'foo'"),
    ("app --model tiny --review missing", "--review missing: expected a folder of photos"),
    ("app --queue missing", "missing: settings.json is missing"),
    ("serve --model missing", "missing: no such folder"),
    ("serve --model tiny --option foo=1", "has no option 'foo'"),
    ("serve --model tiny --look missing", "missing: no look is there"),
    ("serve --model tiny --index missing", "missing: no search index here"),
    ("demo --model missing", "missing: no such folder"),
]  # fmt: skip


ANSWERED = [
    "models",
    "models --json",
    "methods",
    "methods --json",
    "methods tagclip",
    "methods surgery",
    "methods rcs",
]


def test_what_is_typed_wrongly_is_refused_before_torch_is_imported(tmp_path):
    """And lists that need none of it are printed."""
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    code = f"""
import contextlib, io, sys
from tagalign.cli.main import main
for words, message in {REFUSED} + [(words, "") for words in {ANSWERED}]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main(words.split())
        except SystemExit as stop:
            code = stop.code
    found = sorted(set({HEAVY}) & set(sys.modules))
    assert (code, found) == (2 if message else 0, []), (words, code, found, said.getvalue())
    assert message in said.getvalue() and "Traceback" not in said.getvalue(), (words, said.getvalue())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]


@pytest.mark.slow  # a process of its own that imports torch: three seconds
def test_a_tag_from_the_shell_loads_what_it_uses(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    code = f"""
import sys
from tagalign.cli.main import main
flags = ["--labels", "dog,car", "--model", "tiny", "--out", "tags"]
assert main(["tag", "red.png", *flags]) == 0
print(sorted(set({UNUSED}) & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"

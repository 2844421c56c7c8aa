"""Compiling: refused in one line where something is missing, and kept in a folder that outlives the run."""

import os
import sysconfig

import pytest
import torch

from tagalign.errors import InputError
from tagalign.ops import compiling
from tagalign.ops.compiling import KEPT_IN, compiled, missing_compiler, prepare_compiler

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_no_compiler_is_said_in_one_line_before_anything_is_compiled(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler --fast")
    with pytest.raises(InputError) as refused:
        compiled(torch.sin, CPU)
    assert str(refused.value) == (
        "compiling needs a C++ compiler ('no-such-compiler --fast' is not there; CXX names another); "
        "install it, or leave compile out"
    )


def test_no_headers_are_said_by_the_name_of_their_package(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "sh")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    assert "python3-dev" in missing_compiler(CPU)
    (tmp_path / "Python.h").touch()
    assert missing_compiler(CPU) == ""


def test_cuda_needs_triton(monkeypatch):
    monkeypatch.setattr(compiling.importlib.util, "find_spec", lambda name: None)
    assert "Triton" in missing_compiler(CUDA)


@pytest.mark.parametrize("chosen", [None, "own"])
def test_what_was_compiled_is_kept_where_the_user_says(monkeypatch, tmp_path, chosen):
    monkeypatch.setattr(compiling, "missing_compiler", lambda device: "")
    monkeypatch.setenv("TAGALIGN_CACHE", str(tmp_path))
    monkeypatch.delenv(KEPT_IN, raising=False)
    if chosen:
        monkeypatch.setenv(KEPT_IN, chosen)
    prepare_compiler(CPU)
    assert os.environ[KEPT_IN] == (chosen or str(tmp_path / "compiled"))


def test_a_folder_that_pytorch_chose_itself_gives_way(monkeypatch, tmp_path):
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    monkeypatch.setattr(compiling, "missing_compiler", lambda device: "")
    monkeypatch.setenv("TAGALIGN_CACHE", str(tmp_path))
    monkeypatch.setenv(KEPT_IN, "")  # so that it is put back afterwards
    monkeypatch.delenv(KEPT_IN)
    cache_dir()  # what an export to ONNX calls
    assert os.environ[KEPT_IN] != str(tmp_path / "compiled")
    prepare_compiler(CPU)
    assert os.environ[KEPT_IN] == str(tmp_path / "compiled")

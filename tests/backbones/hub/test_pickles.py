"""State dicts from pickles equal what torch reads; hostile pickles run nothing, write nothing, and end in one line.

Holds ``backbones/hub/pickle_machine.py``.
"""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import pytest
import torch
from torch import nn

from tagalign.backbones.hub.pickles import LEGACY_MAGIC, read_state_dict
from tagalign.errors import ModelError

PROTOCOLS = range(6)
FORMS = ("zip", "legacy")


def weights() -> OrderedDict:
    """Every dtype we read, a scalar, an empty one, a transposed view, and two that are tied."""
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(4, 6, generator=generator)
    tensors = OrderedDict(
        base=base,
        tied=base,
        part=base[1:3, ::2],
        turned=base.T,
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 3),
        parameter=nn.Parameter(torch.randn(3, generator=generator)),
        double=torch.randn(2, dtype=torch.float64, generator=generator),
    )
    for dtype in (
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
    ):
        tensors[str(dtype)] = torch.arange(5).to(dtype)
    tensors["flags"] = torch.tensor([True, False, True])
    return tensors


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize(
    "protocol", range(2, 6)
)  # torch.save refuses 0, and writes 1 in the older form alone
@pytest.mark.parametrize("form", FORMS)
def test_equals_what_was_saved(tmp_path, form, protocol):
    path = tmp_path / "weights.bin"
    torch.save(weights(), path, pickle_protocol=protocol, _use_new_zipfile_serialization=form == "zip")
    assert_equal(read_state_dict(path), weights())


def test_protocol_1_of_the_older_form(tmp_path):
    path = tmp_path / "weights.bin"
    torch.save(weights(), path, pickle_protocol=1, _use_new_zipfile_serialization=False)
    assert_equal(read_state_dict(path), weights())


def test_a_state_dict_of_a_module_and_its_metadata(tmp_path):
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    torch.save(module.state_dict(), tmp_path / "weights.bin")
    assert_equal(read_state_dict(tmp_path / "weights.bin"), module.state_dict())


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_the_state_dict_of_a_training_checkpoint(tmp_path, key):
    wrapped = {f"module.{name}": tensor for name, tensor in weights().items()}
    optimizer = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    torch.save({"epoch": 3, "name": "run", "optimizer": optimizer, key: wrapped}, tmp_path / "epoch_3.pt")
    assert_equal(read_state_dict(tmp_path / "epoch_3.pt"), weights())


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning", "ignore:.*torch.jit.*:FutureWarning")
def test_an_archive_of_torchscript_without_its_code(tmp_path):
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.proj = nn.Linear(3, 4)
            self.register_buffer("input_resolution", torch.tensor(224))
            self.times, self.sizes = 3, [1, 2]

        def forward(self, x):
            return self.proj(x) * self.times

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.visual, self.blocks = Inner(), nn.ModuleList([Inner()])
            self.logit_scale = nn.Parameter(torch.ones([]))

        def forward(self, x):
            return self.visual(x) * self.logit_scale

    model = Outer().half()
    torch.jit.save(torch.jit.script(model), str(tmp_path / "ViT.pt"))
    found = read_state_dict(tmp_path / "ViT.pt")
    assert found.keys() == model.state_dict().keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in model.state_dict().items())


# --- hostile ones -----------------------------------------------------------------------------------------------------


class Calls:
    """What a pickle calls when Python opens it."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


class Nested:
    """A call hidden in the state of another object."""

    def __init__(self, inner):
        self.inner = inner


class Named:
    """A global by its dotted name, so that it is found under another module than its own."""

    def __init__(self, module, name):
        self.module, self.name = module, name


def by_name(module: str, name: str, *args: object) -> bytes:
    """Protocol 2: a global and a call, written by hand; nothing of it has to exist here."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + pickle.dumps(args, 2)[2:-1] + b"R."


def attacks(target) -> dict[str, object]:
    """Objects and raw pickles that would make ``target``, each in another way."""
    command = f"touch {target}"
    code = f"open({str(target)!r}, 'w').close()"
    return {
        "os.system": Calls(os.system, command),
        "builtins.eval": Calls(eval, code),
        "builtins.exec": Calls(exec, code),
        "open": Calls(open, str(target), "w"),
        "nested": Nested(Calls(os.system, command)),
        "in a list": [1, {"a": (Calls(os.system, command),)}],
        "torch.save": Calls(torch.save, {}, str(target)),
        "torch.hub": by_name("torch.hub", "download_url_to_file", "http://127.0.0.1:9/x", str(target)),
        "torch.load": by_name("torch.serialization", "load", str(target)),
        "load_from_bytes": by_name(
            "torch.storage", "_load_from_bytes", pickle.dumps(Calls(os.system, command))
        ),
        "from_file": by_name("torch", "from_file", str(target), True, 100),
        "dotted name": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c"
        + bytes([len(command)])
        + command.encode()
        + b"\x85R.",
        "dotted inside": by_name("collections", "OrderedDict.fromkeys", [1]),
        "INST": b"(S'" + command.encode() + b"'\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nS'" + command.encode() + b"'\no.",
        "BUILD on a class": b"\x80\x02ccollections\nOrderedDict\n}X\x01\x00\x00\x00aK\x01sb.",
        "BUILD on a constructor": b"\x80\x02ctorch._utils\n_rebuild_parameter\nN}"
        b"X\x0c\x00\x00\x00__defaults__K\x01\x85s\x86b.",
        "EXT": b"\x80\x02\x82\x01.",
        "PERSID": b"Pos.system\n.",
        "reduce a string": b"\x80\x02X\x02\x00\x00\x00os)R.",
    }


NAMES = sorted(attacks("x"))


def as_zip(path, data: bytes, *, key: str = "archive/data.pkl", **entries: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(key, data)
        for name, content in entries.items():
            archive.writestr(name, content)


def as_legacy(path, data: bytes) -> None:
    head = [LEGACY_MAGIC, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}]
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in head) + data + pickle.dumps([], 2))


WRITERS = {"zip": as_zip, "legacy": as_legacy, "bare": lambda path, data: path.write_bytes(data)}


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_pickle_runs_nothing(tmp_path, name):
    target, path = tmp_path / "made", tmp_path / "weights.bin"
    attack = attacks(target)[name]
    raws = [attack] if isinstance(attack, bytes) else [pickle.dumps({"a": attack}, p) for p in PROTOCOLS]
    for raw in raws:
        for write in WRITERS.values():
            write(path, raw)
            with pytest.raises(ModelError, match=r"weights\.bin: refused, .*nothing in it was run") as caught:
                read_state_dict(path)
            assert "\n" not in str(caught.value)
            assert [p.name for p in tmp_path.iterdir()] == ["weights.bin"]


def test_the_attacks_are_real(tmp_path):
    """Python's own reader is taken in by them; else the test above would prove nothing."""
    pickle.loads(pickle.dumps(attacks(tmp_path / "made")["nested"]))
    assert (tmp_path / "made").exists()


# --- lengths that lie ---------------------------------------------------------------------------------------------------


def view_pickle(*, numel=4, size=(4,), stride=(1,), offset=0, count=1) -> bytes:
    """Protocol 2: ``count`` tensors on one storage of ``numel`` float32."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "0", "cpu", numel) if value is storage else None

    class View:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (storage, offset, size, stride, False, OrderedDict())

    storage = object()
    out = io.BytesIO()
    Pickler(out, 2).dump({f"t{i}": View() for i in range(count)})
    return out.getvalue()


STORAGE = struct.pack("<4f", 1, 2, 3, 4)


def test_the_forged_form_opens_when_nothing_lies(tmp_path):
    as_zip(tmp_path / "w.bin", view_pickle(), **{"archive/data/0": STORAGE})
    assert torch.equal(read_state_dict(tmp_path / "w.bin")["t0"], torch.tensor([1.0, 2, 3, 4]))


@pytest.mark.parametrize(
    "forged",
    [
        dict(numel=10**15),  # larger than the file
        dict(numel=3),  # smaller
        dict(numel=-4),
        dict(size=(5,)),
        dict(size=(4,), offset=1),
        dict(size=(4,), stride=(2,)),
        dict(size=(2,), stride=(-1,), offset=3),
        dict(size=(10**12,), stride=(0,)),  # a terabyte of copies of one number
        dict(size=(2, 2)),
        dict(size=(True,)),
        dict(size=("4",)),
        dict(offset=-1),
        dict(count=100),  # many tensors on the same numbers
    ],
    ids=str,
)
def test_a_tensor_that_does_not_fit_its_storage(tmp_path, forged):
    as_zip(tmp_path / "w.bin", view_pickle(**forged), **{"archive/data/0": STORAGE})
    with pytest.raises(ModelError, match="refused"):
        read_state_dict(tmp_path / "w.bin")


def test_storages_that_overlap_in_the_file(tmp_path):
    path = tmp_path / "w.bin"
    as_zip(path, view_pickle(), **{"archive/data/0": STORAGE, "archive/data/1": STORAGE})
    raw = bytearray(path.read_bytes())
    second = raw.rindex(b"PK\x01\x02")  # the directory's entry of data/1; its offset stands 42 bytes behind
    first = raw.rindex(b"PK\x01\x02", 0, second)
    raw[second + 42 : second + 46] = raw[first + 42 : first + 46]
    path.write_bytes(bytes(raw))
    with pytest.raises(ModelError, match="overlaps"):
        read_state_dict(path)


def test_a_packed_storage_is_a_bomb(tmp_path):
    zeros = 50_000_000
    with zipfile.ZipFile(tmp_path / "w.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            zipfile.ZipInfo("archive/data.pkl"), view_pickle(numel=zeros // 4, size=(zeros // 4,))
        )
        archive.writestr("archive/data/0", bytes(zeros))
    with pytest.raises(ModelError, match="says 50,000,000 bytes and has 0"):
        read_state_dict(tmp_path / "w.bin")


@pytest.mark.parametrize("name", ["/etc/x", "../x", "archive/../../x", "C:\\x", "archive\\..\\x"])
def test_an_entry_outside_of_the_file(tmp_path, name):
    as_zip(tmp_path / "w.bin", view_pickle(), **{"archive/data/0": STORAGE, name: b"x"})
    with pytest.raises(ModelError, match="outside of itself"):
        read_state_dict(tmp_path / "w.bin")
    assert [p.name for p in tmp_path.iterdir()] == ["w.bin"]


def test_an_entry_that_is_a_link(tmp_path):
    link = zipfile.ZipInfo("archive/data/1")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "w.bin", "w") as archive:
        archive.writestr("archive/data.pkl", view_pickle())
        archive.writestr("archive/data/0", STORAGE)
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ModelError, match="is a link"):
        read_state_dict(tmp_path / "w.bin")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.9, 0.999])
def test_a_truncated_file(tmp_path, form, share):
    path = tmp_path / "w.bin"
    torch.save(weights(), path, _use_new_zipfile_serialization=form == "zip")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(ModelError, match=r"w\.bin: "):
        read_state_dict(path)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80\x02}q\xff\xff",  # ends inside
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # a string longer than the file
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a buffer of any size
        b"\x80\x02r\xff\xff\xff\xffN.",  # a place in the memo far away
        b"(" * 5_000 + b".",
        b"}N" + b"\x85" * 5_000 + b"Ns.",  # a tuple too deep to hash
        b"]" + b"2a" * 2_000 + b".",
        b"I" + b"9" * 50_000 + b"\n.",
        b".",
        b"0.",
        b"(.",
        b"}(.",
        b"h\x00.",
        b"\x93.",
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_damage_ends_in_one_line(tmp_path, raw):
    for write in WRITERS.values():
        write(tmp_path / "w.bin", raw)
        with pytest.raises(ModelError, match="refused"):
            read_state_dict(tmp_path / "w.bin")


@pytest.mark.parametrize(
    "root", [torch.ones(2), [torch.ones(2)], {"a": 1}, {1: torch.ones(2)}, {}, "text"], ids=str
)
def test_what_is_no_state_dict(tmp_path, root):
    torch.save(root, tmp_path / "w.bin")
    with pytest.raises(ModelError, match="refused, it holds"):
        read_state_dict(tmp_path / "w.bin")


def test_a_whole_module_is_refused_by_its_name(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "w.bin")
    with pytest.raises(
        ModelError, match=r"names torch\.nn\.modules\.linear\.Linear, which no state dict needs"
    ):
        read_state_dict(tmp_path / "w.bin")

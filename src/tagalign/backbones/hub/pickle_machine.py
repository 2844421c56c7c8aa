"""The data of a pickle, without running it: a machine that knows values and names, and calls nothing.

A pickle is a program. Python's own reader runs it, and what it may call can only be narrowed. This one interprets the
opcodes that ``torch.save`` writes and turns the few constructors of a state dict into values of its own; a name that is
not in its tables ends the reading at once. No object of the pickle's choice is ever built, so there is no method,
``__setstate__`` or attribute for it to reach.

Why not torch's weights-only loader: it is sound from 2.10 on and we run from 2.6, it refuses TorchScript (OpenAI's own
archives), and it lets a file of a kilobyte ask for a tensor of any size. Parsing costs 0.03 s for a ViT-B/16.

Opcodes and their arguments are told apart by ``pickletools`` of the standard library.
"""

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from mmap import mmap
from typing import IO, Any, cast

MAX_OPCODES = 1_000_000  # the state dict of a model with 1,000 tensors has about 40,000


class Refused(Exception):
    """What a pickle holds that a state dict does not need; one line."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the pickle mentions: a storage type, a dtype, a constructor."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers that lie elsewhere in the file."""

    key: str
    type_name: str
    numel: int


@dataclass(frozen=True, slots=True)
class StorageView:
    """A tensor: a window on a storage. Offsets, sizes and steps count elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(slots=True)
class Module:
    """An object of a TorchScript archive: its attributes alone, none of its code."""

    attributes: dict[str, Any] = field(default_factory=dict)


def _view(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> StorageView:
    numbers = (offset, *size, *stride)
    if not isinstance(storage, Storage) or not all(type(n) is int and n >= 0 for n in numbers):
        raise Refused("a tensor without a storage, or with sizes that are none")
    return StorageView(storage, offset, tuple(size), tuple(stride))


def _first(value: Any, *_: Any) -> Any:
    return value


def _mapping(*args: Any) -> dict[Any, Any]:
    return dict(map(tuple, args[0])) if args else {}


CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _mapping,
    "torch._utils._rebuild_tensor_v2": _view,
    "torch._utils._rebuild_tensor": _view,
    "torch._utils._rebuild_parameter": _first,
    "torch.Size": lambda values=(): tuple(values),
    "torch.jit._pickle.build_intlist": _first,
    "torch.jit._pickle.build_doublelist": _first,
    "torch.jit._pickle.build_boollist": _first,
    "torch.jit._pickle.restore_type_tag": _first,
}
"""What a name stands for when the pickle calls it: ours, pure, and nothing of the library it names."""

STORAGE_TYPES = {
    f"torch.{kind}Storage": kind
    for kind in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Byte", "Char", "Bool")
}
SCRIPT_PREFIX = "__torch__"
_STOPPED = object()
_MARK = object()


def read_pickle(file: BytesIO | mmap, *, scripted: bool = False) -> Any:
    """The value of one pickle; the file stands behind it afterwards.

    Args:
        file: at the start of the pickle.
        scripted: whether classes of a TorchScript archive (``__torch__...``) become ``Module``.

    Returns:
        Numbers, strings, tuples, lists, dicts, ``StorageView``, ``Module``.

    Raises:
        Refused: for a name or an opcode that no state dict needs, and for a damaged pickle.
    """
    machine = _Machine(scripted)
    try:
        for count, (opcode, arg, _) in enumerate(pickletools.genops(cast(IO[bytes], file))):
            if count > MAX_OPCODES:
                raise Refused("more instructions than any state dict has")
            if machine.step(opcode.name, arg) is _STOPPED:
                return machine.pop()
    except (
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        OverflowError,
        RecursionError,
        EOFError,
        struct.error,
    ) as error:
        raise Refused(f"it is damaged ({str(error) or type(error).__name__})") from error
    raise Refused("it is damaged (no end)")


class _Machine:
    """Stack and memo of one pickle."""

    def __init__(self, scripted: bool) -> None:
        self.scripted = scripted
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, arg: Any) -> object:
        """Do one instruction."""
        if name in _PUSHED:
            self.stack.append(arg)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _PLAIN:
            _PLAIN[name](self, arg)
        elif name == "STOP":
            return _STOPPED
        else:
            raise Refused(f"it uses {name}, which no state dict needs")
        return None

    def pop(self) -> Any:
        """The value on top."""
        value = self.stack.pop()
        if value is _MARK:
            raise Refused("it is damaged (a mark where a value is expected)")
        return value

    def pop_mark(self) -> list[Any]:
        """Values above the last mark."""
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise Refused("it is damaged (no mark)")
        values = self.stack[start + 1 :]
        del self.stack[start:]
        return values

    def name(self, module: str, name: str) -> None:
        """Put a name on the stack, if it is one of ours."""
        full = f"{module}.{name}"
        is_script = self.scripted and (module == SCRIPT_PREFIX or module.startswith(f"{SCRIPT_PREFIX}."))
        is_number = module == "torch" and name in _DTYPES
        if not (full in CONSTRUCTORS or full in STORAGE_TYPES or is_script or is_number):
            raise Refused(f"it names {full[:80]}, which no state dict needs")
        self.stack.append(Name(module, name))

    def reduce(self) -> None:
        """A call: of our own constructors alone."""
        args, what = self.pop(), self.pop()
        if not isinstance(what, Name) or str(what) not in CONSTRUCTORS or not isinstance(args, tuple):
            raise Refused(f"it calls {str(what)[:80]}, which no state dict needs")
        self.stack.append(CONSTRUCTORS[str(what)](*args))

    def new(self) -> None:
        """An object without arguments: an OrderedDict, or one of a TorchScript archive."""
        args, what = self.pop(), self.pop()
        if not isinstance(what, Name) or args != ():
            raise Refused("it builds an object that no state dict needs")
        if what.module.startswith(SCRIPT_PREFIX):
            self.stack.append(Module())
        elif str(what) == "collections.OrderedDict":
            self.stack.append({})
        else:
            raise Refused(f"it builds {what}, which no state dict needs")

    def build(self) -> None:
        """Attributes: kept for an object of an archive, dropped for a dict (the ``_metadata`` of state dicts)."""
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Module) and isinstance(state, dict):
            target.attributes.update(state)
        elif not isinstance(target, dict):
            raise Refused("it sets attributes of an object that has none")

    def append(self, values: list[Any]) -> None:
        """To a list."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise Refused("it appends to what is no list")
        target.extend(values)

    def set_items(self, values: list[Any]) -> None:
        """Of a dict; keys are strings or numbers."""
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise Refused("it sets items of what is no dict")
        target.update(self.pairs(values))

    @staticmethod
    def pairs(values: list[Any]) -> dict[Any, Any]:
        """Keys and values in turn. Other keys are refused: hashing a deep tuple would run out of the C stack."""
        keys = values[::2]
        if len(values) % 2 or not all(type(key) in (str, int) for key in keys):
            raise Refused("it has a dict whose keys are neither strings nor numbers")
        return dict(zip(keys, values[1::2], strict=True))

    def storage(self, what: Any) -> None:
        """``("storage", type, key, device, numel)``, in the old form with a sixth part that is None."""
        if not (
            isinstance(what, tuple)
            and len(what) in (5, 6)
            and what[0] == "storage"
            and what[5:] in ((), (None,))
        ):
            raise Refused("it refers to something that is no storage")
        kind, key, numel = what[1], what[2], what[4]
        if (
            not isinstance(kind, Name)
            or str(kind) not in STORAGE_TYPES
            or type(key) is not str
            or type(numel) is not int
        ):
            raise Refused("it has a storage of a kind that no state dict needs")
        if numel < 0:
            raise Refused(f"it has a storage of {numel} numbers")
        self.stack.append(Storage(key, STORAGE_TYPES[str(kind)], numel))

    def get(self, index: int) -> None:
        """From the memo."""
        self.stack.append(self.memo[index])

    def put(self, index: int) -> None:
        """Into the memo."""
        value = self.stack[-1]
        if value is _MARK:
            raise Refused("it is damaged (a mark where a value is expected)")
        self.memo[index] = value


_DTYPES = frozenset(
    {"float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"}
)
_PUSHED = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
    | {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8"}
)
_CONSTANTS: dict[str, Any] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
    "MARK": _MARK,
}


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        values = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(values)))

    return step


def _global(machine: _Machine, arg: str) -> None:
    module, _, name = arg.partition(" ")
    machine.name(module, name)


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise Refused("it is damaged (a name that is no string)")
    machine.name(module, name)


def _pop_top(machine: _Machine, _: Any) -> None:
    machine.stack.pop()


_PLAIN: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda m, a: None,
    "FRAME": lambda m, a: None,
    "POP": _pop_top,
    "POP_MARK": lambda m, a: (m.pop_mark(), None)[1],
    "DUP": lambda m, a: m.stack.append(m.stack[-1]),
    "EMPTY_LIST": lambda m, a: m.stack.append([]),
    "EMPTY_DICT": lambda m, a: m.stack.append({}),
    "LIST": lambda m, a: m.stack.append(m.pop_mark()),
    "DICT": lambda m, a: m.stack.append(m.pairs(m.pop_mark())),
    "TUPLE": lambda m, a: m.stack.append(tuple(m.pop_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": lambda m, a: m.append([m.pop()]),
    "APPENDS": lambda m, a: m.append(m.pop_mark()),
    "SETITEM": lambda m, a: m.set_items(list(reversed([m.pop(), m.pop()]))),
    "SETITEMS": lambda m, a: m.set_items(m.pop_mark()),
    "GET": lambda m, a: m.get(a),
    "BINGET": lambda m, a: m.get(a),
    "LONG_BINGET": lambda m, a: m.get(a),
    "PUT": lambda m, a: m.put(a),
    "BINPUT": lambda m, a: m.put(a),
    "LONG_BINPUT": lambda m, a: m.put(a),
    "MEMOIZE": lambda m, a: m.put(len(m.memo)),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda m, a: m.reduce(),
    "NEWOBJ": lambda m, a: m.new(),
    "BUILD": lambda m, a: m.build(),
    "BINPERSID": lambda m, a: m.storage(m.pop()),
}
"""Instructions that do something with the stack. INST, OBJ, NEWOBJ_EX, EXT and buffers are not among them on purpose."""

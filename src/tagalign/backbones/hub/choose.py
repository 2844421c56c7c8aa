"""A listing becomes exactly one set of weights and the small files beside it. Nothing is opened, nothing is asked.

The order, first that is there: (a) ``model.safetensors`` or its shards, (b) open_clip's safetensors, (c) safetensors of the
conversion robot's pull request whose parent is the head we list, (d) a pickle. A repository that holds two copies of one
model is fetched once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tagalign.backbones.hub.listing import Conversion, File, Listing
from tagalign.errors import ModelError, first_names

WeightLayout = Literal["transformers", "open_clip"]

CONFIGS: dict[WeightLayout, str] = {"transformers": "config.json", "open_clip": "open_clip_config.json"}
SMALL_SUFFIXES = (".json", ".txt", ".tsv")
SHOWN = 4
"""Names of files in a message."""

SMALL_LIMIT = 200_000_000
"""Bytes; the largest tokenizer that a known model brings has 61 MB. What is larger is data, not a small file."""

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
OTHER_FRAMEWORKS = {
    ".h5": "TensorFlow",
    ".msgpack": "Flax",
    ".onnx": "ONNX",
    ".gguf": "GGUF",
    ".tflite": "TFLite",
}

SAFETENSORS = "model.safetensors"
_SETS: tuple[tuple[WeightLayout, str], ...] = (
    ("transformers", SAFETENSORS),
    ("transformers", f"{SAFETENSORS}.index.json"),
    ("open_clip", "open_clip_model.safetensors"),
)
_PICKLED: tuple[tuple[WeightLayout, str], ...] = (
    ("transformers", "pytorch_model.bin"),
    ("transformers", "pytorch_model.bin.index.json"),
    ("open_clip", "open_clip_pytorch_model.bin"),
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is to be fetched.

    Attributes:
        layout: whose names the tensors have.
        weights: one file, or the index of several: its shards are known once it is read.
        small: config, tokenizer and their like, at the commit of the listing.
        pickled: whether the weights are a pickle.
        conversion: where the weights come from, when not from the listed commit.
        passed_over: what was looked at and left, in words, for the user.
    """

    layout: WeightLayout
    weights: File
    small: tuple[File, ...]
    pickled: bool = False
    conversion: Conversion | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def is_index(self) -> bool:
        """Whether ``weights`` names shards."""
        return self.weights.path.endswith(".index.json")


def choose(listing: Listing) -> Choice:
    """One set of weights of a listing.

    Raises:
        ModelError: if there is none that can be opened; it says what is there and what to do.
    """
    small = small_files(listing)
    for layout, path in _SETS:
        if path in listing and CONFIGS[layout] in listing:
            return Choice(layout=layout, weights=listing[path], small=small)
    # the robot converts pytorch_model.bin, never open_clip's own files: without a transformers config there is nothing of it
    conversion, passed = _conversion(listing) if CONFIGS["transformers"] in listing else (None, ())
    if conversion is not None:
        weights = next(f for f in conversion.files if f.path in {path for _, path in _SETS[:2]})
        return Choice(layout="transformers", weights=weights, small=small, conversion=conversion)
    for layout, path in _PICKLED:
        if path in listing and CONFIGS[layout] in listing:
            return Choice(layout=layout, weights=listing[path], small=small, pickled=True, passed_over=passed)
    raise ModelError(f"{listing.name}: {_nothing(listing, passed)}")


def wants_conversions(listing: Listing) -> bool:
    """Whether the pull requests of a repository matter: it has a config, and no safetensors of its own."""
    return CONFIGS["transformers"] in listing and not any(
        path in listing and CONFIGS[layout] in listing for layout, path in _SETS
    )


def small_files(listing: Listing) -> tuple[File, ...]:
    """Config, tokenizer and the like at the top of a listing; indexes of weights are not among them."""
    return tuple(
        file
        for file in listing.top()
        if file.path.endswith(SMALL_SUFFIXES)
        and not file.path.endswith(".index.json")
        and not file.path.startswith(".")
        # some listings say no size; a config without one is fetched all the same
        and (file.size or 0) <= SMALL_LIMIT
    )


def check_tokenizer(listing: Listing, choice: Choice) -> None:
    """Refuse an encoder without a tokenizer before its weights are fetched.

    Raises:
        ModelError: if there is neither ``tokenizer.json`` nor ``vocab.json`` with ``merges.txt``.
    """
    names = {file.path for file in choice.small}
    if "tokenizer.json" in names or {"vocab.json", "merges.txt"} <= names:
        return
    pieces = [file.path for file in listing.top() if file.path.endswith(".model")]
    there = f"; it has {pieces[0]} alone, which is not read" if pieces else ""
    raise ModelError(
        f"{listing.name}: has no tokenizer.json (nor vocab.json with merges.txt){there}; take a model or a revision that "
        "has one"
    )


def shards_of(index: Mapping[str, Any], listing: Listing, path: str) -> tuple[File, ...]:
    """The shards that an index names, in its order.

    Raises:
        ModelError: if the index is damaged, or names a file that is not there or not beside it.
    """
    table = index.get("weight_map")
    if not isinstance(table, dict) or not table or not all(isinstance(v, str) for v in table.values()):
        raise ModelError(f"{listing.name}: {path} is damaged (expected a weight_map from tensors to files)")
    names = list(dict.fromkeys(table.values()))
    # the index is a file of strangers: a name with a path would leave the folder
    missing = [name for name in names if "/" in name or "\\" in name or name not in listing]
    if missing:
        raise ModelError(
            f"{listing.name}: {path} names {missing[0]}, which is not there "
            f"({len(missing)} of {len(names)} files of the weights are missing); fetch the whole model again"
        )
    return tuple(listing[name] for name in names)


def _conversion(listing: Listing) -> tuple[Conversion | None, tuple[str, ...]]:
    """The newest pull request that was made from exactly what is listed, and a word about each older one."""
    usable = {path for _, path in _SETS[:2]}
    passed = []
    for conversion in listing.conversions:
        # the weights on the main branch changed since: the conversion is another model under the same name
        if conversion.parent != listing.commit:
            passed.append(
                f"{conversion.ref} converts the weights to safetensors, but was made from an older state "
                f"({conversion.parent[:8]}, now {str(listing.commit)[:8]}) and is passed over"
            )
        elif any(file.path in usable for file in conversion.files):
            return conversion, ()
    return None, tuple(passed)


def _nothing(listing: Listing, passed: tuple[str, ...]) -> str:
    """Why nothing can be opened: what was expected, what is there, what to do."""
    names = [file.path for file in listing.top()]
    weights = [name for name in names if name.endswith(".safetensors") or name.endswith(PICKLE_SUFFIXES)]
    others = sorted({kind for name in names for end, kind in OTHER_FRAMEWORKS.items() if name.endswith(end)})
    if not any(config in listing for config in CONFIGS.values()):
        return (
            f"not a model folder (config.json is missing); it has {first_names(names, SHOWN) or 'no files'}"
        )
    if weights:
        told = f"; {passed[0]}" if passed else ""
        return (
            f"model.safetensors is missing; there is {first_names(weights, SHOWN)}, which is read under the names "
            f"model.safetensors, open_clip_model.safetensors, pytorch_model.bin, open_clip_pytorch_model.bin{told}"
        )
    if others:
        return f"model.safetensors is missing; there are weights for {', '.join(others)} alone"
    return f"model.safetensors is missing; it has {first_names(names, SHOWN)}; the download may be incomplete"

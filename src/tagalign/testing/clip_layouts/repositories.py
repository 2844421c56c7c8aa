"""Repositories of a hub for one CLIP in every published layout, and what is to happen with each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from tagalign.testing.clip_layouts import small_files as small
from tagalign.testing.clip_layouts import weights as w
from tagalign.testing.clip_layouts.weights import Files, TensorDict
from tagalign.testing.model_hub import HubRepository

CONVERSION_TITLE = "Adding `safetensors` variant of this model"
"""Of the pull requests that the hub's conversion bot opens."""

BALLAST: Files = {
    ".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "README.md": b"---\nlicense: mit\n---\n# A model\n",
    "tf_model.h5": b"weights of another framework" * 1000,
    "flax_model.msgpack": b"weights of a third framework" * 1000,
}
"""Lies in many repositories and is nobody's business here."""


@dataclass(frozen=True)
class TodaysFolder:
    """One CLIP: a folder in today's form, and its tensors."""

    folder: Path
    state: TensorDict

    def files(self) -> Files:
        """Small files in today's form."""
        return small.transformers_files(self.folder)

    def old_files(self) -> Files:
        """Small files as OpenAI's repositories have them, and what else lies there."""
        return BALLAST | {
            **small.transformers_files(self.folder),
            **small.vocabulary_files(self.folder),
            "config.json": small.old_config(self.folder),
            "preprocessor_config.json": small.old_preprocessing(self.folder),
        }

    def open_clip_files(self) -> Files:
        """Small files where there is no ``config.json``."""
        files = small.transformers_files(self.folder)
        kept = {name: data for name, data in files.items() if name.startswith("tokenizer")}
        return BALLAST | kept | {"open_clip_config.json": small.open_clip_config(self.folder)}

    def safetensors(self, dtype: torch.dtype = torch.float32) -> bytes:
        """The weights under transformers' names."""
        return w.safetensors_bytes({name: tensor.to(dtype) for name, tensor in self.state.items()})

    def pickle(self) -> bytes:
        """The same as a pickle, with the buffers that old checkpoints carry."""
        return w.pickle_bytes(w.with_position_ids(self.state))

    def open_clip_pickle(self) -> bytes:
        """The same under open_clip's names."""
        return w.pickle_bytes(w.open_clip_state(self.state))

    def open_clip_safetensors(self, *, text_prefix: str = "") -> bytes:
        """Those as safetensors."""
        return w.safetensors_bytes(w.open_clip_state(self.state, text_prefix=text_prefix))


@dataclass(frozen=True)
class ClipLayout:
    """A repository with what is expected of who opens it.

    Attributes:
        name: of the layout, for messages.
        repository: to serve.
        weights: files of the one set of weights that is to be fetched.
        is_unknown_pickle: whether it has nothing but a pickle of a stranger, opened only when the user allows it.
        tolerance: how far scores may be from those of the source folder.
    """

    name: str
    repository: HubRepository
    weights: tuple[str, ...]
    is_unknown_pickle: bool = False
    tolerance: float = 1e-6


MAIN, BIN = "model.safetensors", "pytorch_model.bin"
OPEN_CLIP, OPEN_CLIP_BIN = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
HALF = 2e-2  # scores of weights with 8 (bfloat16) or 11 bits of precision; measured 4e-3 and 4e-4


def clip_repositories(folder: Path) -> tuple[ClipLayout, ...]:
    """One repository for every layout, all with the numbers of ``folder`` (of ``testing.clip_folder``).

    Those with only a pickle carry ids of published checkpoints, which are known and opened without a question, or
    ids of a stranger.
    """
    source = TodaysFolder(folder, w.read_state(folder))
    groups: tuple[Callable[[TodaysFolder], Iterator[ClipLayout]], ...] = (
        _safetensors_layouts,
        _open_clip_layouts,
        _pickle_layouts,
        _conversion_layouts,
        _config_layouts,
    )
    return tuple(layout for group in groups for layout in group(source))


def _layout(name: str, files: Files, *weights: str, id: str = "", tolerance: float = 1e-6) -> ClipLayout:
    return ClipLayout(name, HubRepository(id or f"lab/{name}", files), weights, tolerance=tolerance)


def _safetensors_layouts(source: TodaysFolder) -> Iterator[ClipLayout]:
    today, main = source.files(), source.safetensors()
    yield _layout("main", BALLAST | today | {MAIN: main, BIN: source.pickle()}, MAIN)
    shards = w.shard_files(source.state)
    names = tuple(name for name in shards if name.endswith(".safetensors"))
    yield _layout("shards", BALLAST | today | shards, *names)
    stale = {"model.safetensors.index.json": shards["model.safetensors.index.json"]}
    yield _layout("stale-index", today | stale | {MAIN: main}, MAIN)
    bare = w.safetensors_bytes(w.with_position_ids(source.state), has_format=False)
    yield _layout("position-ids", today | {MAIN: bare}, MAIN)
    for dtype, name in ((torch.float16, "float16"), (torch.bfloat16, "bfloat16")):
        yield _layout(name, today | {MAIN: source.safetensors(dtype)}, MAIN, tolerance=HALF)


def _open_clip_layouts(source: TodaysFolder) -> Iterator[ClipLayout]:
    theirs = source.open_clip_safetensors()
    both = BALLAST | source.files() | source.open_clip_files()
    yield _layout("both", both | {MAIN: source.safetensors(), OPEN_CLIP: theirs}, MAIN)
    only = source.open_clip_files() | {OPEN_CLIP: theirs, OPEN_CLIP_BIN: source.open_clip_pickle()}
    yield _layout("open-clip", only, OPEN_CLIP)
    custom = source.open_clip_safetensors(text_prefix="text.")
    yield _layout("open-clip-custom-text", source.open_clip_files() | {OPEN_CLIP: custom}, OPEN_CLIP)
    plain = {
        **BALLAST,
        **small.vocabulary_files(source.folder, has_class=False),
        "open_clip_config.json": small.open_clip_config(source.folder),
    }
    yield _layout("open-clip-vocabulary", plain | {OPEN_CLIP: theirs}, OPEN_CLIP)


def _pickle_layouts(source: TodaysFolder) -> Iterator[ClipLayout]:
    metaclip = {
        **source.old_files(),
        "config.json": small.metaclip_config(source.folder),
        "added_tokens.json": b"{}",
        BIN: source.pickle(),
        "metaclip_b16_400m.bin": source.open_clip_pickle(),
    }
    del metaclip["tokenizer.json"]
    yield _layout("metaclip", metaclip, BIN, id="facebook/metaclip-b16-400m")
    apple = source.open_clip_files() | {OPEN_CLIP_BIN: source.open_clip_pickle()}
    yield _layout("open-clip-pickle", apple, OPEN_CLIP_BIN, id="apple/DFN2B-CLIP-ViT-B-16")
    legacy = w.pickle_bytes(w.with_position_ids(source.state), is_legacy=True)
    strangers = HubRepository("lab/legacy-pickle", source.old_files() | {BIN: legacy})
    yield ClipLayout("legacy-pickle", strangers, (BIN,), is_unknown_pickle=True)


def _conversion_layouts(source: TodaysFolder) -> Iterator[ClipLayout]:
    """OpenAI's form: a pickle on main and safetensors in pull requests, of which one kind may be followed."""
    files, converted = source.old_files() | {BIN: source.pickle()}, {MAIN: source.safetensors()}
    wrong = {MAIN: w.safetensors_bytes({k: torch.zeros_like(v) for k, v in source.state.items()})}

    followed = HubRepository("openai/clip-vit-base-patch16", files)
    followed.open_pull_request(converted, title=CONVERSION_TITLE)
    yield ClipLayout("conversion", followed, (MAIN,))

    stale = HubRepository("openai/clip-vit-base-patch32", files)
    stale.open_pull_request(wrong, title=CONVERSION_TITLE)
    stale.commit({"README.md": b"newer"}, title="Update README.md")
    yield ClipLayout("conversion-stale", stale, (BIN,))

    two = HubRepository("openai/clip-vit-large-patch14-336", files)
    two.open_pull_request(wrong, title=CONVERSION_TITLE)
    two.commit({"README.md": b"newer"}, title="Update README.md")
    two.open_discussion("Which licence?")
    two.open_pull_request(converted, title=CONVERSION_TITLE)
    two.open_pull_request({"README.md": b"better"}, title="Better words", author="reader")
    yield ClipLayout("conversion-two-open", two, (MAIN,))

    for name, title, author, status in _UNTRUSTED:
        repository = HubRepository(f"lab/conversion-{name}", files)
        repository.open_pull_request(wrong, title=title, author=author, status=status)
        yield ClipLayout(f"conversion-{name}", repository, (BIN,), is_unknown_pickle=True)


_UNTRUSTED = (
    ("other-title", "Adding safetensors variant of this model", "SFconvertbot", "open"),
    ("other-author", CONVERSION_TITLE, "reader", "open"),
    ("closed", CONVERSION_TITLE, "SFconvertbot", "closed"),
)


def _config_layouts(source: TodaysFolder) -> Iterator[ClipLayout]:
    weights = {MAIN: source.safetensors()}
    old = source.old_files() | weights
    yield _layout("old-config", old, MAIN)
    for name, config in (
        ("filled-dicts", small.filled_dicts_config(source.folder)),
        ("only-dicts", small.only_dicts_config(source.folder)),
        ("unknown-keys", small.metaclip_config(source.folder)),
    ):
        yield _layout(name, source.files() | weights | {"config.json": config}, MAIN)
    vocabulary = source.files() | weights | small.vocabulary_files(source.folder, has_class=False)
    del vocabulary["tokenizer.json"], vocabulary["tokenizer_config.json"]
    yield _layout("vocabulary-and-merges", vocabulary, MAIN)
    nested = source.files() | weights | {"processor_config.json": small.nested_processor(source.folder)}
    del nested["preprocessor_config.json"]
    yield _layout("nested-processor", nested, MAIN)

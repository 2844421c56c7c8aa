"""The table of methods: what each can do, needs and costs, its options, and where it is built.

Every list of methods in a message, a help text, a doc page or a test is made from here. Importing it costs nothing: the
modules that compute are imported when a method is built.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tagalign.backbones.modes import DENSE_MODES
from tagalign.errors import InputError, UnknownNameError
from tagalign.methods.class_token.options import ClassTokenOptions
from tagalign.methods.cls_seg.options import ClsSegOptions
from tagalign.methods.dense.mode_options import options_in_mode
from tagalign.methods.dense.options import DenseOptions, TagAlignOptions
from tagalign.methods.gated.options import GatedOptions
from tagalign.methods.options import facts_of
from tagalign.methods.piaa.options import PiaaOptions
from tagalign.methods.proxy.options import ProxyOptions
from tagalign.methods.tag2text.options import Tag2TextOptions
from tagalign.methods.tagclip.options import TagClipOptions
from tagalign.methods.trusty.options import TrustyOptions
from tagalign.option_fields import Verb
from tagalign.registry import Entries

if TYPE_CHECKING:
    from tagalign.methods.opened import Opened
    from tagalign.methods.protocols import Method
    from tagalign.methods.resources import Resources

DENSE: tuple[Verb, ...] = ("tag", "segment", "refer", "search")


@dataclass(frozen=True, kw_only=True)
class MethodEntry:
    """One method.

    Attributes:
        summary: what it is, in one line.
        source: paper.
        options: its frozen options class.
        can: the verbs it answers.
        builder: module with ``build(opened, options, resources)``.
        cost: passes of the encoder per image, in words.
        needs_look: whether it learns from a folder first (``tagalign look``).
        trained_by: the command that makes its trained part, ``{model}`` in it; empty for a method without one.
        labels_compete: whether the score of a tag depends on the labels and background words beside it.
    """

    summary: str
    source: str
    options: type[Any]
    can: tuple[Verb, ...]
    builder: str
    cost: str
    trained_by: str = ""
    needs_look: bool = False
    labels_compete: bool = True


class DenseEntry:
    """The method of a dense mode; see ``MethodEntry``. What its file says is read when it is asked for."""

    can: tuple[Verb, ...] = DENSE
    builder: str = "tagalign.methods.dense.build"
    trained_by: str = ""
    needs_look: bool = False
    labels_compete: bool = True

    def __init__(self, mode: str) -> None:
        self._mode = mode

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        return DENSE_MODES[self._mode].summary

    @property
    def source(self) -> str:
        """Paper."""
        return DENSE_MODES[self._mode].source

    @property
    def cost(self) -> str:
        """Passes of the encoder per image, in words."""
        return DENSE_MODES[self._mode].cost

    @property
    def options(self) -> type[Any]:
        """Those of every dense method, then the mode's own."""
        return options_in_mode(DENSE_MODES[self._mode].kind)


Entry = MethodEntry | DenseEntry


class MethodTable(Entries[Entry]):
    """The dense modes, each a method of the same name, then the methods that are registered here."""

    def __init__(self, own: dict[str, Entry]) -> None:
        super().__init__("method")
        self._added = own

    def __getitem__(self, name: str) -> Entry:
        return DenseEntry(name) if name in DENSE_MODES else self._added[name]

    def __iter__(self) -> Iterator[str]:
        yield from DENSE_MODES
        yield from self._added

    def __len__(self) -> int:
        return len(DENSE_MODES) + len(self._added)


METHODS = MethodTable(
    {
        "tagclip": MethodEntry(
            summary="tags from local patches, looked at again as a whole",
            source="Lin et al., arXiv:2312.12828",
            options=TagClipOptions,
            can=("tag",),
            builder="tagalign.methods.tagclip.build",
            cost="one pass, and one crop per candidate label",
        ),
        "cls-seg": MethodEntry(
            summary="TagCLIP's tags, then class activation maps of them",
            source="Lin et al., arXiv:2312.12828, and CLIP-ES, arXiv:2212.09506",
            options=ClsSegOptions,
            can=("tag", "segment"),
            builder="tagalign.methods.cls_seg.build",
            cost="as tagclip, and the last block once per image",
        ),
        "clip-cls": MethodEntry(
            summary="tags from the class token alone, labels competing in a softmax",
            source="Radford et al., arXiv:2103.00020, as in Table 2 of arXiv:2312.12828",
            options=ClassTokenOptions,
            can=("tag",),
            builder="tagalign.methods.class_token.build",
            cost="one pass",
        ),
        "clip-cls-logits": MethodEntry(
            summary="tags from the class token alone, each label by itself",
            source="Guo et al., arXiv:2211.12739, as in Table 2 of arXiv:2312.12828",
            options=ClassTokenOptions,
            can=("tag",),
            builder="tagalign.methods.class_token.build",
            cost="one pass",
            labels_compete=False,
        ),
        "gated": MethodEntry(
            summary="the tags of an image prune the label list of a dense method",
            source="ours, after TagCLIP's classify-then-segment",
            options=GatedOptions,
            can=("tag", "segment"),
            builder="tagalign.methods.gated.build",
            cost="as tagclip, and one pass of the dense method",
        ),
        "proxy": MethodEntry(
            summary="last attention by the likeness of patches in a second encoder",
            source="Lan et al., arXiv:2408.04883",
            options=ProxyOptions,
            can=("tag", "segment", "refer"),
            builder="tagalign.methods.proxy.build",
            cost="one pass per window, and one of the companion",
        ),
        "piaa": MethodEntry(
            summary="a Gaussian per label over the surest patches of a folder",
            source="PIAA, arXiv:2605.25821",
            options=PiaaOptions,
            can=("tag", "segment"),
            builder="tagalign.methods.piaa.build",
            cost="one pass; a look at the folder before",
            needs_look=True,
        ),
        "groupvit": MethodEntry(
            summary="every patch with the features of its group; a GroupViT model",
            source="Xu et al., arXiv:2202.11094",
            options=DenseOptions,
            can=("tag", "segment", "refer"),
            builder="tagalign.methods.groupvit",
            cost="one pass",
            trained_by="tagalign train --method groupvit --pairs PAIRS --model {model} --out FOLDER",
        ),
        "tagalign": MethodEntry(
            summary="a projector trained on the tags of captions",
            source="Liu et al., arXiv:2312.14149",
            options=TagAlignOptions,
            can=DENSE,
            builder="tagalign.methods.tagalign.folder",
            cost="one pass",
            trained_by="tagalign train --pairs PAIRS --model {model} --out FOLDER",
        ),
        "trusty": MethodEntry(
            summary="open-vocabulary segmentation with a trusty token",
            source="Li et al., arXiv:2304.07547",
            options=TrustyOptions,
            can=("segment",),
            builder="tagalign.methods.trusty.folder",
            cost="one pass with prompts, and a small decoder",
            trained_by="tagalign train --method trusty --data voc2012 --path FOLDER --model {model} --out FOLDER",
        ),
        "tag2text": MethodEntry(
            summary="tagging, tag-guided captions, retrieval, questions",
            source="Huang et al., arXiv:2303.05657",
            options=Tag2TextOptions,
            can=("tag", "caption", "ask", "search"),
            builder="tagalign.methods.tag2text.folder",
            cost="one pass; captions decode word by word",
            trained_by="tagalign train --method tag2text (or tagalign import tag2text CHECKPOINT)",
        ),
    }
)

# A default works on every family and depth, exports, and costs at most 1.2 of a plain pass. Of those that do it is the one
# with the best numbers on photos, as published, that is no worse than the plainest on validation scenes of both packaged
# encoders, in numbers and in pictures. For masks: naclip and pearl (39.4 and 40.6 over eight sets) fall below maskclip (27.9
# to 30.3) on `tiny`; scclip (43.9) paints small things over on both encoders and does not export; surgery is above maskclip
# in the one table that has both (32.1 to 28.7 over three sets) and first or second on all drawn scenes. For phrases no table
# compares modes, so the drawn scenes decide: surgery. With one mode for both a photo is encoded once. All numbers:
# docs/guide/masks.md.
DEFAULTS: Mapping[Verb, str] = {
    "tag": "tagclip",
    "segment": "surgery",
    "refer": "surgery",
    "search": "clip",
    "caption": "tag2text",
    "ask": "tag2text",
}
"""The method of a verb when none is named and the model holds no trained part: the best that needs no training."""


def methods(*, can: str | None = None) -> tuple[str, ...]:
    """Names of all methods, or of those that answer a verb.

    >>> methods(can="caption")
    ('tag2text',)

    Raises:
        UnknownNameError: for a verb that no method answers.
    """
    if can is not None and can not in DEFAULTS:
        raise UnknownNameError("verb", can, DEFAULTS)
    return tuple(name for name, entry in METHODS.items() if can is None or can in entry.can)


def training_free() -> tuple[str, ...]:
    """Methods that run on any encoder as it is published, without a look at a folder before."""
    return tuple(name for name, entry in METHODS.items() if not entry.trained_by and not entry.needs_look)


def trained_kinds() -> tuple[str, ...]:
    """Methods that are trained: the ``model_type`` of the folders they write, which open with them."""
    return tuple(name for name, entry in METHODS.items() if entry.trained_by)


def find_method(name: str) -> Entry:
    """An entry by name.

    Raises:
        UnknownNameError: listing the known ones.
    """
    return METHODS.find(name)


def method_for(verb: Verb, *, asked: str | None, trained: str | None) -> str:
    """The method that answers a verb: the one asked for, else what the folder was trained for, else the default.

    Args:
        verb: what is asked.
        asked: by name.
        trained: kind of the trained part of the model.

    Raises:
        UnknownNameError: for a method that does not exist.
        InputError: for one that cannot do it; the message names those that can.
    """
    chosen = asked or trained or DEFAULTS[verb]
    if verb not in find_method(chosen).can:
        if asked is None and trained is not None:
            trained = f"the {trained} model of this folder"
        raise refuse_verb(trained if asked is None and trained else f"method {chosen!r}", verb)
    return chosen


def background_words_act(method: str, verb: str, *, has_background: bool) -> bool:
    """Whether words that compete and are never answered change an answer.

    They do in tags whose labels compete, and in masks of methods that tag first (CLS-SEG, gated); in masks of a dense method
    only where there is a background that they can win for.
    """
    can_tag_first = {"cls-seg", "gated"}
    competes = method not in METHODS or METHODS[method].labels_compete
    return (verb == "tag" and competes) or (verb == "segment" and (method in can_tag_first or has_background))


def background_is_a_name(method: str) -> bool:
    """Whether a benchmark's background class is asked as a name: a method trained with masks has no rule for it."""
    return method in {"trusty"}


def look_acts(method: str, verb: str) -> bool:
    """Whether a look at the folder changes an answer: it does in tags, and in masks of methods that tag first."""
    verbs = {fact.name: fact.verbs for fact in facts_of(find_method(method).options)}
    return "look" in verbs and (not verbs["look"] or verb in verbs["look"])


def refuse_verb(who: str, verb: str) -> InputError:
    """The refusal of a method that cannot answer a verb."""
    return InputError(f"{who} cannot {verb}; these can: {', '.join(methods(can=verb))}")


def build_method(opened: "Opened", options: Any, resources: "Resources") -> "Method[Any]":
    """Import the builder of ``opened.method`` and call it."""
    return import_module(find_method(opened.method).builder).build(opened, options, resources)

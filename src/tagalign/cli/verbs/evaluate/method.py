"""What is evaluated: the method, with its options from flags, protocol and benchmark, and the words it is asked.

A flag acts or is refused by name; what a protocol sets and a method cannot honour is refused with both names. So
``result.json`` lists nothing that did not act.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tagalign.cli.verbs.evaluate.settings import EvaluateSettings, calibration_count
from tagalign.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

    from tagalign.labels import LabelSet
    from tagalign.methods.protocols import Method
    from tagalign.option_fields import Verb

VERB_OF: Mapping[str, "Verb"] = {
    "segmentation": "segment",
    "boxes": "segment",
    "referring": "refer",
    "tagging": "tag",
    "captions": "caption",
    "caption-tags": "caption",
    "questions": "ask",
    "retrieval": "search",
}
"""The verb that a kind of benchmark asks."""

LABELLED = frozenset({"segmentation", "tagging", "boxes"})
"""Kinds of benchmarks that ask for a list of labels."""

THRESHOLD_OF: Mapping[str, str] = {
    "segment": "background_threshold",
    "refer": "phrase_threshold",
    "tag": "threshold",
}
"""The option that ``--threshold`` sets: from which score on a pixel, a region, a tag counts."""


def check_method(settings: EvaluateSettings, kind: str) -> None:
    """Refuse a model that is not there, and options that its method has not, before anything heavy is imported.

    Raises:
        InputError: naming the option; whether options fit each other is asked with those of protocol and benchmark.
    """
    from tagalign.methods.options import read_options
    from tagalign.methods.table import find_method

    method = settings.options(VERB_OF[kind])["method"]
    read_options(find_method(method).options, settings.method_options(), method=method)


def open_method(
    settings: EvaluateSettings,
    data: Any,
    kind: str,
    labels: "LabelSet | None",
    text_cache: "Path | None" = None,
) -> "tuple[Method[Any], LabelSet | None]":
    """The method and the words that it is asked.

    Args:
        settings: of the verb.
        data: the opened benchmark.
        kind: what is asked.
        labels: the words of the protocol and the flags.
        text_cache: folder of label embeddings.

    Raises:
        InputError: for a flag or protocol that the method cannot honour in this kind of benchmark.
    """
    from tagalign.methods.load import load_method

    verb = VERB_OF[kind]
    options = settings.options(verb, **_flags(settings, data, verb, labels))
    if settings.cross_dataset and "weighting" not in _known(options["method"]):
        raise InputError(
            f"--cross-dataset belongs to models of `tagalign train --method trusty`; {settings.model} answers with "
            f"{options['method']}, which has no trusty token to leave out"
        )
    # after what was typed: a flag wins over the protocol, and only what both leave open is the method's own
    options = _with_protocol(settings, options)
    # a benchmark without a background class must not lose pixels to one
    known = _known(options["method"])
    if "background_rule" in known and verb == "segment":
        options.setdefault("background_rule", getattr(data, "has_background", False))
    labels = _used_words(settings, options, verb, labels)
    count = calibration_count(settings.threshold)
    if count is not None:
        options[THRESHOLD_OF[verb]] = _calibrated(settings, options, data, verb, labels, count)
    return load_method(settings.model, text_cache=text_cache, **options), labels


def _flags(settings: EvaluateSettings, data: Any, verb: "Verb", labels: "LabelSet | None") -> dict[str, Any]:
    """Options that the verb's own flags set."""
    flags: dict[str, Any] = {"short_side": settings.short_side, "stitch": settings.stitch or None}
    if labels is None:
        for flag in ("wording", "labels_file", "background_words"):
            if getattr(settings, flag) is not None:
                raise InputError(
                    f"--{flag.replace('_', '-')} does not act: {settings.data} asks for no list of labels here; leave it out"
                )
    if settings.refine is not None:
        _only(verb, "--refine", {"segment"}, "it changes label maps")
        flags["refine"] = settings.refine
    if settings.templates is not None and labels is None:
        from tagalign.tags.label_sets import template_set

        _only(verb, "--templates", {"refer"}, "it fills the names of labels, or phrases, into prompts")
        flags["phrase_templates"] = template_set(settings.templates)
    if settings.cross_dataset:
        flags["weighting"] = "cross-dataset"
    if settings.threshold is not None and calibration_count(settings.threshold) is None:
        flags[_threshold_option(verb)] = settings.threshold
        if verb == "segment" and not getattr(data, "has_background", False):
            raise InputError(
                f"--threshold {settings.threshold}: {settings.data} has no background class that a threshold could give"
            )
    return flags


def _only(verb: str, flag: str, verbs: set[str], why: str) -> None:
    if verb not in verbs:
        raise InputError(f"{flag} does not act in a benchmark of this kind: {why}; leave it out")


def _threshold_option(verb: str) -> str:
    _only(verb, "--threshold", set(THRESHOLD_OF), "it decides which pixels, regions or tags count")
    return THRESHOLD_OF[verb]


def _known(method: str) -> tuple[str, ...]:
    from tagalign.methods.options import option_names
    from tagalign.methods.table import find_method

    return option_names(find_method(method).options)


def _with_protocol(settings: EvaluateSettings, options: dict[str, Any]) -> dict[str, Any]:
    """The protocol's options below those that were given; refused where the method has them not."""
    from tagalign.evaluate.protocols import find_protocol

    method = options["method"]
    protocol = find_protocol(settings.protocol)
    asked = protocol.method_options(settings.data)
    if settings.data in protocol.presets and "preset" in _known(method):
        asked["preset"] = protocol.presets[settings.data]
    given = {name: value for name, value in options.items() if name not in {"method", "device", "batch_size"}}
    for name in {**asked, **given}:
        if name not in _known(method):
            flag = f"--{name.replace('_', '-')}"
            raise InputError(
                f"method {method!r} has no option {name!r}, which {flag} or protocol {settings.protocol!r} sets; "
                "choose another method or protocol"
            )
    return asked | options


def _used_words(
    settings: EvaluateSettings, options: Mapping[str, Any], verb: str, labels: "LabelSet | None"
) -> "LabelSet | None":
    """The labels without background words where those would not act.

    Raises:
        InputError: if they were asked for by a flag.
    """
    from tagalign.methods.table import background_words_act

    has_background = bool(options.get("background_rule"))
    if labels is None or not labels.background:
        return labels
    if background_words_act(options["method"], verb, has_background=has_background):
        return labels
    if settings.background_words is not None:
        if verb == "tag":
            raise InputError(
                f"--background-words {settings.background_words} does not act: method {options['method']!r} scores each "
                "label by itself; leave it out"
            )
        raise InputError(
            f"--background-words {settings.background_words} does not act: {settings.data} has no background class that the "
            f"words could win for, and method {options['method']!r} tags nothing first; leave it out"
        )
    return dataclasses.replace(labels, background=())


def _calibrated(
    settings: EvaluateSettings,
    options: Mapping[str, Any],
    data: Any,
    verb: str,
    labels: "LabelSet | None",
    count: int,
) -> float:
    """The background threshold with the best mIoU on the first images of a split that is not tested on."""
    import sys

    from tagalign.evaluate.background import best_threshold
    from tagalign.methods.load import load_method

    if verb != "segment" or not getattr(data, "has_background", False):
        raise InputError(
            f"--threshold {settings.threshold} chooses the threshold of the background; {settings.data} has none"
        )
    if THRESHOLD_OF[verb] not in _known(options["method"]):
        raise InputError(f"method {options['method']!r} has no background threshold to calibrate")
    kept_aside = _other_split(settings)
    # without the rule the scores are there for every threshold at once: one pass instead of one per value
    bare: Any = load_method(settings.model, **{**options, "background_rule": False})
    found = best_threshold(bare, kept_aside, labels=labels, images=count, batch_size=settings.batch_size)
    used = min(count, len(kept_aside))
    print(f"background threshold {found:.6g}, from {used} images of {kept_aside.split}", file=sys.stderr)
    return found


def _other_split(settings: EvaluateSettings) -> Any:
    """A split of the benchmark that is not tested on: the one given, else the first after the default."""
    from tagalign.data.benchmarks import find_benchmark, open_benchmark

    splits = find_benchmark(settings.data).splits
    tested = settings.split or next(iter(splits))
    others = [split for split in splits if split != tested]
    wanted = settings.calibrate_split or (others[0] if others else "")
    if wanted == tested or not wanted:
        raise InputError(
            f"--threshold {settings.threshold} needs a split that is not tested on; {settings.data} has {', '.join(splits)}"
        )
    if wanted not in splits:
        raise UnknownNameError(f"split of {settings.data}", wanted, splits)
    return open_benchmark(settings.data, settings.path, wanted)

"""From the flags of ``tagalign segment`` to what is asked of every photo, and what would not act."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.photo_flow import cache_option
from tagalign.cli.verbs.segment.settings import AUTO_REGIONS, SegmentSettings, names_of
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.labels import LabelSet
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.region_choice import RegionChoice
    from tagalign.tasks.regions.options import RegionOptions


def job_spec(settings: SegmentSettings) -> "JobSpec":
    """What is asked of every photo.

    Raises:
        InputError: for a flag that would not act on the masks of this method.
    """
    facts = settings.job_facts("segment", **_mask_options(settings))
    facts["options"] |= cache_option(settings)
    if settings.companion_cache is not None:
        facts["options"] |= {"companion_cache": settings.companion_cache}
    _check_look(settings, facts["method"])
    labels = _asked(settings, facts)
    _region_options(settings)  # what was typed wrongly is said before torch is imported
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import SegmentQuestion

    return JobSpec(
        question=SegmentQuestion(labels=labels, regions=_regions(settings), min_area=_min_area(settings)),
        **facts,
        workers=settings.workers,
        fast_decode=settings.fast_decode,
        disagreement=settings.disagreement,
    )


def _regions(settings: SegmentSettings) -> "RegionChoice | None":
    if settings.regions is None:
        return None
    from tagalign.tasks.photos.region_choice import RegionChoice
    from tagalign.tasks.photos.region_files import is_one_photo

    options = _region_options(settings)
    if settings.regions == AUTO_REGIONS:
        return RegionChoice(
            generator=settings.mask_generator,
            options=options,
            points_per_side=settings.points_per_side,
            device=settings.device,
        )
    return RegionChoice(
        files=Path(settings.regions), only_photo=is_one_photo(settings.images), options=options
    )


def _region_options(settings: SegmentSettings) -> "RegionOptions":
    from tagalign.methods.options import build_options, split_assignments
    from tagalign.tasks.regions.options import RegionOptions

    given = split_assignments(settings.region_option, "--region-option", "min_pixels=16")
    return build_options(RegionOptions, given, owner="--regions")


def _min_area(settings: SegmentSettings) -> int | None:
    from tagalign.tasks.regions.options import MIN_AREA

    if not settings.instances:
        return None
    return MIN_AREA if settings.min_area is None else settings.min_area


def _check_look(settings: SegmentSettings, method: str) -> None:
    from tagalign.methods.table import look_acts, methods

    if settings.look is None:
        return
    from tagalign.methods.looks.head import read_head

    if look_acts(method, "segment"):
        read_head(settings.look)  # what is no look is said before torch is imported
    elif not settings.look.exists() or "experts" not in read_head(settings.look)[1]:
        able = ", ".join(name for name in methods(can="segment") if look_acts(name, "segment"))
        raise InputError(
            f"--look does not act on masks of method {method!r}; it does with {able}, and with dense methods where it "
            "was made with --experts"
        )


def _asked(settings: SegmentSettings, facts: dict[str, Any]) -> "LabelSet":
    """The labels; background words that would not act are refused where a flag asks for them, else left out."""
    from tagalign.methods.table import background_words_act

    labels = settings.prompted_labels()
    method, has_background = facts["method"], bool(facts["options"].get("background_rule"))
    return settings.acting_labels(
        labels,
        background_words_act(method, "segment", has_background=has_background),
        f"without --background, method {method!r} has no class that the words could win for; add --background",
    )


def check_seen(settings: SegmentSettings) -> None:
    """Refuse --seen and --unseen where labels are all alike.

    Raises:
        InputError: naming the method.
    """
    if settings.seen is None and settings.unseen is None:
        return
    method = settings.options("segment")["method"]
    if method != "trusty":
        raise InputError(
            f"--seen and --unseen belong to models of `tagalign train --method trusty`; "
            f"{settings.model} answers with {method}, which treats all labels alike"
        )


def _mask_options(settings: SegmentSettings) -> dict[str, Any]:
    """Only what was asked for; a method without such an option refuses it."""
    asked = {
        "background_rule": settings.background,
        "background_threshold": settings.threshold,
        "look": settings.look,
        "refine": settings.refine,
        "short_side": settings.short_side,
        "stitch": settings.stitch,
        "companion": settings.companion,
        "seen": names_of(settings.seen),
        "unseen": names_of(settings.unseen),
    }
    given = {name: None if value is False else value for name, value in asked.items()}
    return given if settings.aliases else {**given, "use_aliases": False}

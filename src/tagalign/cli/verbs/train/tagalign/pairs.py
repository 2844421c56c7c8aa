"""What ``tagalign train`` learns from: tags of captions, and features or pixels of the images."""

from typing import TYPE_CHECKING

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.verbs.train.tagalign.counted_warnings import CountedWarnings
from tagalign.cli.verbs.train.tagalign.settings import TrainSettings

if TYPE_CHECKING:
    from tagalign.backbones.protocols import Backbone
    from tagalign.data.feature_pairs import FeaturePairs
    from tagalign.data.pair_records import ShardRef
    from tagalign.data.pixel_pairs import PixelPlan
    from tagalign.data.processes import Processes
    from tagalign.data.tag_table import TagTable
    from tagalign.tags.vocabulary import TagVocabulary
    from tagalign.train.tagalign.plan import TrainingPairs


def open_tags(settings: TrainSettings) -> "tuple[TagVocabulary | None, TagTable | None]":
    """The vocabulary and the tags of the captions; None and None where no tag loss asks for them."""
    if not settings.tag_loss_weight or settings.tags is None or settings.vocabulary is None:
        return None, None
    from tagalign.data.tag_table import load_tag_table
    from tagalign.tags.vocabulary import TagVocabulary

    vocabulary = TagVocabulary.load(settings.vocabulary)
    return vocabulary, load_tag_table(settings.tags, vocabulary, kinds=settings.kinds)


def open_pairs(
    settings: TrainSettings,
    backbone: "Backbone",
    refs: "list[ShardRef]",
    tags: "TagTable | None",
    *,
    processes: "Processes",
) -> "TrainingPairs":
    """Features from a cache, which is filled first, or a stream of pixels with what encodes it."""
    from tagalign.data.cached_pairs import cached_pairs
    from tagalign.data.pixel_pairs import pixel_source, stream_facts
    from tagalign.train.tagalign.plan import TrainingPairs

    pixels = pixel_plan(settings, processes)
    held_out = _held_out(settings, backbone, tags, pixels) if processes.looks else None
    if settings.cache_features is None:
        stream, encode = pixel_source(
            backbone,
            refs,
            tags,
            pixels,
            batch_size=settings.batch_size,
            seed=settings.seed,
            world=processes,
            with_texts=settings.contrastive_weight > 0,
        )
        facts = stream_facts(stream.plan, refs)
        return TrainingPairs(pairs=stream, encode=encode, held_out=held_out, facts=facts)
    with StepBar("encoding", None) as bar:
        cached = cached_pairs(
            backbone,
            refs,
            settings.cache_features,
            tags,
            pixels,
            on_broken=CountedWarnings().add,
            progress=bar.to if processes.is_first else None,
            world=processes,
        )
    facts = {"cache_dtype": settings.cache_dtype, "size": pixels.size}
    return TrainingPairs(pairs=cached, held_out=held_out, facts=facts)


def pixel_plan(settings: TrainSettings, processes: "Processes") -> "PixelPlan":
    """How pixels are read and encoded."""
    from tagalign.data.pixel_pairs import PixelPlan
    from tagalign.ops.precision import resolve_precision
    from tagalign.train.tagalign.profiles import train_profile

    return PixelPlan(
        profile=settings.profile,
        size=settings.size,
        mode=settings.mode,
        precision=resolve_precision(settings.precision, processes.device),
        compile_encoder=settings.compile,
        chunk=settings.chunk,
        workers=settings.loaders,
        streams=settings.streams,
        augmentation=settings.augmentation or train_profile(settings.profile).augmentation,
        cache_dtype=settings.cache_dtype,
    )


def _held_out(
    settings: TrainSettings, backbone: "Backbone", tags: "TagTable | None", plan: "PixelPlan"
) -> "FeaturePairs | None":
    if not settings.held_out:
        return None
    from tagalign.data.cached_pairs import first_pairs
    from tagalign.data.pairs import find_shards

    return first_pairs(backbone, find_shards(settings.held_out), tags, plan, count=settings.held_out_pairs)

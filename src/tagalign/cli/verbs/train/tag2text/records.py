"""What ``tagalign train --method tag2text`` learns from: photos with captions, tags and questions."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagalign.data.tag2text.batches import PhotoData, Tag2TextData
    from tagalign.data.tag2text.records import TaggedRecord, TaggedRecords
    from tagalign.data.tag2text.shards import TaggedShards
    from tagalign.data.tag2text.stream import RecordStream
    from tagalign.methods.tag2text.method import Tag2TextMethod


def open_records(
    settings: Tag2TextTrainSettings, num_tags: int, *, kept: Path
) -> "TaggedRecords | TaggedShards":
    """The records, from a file of their own or from pairs and the label rows of their captions; a stream stays on disk.

    Args:
        settings: of the run.
        num_tags: length of the tag list.
        kept: folder for the copy of a file that cannot be streamed where it lies.
    """
    from tagalign.data.tag2text.records import read_records

    assert settings.records is not None  # checked when the flags were read
    shards = _shards(settings, num_tags, kept)
    if shards is not None:
        return shards
    if settings.label_rows is None:
        return read_records(settings.records, num_tags=num_tags)
    from tagalign.data.tag2text.sources import records_from_pairs
    from tagalign.tags.vocabulary import TagVocabulary

    assert settings.tag_list is not None  # checked when the flags were read
    return records_from_pairs(settings.records, settings.label_rows, TagVocabulary.load(settings.tag_list))


def _shards(settings: Tag2TextTrainSettings, num_tags: int, kept: Path) -> "TaggedShards | None":
    """What is streamed: tars, and what is asked to be; None for what is held.

    Raises:
        InputError: for a stream with questions.
    """
    from tagalign.data.pairs import find_shards
    from tagalign.data.tag2text.record_shards import record_refs
    from tagalign.data.tag2text.shards import TaggedShards

    place = settings.records
    is_file = settings.label_rows is None and place is not None and place.suffix in {".json", ".parquet"}
    if settings.stream and settings.questions is not None:
        raise InputError(
            "--questions needs records that are held; leave out --stream, or give pairs with image paths"
        )
    if is_file and place is not None:
        if not settings.stream:
            return None
        own = TaggedShards(refs=tuple(record_refs(place, num_tags=num_tags, kept=kept)), num_tags=num_tags)
        own.check()
        return own
    refs = find_shards([str(place)])
    if not settings.stream and not any(ref.kind == "tar" for ref in refs):
        return None
    if settings.questions is not None:
        raise InputError(
            "--questions needs records that are held; tars are streamed: give pairs with image paths"
        )
    from tagalign.data.tag_join import check_join
    from tagalign.data.tag_table import load_tag_table
    from tagalign.tags.vocabulary import TagVocabulary

    labels = None
    if settings.label_rows is not None and settings.tag_list is not None:
        labels = load_tag_table(settings.label_rows, TagVocabulary.load(settings.tag_list))
        check_join(refs, labels)
    shards = TaggedShards(refs=tuple(refs), num_tags=num_tags, labels=labels)
    shards.check()
    return shards


def open_questions(settings: Tag2TextTrainSettings) -> "dict[str, list[tuple[str, str]]]":
    """Questions and answers by image; none without ``--questions``."""
    from tagalign.data.tag2text.sources import read_questions

    return {} if settings.questions is None else read_questions(settings.questions)


def split_data(
    settings: Tag2TextTrainSettings, records: "TaggedRecords | TaggedShards", method: "Tag2TextMethod"
) -> "tuple[Tag2TextData | RecordStream, Tag2TextData | None]":
    """Photos to train on, and those that never are; None where nothing is held out."""
    from tagalign.data.tag2text.records import TaggedRecords
    from tagalign.train.tag2text.start import split_records

    if not isinstance(records, TaggedRecords):
        return _streamed(settings, records, method)
    chosen: Sequence[TaggedRecord] = records
    if settings.questions is not None:
        from tagalign.data.tag2text.sources import with_questions

        chosen = with_questions(records, open_questions(settings), place=str(settings.questions))
        print(f"{len(chosen)} of {len(records)} images have a question", file=sys.stderr)
    train, held_out = split_records(chosen, share=settings.held_out_share, seed=settings.seed)
    data = _data(settings, train, records.folder, method, part="train")
    if not held_out:
        return data, None
    whole = dataclasses.replace(settings, crop_share=1.0, rand_augment=False)
    return data, _data(whole, held_out, records.folder, method, part="held-out")


def _streamed(
    settings: Tag2TextTrainSettings, shards: "TaggedShards", method: "Tag2TextMethod"
) -> "tuple[RecordStream, Tag2TextData | None]":
    from tagalign.data.tag2text.stream import RecordStream

    if settings.keep_in is not None:
        raise InputError(
            "--keep-in does not act on a stream, which encodes every photo when it comes; leave it out"
        )
    photos = _photos(settings, (), Path(), method)
    stream = RecordStream(shards=shards, photos=photos, held_out=settings.held_out_share, seed=settings.seed)
    return stream, stream.held_out_data()


def _photos(
    settings: Tag2TextTrainSettings,
    records: "Sequence[TaggedRecord]",
    folder: Path,
    method: "Tag2TextMethod",
) -> "PhotoData":
    from tagalign.data.tag2text.batches import PhotoData
    from tagalign.data.tag2text.sources import questions_of

    asked = open_questions(settings)
    return PhotoData(
        records=records,
        folder=folder,
        preprocessing=method.preprocessing,
        crop=settings.crop_share,
        flip=settings.flip,
        rand_augment=settings.rand_augment,
        workers=settings.workers,
        questions=[questions_of(record, asked) for record in records] if asked else (),
    )


def _data(
    settings: Tag2TextTrainSettings,
    records: "Sequence[TaggedRecord]",
    folder: Path,
    method: "Tag2TextMethod",
    *,
    part: str,
) -> "Tag2TextData":
    photos = _photos(settings, records, folder, method)
    if not keeps_tokens(settings, method, len(records)):
        return photos
    from tagalign.train.tag2text.start import encode_once
    from tagalign.train.tag2text.token_cache import store_tokens

    whole = dataclasses.replace(photos, crop=1.0)
    with StepBar("encoding", len(records)) as bar:
        if settings.keep_in is None:
            return encode_once(whole, method, batch_size=settings.batch_size, show=bar.to)
        kept = settings.keep_in / part
        return store_tokens(whole, method, kept, batch_size=settings.batch_size, show=bar.to)


def keeps_tokens(settings: Tag2TextTrainSettings, method: "Tag2TextMethod", photos: int) -> bool:
    """Whether photos are encoded once, before the first step; says how large their tokens are where that decides it.

    Raises:
        InputError: for changes of photos that tokens which are kept cannot have.
    """
    if not (settings.keep_features and method.model.image_encoder.external):
        return False
    from tagalign.train.tag2text.token_cache import GIB, token_bytes

    size = token_bytes(method, photos) / GIB
    if settings.keep_in is None and size > settings.keep_limit:
        print(
            f"frozen tokens of {photos:,} photos would take {size:,.1f} GiB of memory, more than --keep-limit "
            f"{settings.keep_limit:g}: photos are encoded in every step; --keep-in keeps them on a disk",
            file=sys.stderr,
        )
        return False
    if settings.rand_augment:
        raise InputError(
            "--rand-augment does not act on tokens that are kept: the frozen encoder sees every photo once; "
            "add --no-keep-features"
        )
    if settings.keep_in is not None:
        print(f"{size:,.1f} GiB of frozen tokens go to {settings.keep_in}", file=sys.stderr)
    return True

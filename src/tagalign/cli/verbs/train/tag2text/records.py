"""What ``tagalign train --method tag2text`` learns from: photos with captions, tags and questions."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.bars import StepBar
from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagalign.backbones.preprocess import Preprocessing
    from tagalign.data.tag2text.batches import Tag2TextData
    from tagalign.data.tag2text.records import TaggedRecord, TaggedRecords
    from tagalign.methods.tag2text.method import Tag2TextMethod


def open_records(settings: Tag2TextTrainSettings, num_tags: int) -> "TaggedRecords":
    """The records, from a file of their own or from pairs and the label rows of their captions."""
    from tagalign.data.tag2text.records import read_records

    assert settings.records is not None  # checked when the flags were read
    if settings.label_rows is None:
        return read_records(settings.records, num_tags=num_tags)
    from tagalign.data.tag2text.sources import records_from_pairs
    from tagalign.tags.vocabulary import TagVocabulary

    assert settings.tag_list is not None  # checked when the flags were read
    return records_from_pairs(settings.records, settings.label_rows, TagVocabulary.load(settings.tag_list))


def open_questions(settings: Tag2TextTrainSettings) -> "dict[str, list[tuple[str, str]]]":
    """Questions and answers by image; none without ``--questions``."""
    from tagalign.data.tag2text.sources import read_questions

    return {} if settings.questions is None else read_questions(settings.questions)


def split_data(
    settings: Tag2TextTrainSettings, records: "TaggedRecords", method: "Tag2TextMethod"
) -> "tuple[Tag2TextData, Tag2TextData | None]":
    """Photos to train on, and those that never are; None where nothing is held out."""
    from tagalign.train.tag2text.start import split_records

    chosen: Sequence[TaggedRecord] = records
    if settings.questions is not None:
        from tagalign.data.tag2text.sources import with_questions

        chosen = with_questions(records, open_questions(settings), place=str(settings.questions))
        print(f"{len(chosen)} of {len(records)} images have a question", file=sys.stderr)
    train, held_out = split_records(chosen, share=settings.held_out_share, seed=settings.seed)
    data = _data(settings, train, records.folder, method, method.preprocessing)
    if not held_out:
        return data, None
    whole = dataclasses.replace(settings, crop_share=1.0, rand_augment=False)
    return data, _data(whole, held_out, records.folder, method, method.preprocessing)


def _data(
    settings: Tag2TextTrainSettings,
    records: Any,
    folder: Path,
    method: "Tag2TextMethod",
    preprocessing: "Preprocessing",
) -> "Tag2TextData":
    from tagalign.data.tag2text.batches import PhotoData
    from tagalign.data.tag2text.sources import questions_of
    from tagalign.train.tag2text.start import encode_once

    asked = open_questions(settings)

    photos = PhotoData(
        records=records,
        folder=folder,
        preprocessing=preprocessing,
        crop=settings.crop_share,
        flip=settings.flip,
        rand_augment=settings.rand_augment,
        workers=settings.workers,
        questions=[questions_of(record, asked) for record in records] if asked else (),
    )
    if not (settings.keep_features and method.model.image_encoder.external):
        return photos
    if settings.rand_augment:
        raise InputError(
            "--rand-augment does not act on tokens that are kept: the frozen encoder sees every photo once; "
            "add --no-keep-features"
        )
    bar = StepBar("encoding", len(records))
    return encode_once(
        dataclasses.replace(photos, crop=1.0), method, batch_size=settings.batch_size, show=bar.to
    )

"""Records for Tag2Text from what the other verbs write: pairs with label rows, and questions with answers."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tagalign.data.benchmarks.questions import open_vqa_v2
from tagalign.data.pairs import read_pairs
from tagalign.data.tag2text.records import SCHEMA, TaggedRecord, TaggedRecords, as_table, join_labels
from tagalign.data.tag_join import report_join
from tagalign.data.tag_table import load_tag_table
from tagalign.errors import DataError
from tagalign.tags.text_files import read_text
from tagalign.tags.vocabulary import TagVocabulary

OFFICIAL = re.compile(r"v2_OpenEnded_mscoco_(?P<split>\w+)_questions\.json")
QUESTION_FIELDS = ("image", "question", "answer")


def records_from_pairs(pairs: Path, labels: Path, vocabulary: TagVocabulary) -> TaggedRecords:
    """Image-wise records of pairs and the label rows (or tag rows) of their captions, joined by key and caption.

    A caption without a row has no tags.

    Args:
        pairs: JSONL, Parquet with paths, or a folder; tars and very many pairs are streamed (``shards.TaggedShards``).
        labels: output of ``tagalign label`` or ``tagalign parse``.
        vocabulary: the list that the ids point into.

    Raises:
        DataError: if a file cannot be read, the images lie inside of it, no caption has a tag, or an id is too large.
    """
    rows = []
    for pair in read_pairs([pairs]):
        if not isinstance(pair.image, Path):
            raise DataError(f"{pairs}: the images lie inside; add --stream, which reads them from there")
        rows.append((pair.key, str(pair.image), pair.caption))
    table = load_tag_table(labels, vocabulary)
    known = [table.find(key, caption) for key, _, caption in rows]
    missing = [row[0] for row, ids in zip(rows, known, strict=True) if ids is None]
    report_join(len(rows) - len(missing), missing, table)
    found = list(join_labels((*row, ids or ()) for row, ids in zip(rows, known, strict=True)))
    if not any(record.all_tags() for record in found):
        raise DataError(
            f"{labels}: no caption of {pairs} has a tag; are these the labels of the same pairs (joined by key)?"
        )
    values = ({name: getattr(record, name) for name in SCHEMA.names} for record in found)
    return TaggedRecords(as_table(values), folder=Path())


def read_questions(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Questions and answers by image: JSONL objects ``{image, question, answer}``, or VQA v2's official questions.

    ``v2_OpenEnded_mscoco_SPLIT_questions.json`` has its answers in ``v2_mscoco_SPLIT_annotations.json`` beside it.
    Each of the ten people's answers is a pair of its own, so a draw among them weighs an answer by how many gave it. Images
    go by the names of COCO's files.

    Raises:
        DataError: naming the line that is wrong.
    """
    if path.suffix == ".json":
        return _official_questions(path)
    found: dict[str, list[tuple[str, str]]] = {}
    try:
        lines = read_text(path).split("\n")
    except DataError as error:
        raise DataError(f"{path}: expected JSON lines of image, question and answer ({error})") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            image, question, answer = _question(line, f"{path}: line {number}")
            found.setdefault(image, []).append((question, answer))
    if not found:
        raise DataError(f"{path}: no question in it")
    return found


def _official_questions(path: Path) -> dict[str, list[tuple[str, str]]]:
    match = OFFICIAL.fullmatch(path.name)
    if match is None:
        raise DataError(
            f"{path}: expected JSON lines, or VQA's v2_OpenEnded_mscoco_SPLIT_questions.json by its own name"
        )
    opened = open_vqa_v2(path.parent, match["split"])
    found: dict[str, list[tuple[str, str]]] = {}
    for image, asked in zip(opened.images, opened.asked, strict=True):
        pairs = [(question.text, sys.intern(answer)) for question in asked for answer in question.answers]
        if pairs:
            found[image.name] = pairs
    if not found:
        raise DataError(f"{path}: no question has an answer; those of test splits are secret")
    return found


def _question(line: str, place: str) -> tuple[str, str, str]:
    try:
        values = json.loads(line)
        image, question, answer = (values[name] for name in QUESTION_FIELDS)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{place}: expected an object with {', '.join(QUESTION_FIELDS)} ({error!r})"
        ) from error
    if not all(isinstance(text, str) and text.strip() for text in (image, question, answer)):
        raise DataError(f"{place}: image, question and answer must be texts that are not empty")
    return image, question, answer


def with_questions(
    records: Sequence[TaggedRecord], questions: Mapping[str, Sequence[tuple[str, str]]], *, place: str
) -> list[TaggedRecord]:
    """The records that have a question, by image or key.

    Args:
        records: all.
        questions: of ``read_questions``.
        place: named in errors.

    Raises:
        DataError: if there is none.
    """
    kept = [record for record in records if questions_of(record, questions)]
    if not kept:
        raise DataError(f"{place}: no question names an image of the records, e.g. {records[0].image!r}")
    return kept


def questions_of(
    record: TaggedRecord, questions: Mapping[str, Sequence[tuple[str, str]]]
) -> Sequence[tuple[str, str]]:
    """Questions about the image of a record; none where there is none."""
    named = (record.image, record.key, Path(record.image).name)
    return next((questions[name] for name in named if name in questions), ())

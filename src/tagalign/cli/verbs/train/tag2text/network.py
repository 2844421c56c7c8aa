"""The network that ``tagalign train --method tag2text`` begins with, its tags and its word pieces."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.verbs.train.tag2text.records import open_questions, open_records
from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings
from tagalign.errors import DataError, InputError

if TYPE_CHECKING:
    import torch

    from tagalign.methods.tag2text.method import Tag2TextMethod
    from tagalign.methods.tag2text.wordpieces import Wordpieces


def open_method(
    settings: Tag2TextTrainSettings, device: "torch.device", *, kept: Path
) -> "tuple[Tag2TextMethod, dict[str, Any]]":
    """The network to train as a method, and its sizes; a Tag2Text folder goes on with its own tags and words.

    Args:
        settings: of the run.
        device: of the network.
        kept: see ``open_records``.
    """
    from tagalign.methods.request import trained_type
    from tagalign.methods.tag2text.bert import init_from_bert
    from tagalign.train.tag2text.start import NewNetwork, new_method, reopen

    if trained_type(settings.model) == "tag2text":
        return reopen(
            Path(settings.model), device=device, profile=settings.profile, image_size=settings.image_size
        )
    network = NewNetwork(
        image_encoder=settings.model,
        image_size=settings.image_size,
        layers=settings.layers,
        width=settings.width,
        heads=settings.heads,
        head=settings.head,
        seed=settings.seed,
    )
    names, words = _names(settings), _words(settings, kept)
    method, sizes = new_method(network, names=names, words=words, profile=settings.profile, device=device)
    if settings.bert is not None:
        filled = init_from_bert(method.model, settings.bert)
        print(f"{filled} tensors start from {settings.bert}", file=sys.stderr)
    return method, sizes


def _names(settings: Tag2TextTrainSettings) -> list[str]:
    if settings.tag_list is None:
        raise InputError("--tag-list is missing: the list that the ids of --records point into")
    from tagalign.tags.vocabulary_file import is_vocabulary

    if is_vocabulary(settings.tag_list):
        from tagalign.tags.vocabulary import TagVocabulary

        return list(TagVocabulary.load(settings.tag_list).names)
    from tagalign.tags.text_files import read_text

    try:
        return read_text(settings.tag_list).removesuffix("\n").split("\n")
    except DataError as error:
        raise InputError(
            f"--tag-list {settings.tag_list}: expected a text file with one tag per line ({error})"
        ) from error


def _words(settings: Tag2TextTrainSettings, kept: Path) -> "Wordpieces":
    """BERT's tokenizer, or one of the words of captions, tags and questions where no vocab.txt is given."""
    from tagalign.data.tag2text.shards import TaggedShards
    from tagalign.methods.tag2text.wordpieces import Wordpieces

    if settings.vocab is not None:
        return Wordpieces.from_file(settings.vocab)
    names = _names(settings)
    records = open_records(settings, len(names), kept=kept)
    asked = open_questions(settings).values()
    words = [text for pairs in asked for pair in pairs for text in pair]
    if isinstance(records, TaggedShards):
        print("reading all captions for the words; --vocab names a vocab.txt instead", file=sys.stderr)
        captions: Iterable[str] = records.captions()
    else:
        captions = (caption for record in records for caption in record.captions)
    return Wordpieces.from_texts([*names, "|", *captions, *words])

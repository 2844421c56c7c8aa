"""``tagalign label``: tags to vocabulary indices, for training."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro

from tagalign.cli.shared.bars import RowProgress
from tagalign.cli.shared.choices import TagKind
from tagalign.cli.shared.output import print_json
from tagalign.cli.shared.run_record import write_settings
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """Turn tags into vocabulary indices: Parquet rows of `key` and `tags`.

    Also writes vocabulary.tsv with the counts of these captions, which a balanced loss needs.
    Example: tagalign label tags --vocabulary vocabulary --out labels
    """

    tags: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Tag shards or folders of them, as written by tagalign parse."""
    vocabulary: Path
    """The list, as written by tagalign vocabulary: its folder, or the vocabulary.tsv in it."""
    out: Path = Path("labels")
    """Folder for the label shards."""
    kinds: tuple[TagKind, ...] = ("object", "attribute")
    """Kinds of tags that become labels."""
    overwrite: bool = False
    """Make shards anew that belong to another vocabulary."""
    json: bool = False
    """Print the summary as JSON on standard output."""

    def __post_init__(self) -> None:
        if not self.kinds:
            raise InputError("--kinds needs at least one kind of tags")


def run(settings: LabelSettings) -> int:
    """Label all shards."""
    from tagalign.tags.shard_vocabulary import label_shards
    from tagalign.tags.shards import shard_paths
    from tagalign.tags.vocabulary import TagVocabulary

    vocabulary = TagVocabulary.load(settings.vocabulary)
    paths = [path for place in settings.tags for path in shard_paths(place)]
    with RowProgress("labelling") as bar:
        summary = label_shards(
            paths, vocabulary, settings.out, kinds=settings.kinds, overwrite=settings.overwrite,
            on_progress=bar.advance,
        )  # fmt: skip
    values = {
        "rows": summary.rows,
        "labelled": summary.labelled,
        "labels": int(summary.frequencies.sum()),
        "unused_tags": int((summary.frequencies == 0).sum()),
    }
    write_settings(settings.out, settings, summary=values)
    if settings.json:
        print_json(values)
    print(
        f"{summary.labelled} of {summary.rows} captions have a tag of the list; labels in {settings.out}",
        file=sys.stderr,
    )
    return 0

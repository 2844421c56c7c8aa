"""WebDataset tars by number: the headers are read once, then any sample with one seek. A cut-off tar keeps what is whole."""

import warnings
from pathlib import Path

from tagalign.data.pair_records import Pair, ShardRef, pair_of
from tagalign.tags.captions import BadRow, ReadRow, RowRule
from tagalign.tags.captions.span_file import SpanFile
from tagalign.tags.captions.tars import read_text_span, tar_contents
from tagalign.tags.text_files import printable


class TarShard:
    """Samples ``KEY.jpg`` + ``KEY.txt`` (or the caption of ``KEY.json``), in the order in which they begin.

    The key is the member's name up to the first dot of its file name, like WebDataset reads it.

    Raises:
        DataError: if the file is not a plain tar, or holds no sample.
    """

    def __init__(self, ref: ShardRef) -> None:
        self.path = ref.path
        self._rule = RowRule.of(ref.path)
        contents = tar_contents(ref.path)
        self._samples = list(contents.samples.values())
        if contents.end is not None:
            message = f"{ref.path}: cut off after {len(self._samples)} samples ({contents.end})"
            warnings.warn(message, stacklevel=2)
        for name, why in contents.unusable[:1]:
            warnings.warn(
                f"{ref.path}: {len(contents.unusable)} members cannot be used: {printable(name)}, {why}, ...",
                stacklevel=2,
            )
        self._file = SpanFile(ref.path)

    def __len__(self) -> int:
        return len(self._samples)

    def row(self, number: int) -> ReadRow:
        """Key and caption of one sample."""
        return self._samples[number].row(self._rule, lambda span: read_text_span(self._file, span))

    def document(self, number: int) -> bytes | None:
        """``KEY.json`` of one sample; None without one."""
        span = self._samples[number].members.get("json")
        return read_text_span(self._file, span) if isinstance(span, tuple) else None

    def photo(self, number: int) -> bytes | None:
        """The photo of one sample as it stands there, not decoded; None without one."""
        span = self._samples[number].photo()
        return None if span is None else self._file.read(*span)

    def key(self, number: int) -> str:
        """Of one sample."""
        return self._samples[number].key

    def pair(self, number: int) -> Pair:
        """One sample; its image is read here and not decoded."""
        sample, row = self._samples[number], self.row(number)
        if not isinstance(row, BadRow):
            span = sample.photo()
            row = row._replace(image=None if span is None else self._file.read(*span))
        return pair_of(row, f"{self.path}:{sample.key}", Path())

"""What an answer may cost; never what it says."""

from dataclasses import dataclass
from pathlib import Path

from tagalign.option_fields import check_count


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Limits that change no answer, so that results do not name them.

    Attributes:
        batch_size: images (or windows) in one pass of the encoder.
        crop_batch: crops in one pass, for methods that look again.
        text_cache: folder of label embeddings; None keeps none.
        companion_cache: folder of the features of a companion; likewise.
    """

    batch_size: int = 8
    crop_batch: int = 32
    text_cache: Path | None = None
    companion_cache: Path | None = None

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        check_count("crop_batch", self.crop_batch)

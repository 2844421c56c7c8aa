"""``tagalign distil``: a small fast parser from any parser's output."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro

from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.shared.run_record import write_settings
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistilVerbSettings:
    """Train a small tagger on tag shards, so that its teacher (an LLM, say) is needed for a sample only.

    The result is a folder for `tagalign parse --parser distilled:FOLDER`. 40,000 captions take minutes.
    Example: tagalign distil tags --out my-parser
    """

    tags: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Tag shards or folders of them; in the captions' own words (no --normalize)."""
    out: Path = Path("distilled-parser")
    """Folder for the model."""
    test_share: float = 0.05
    """Share of the captions kept aside to measure the agreement with the teacher."""
    epochs: int = 8
    """Passes over the captions."""
    dim: int = 64
    """Width of the word embeddings."""
    width: int = 96
    """Width of the convolutions."""
    layers: int = 2
    """Convolutions."""
    seed: int = 0
    """Of all random choices."""
    card: str = "Trained by `tagalign distil`. Add here which data and which teacher, and their licences."
    """Text of the model card about data and licence."""
    json: bool = False
    """Print the measurement as JSON on standard output."""

    def __post_init__(self) -> None:
        if not 0 <= self.test_share < 1:
            raise InputError(f"--test-share must be in [0, 1), got {self.test_share}")
        check_least(self, {"epochs": 1, "dim": 1, "width": 1, "layers": 1, "seed": 0})


def run(settings: DistilVerbSettings) -> int:
    """Read, keep some aside, train, measure."""
    import random

    from tagalign.tags.agreement import score
    from tagalign.tags.shards import read_rows, shard_paths

    paths = [path for place in settings.tags for path in shard_paths(place)]
    rows = [(row.caption, row.parse) for path in paths for row in read_rows(path)]
    from tagalign.tags.distil import DistilSettings, distil
    from tagalign.tags.distilled import DistilledParser

    random.Random(settings.seed).shuffle(rows)  # noqa: S311 - a split, not a secret
    kept = int(len(rows) * settings.test_share)
    test, train = rows[:kept], rows[kept:]
    facts = distil(
        train, settings.out, card=settings.card,
        settings=DistilSettings(
            dim=settings.dim, width=settings.width, layers=settings.layers, epochs=settings.epochs, seed=settings.seed
        ),
        on_epoch=lambda epoch, loss: print(f"epoch {epoch}: loss {loss:.4f} nats per token", file=sys.stderr),
    )  # fmt: skip
    parses = DistilledParser(settings.out).parse([caption for caption, _ in test])
    agreement = score([gold for _, gold in test], parses)
    values = facts | {kind: one.summary() for kind, one in agreement.items()}
    write_settings(settings.out, settings, result=values)
    if settings.json:
        print_json(values)
    for kind, one in agreement.items() if test else ():
        print(
            f"{kind}: F1 {one.f1:.3f} against the teacher on {counted(len(test), 'caption')} kept aside",
            file=sys.stderr,
        )
    print(f"parser in {settings.out}: tagalign parse ... --parser distilled:{settings.out}", file=sys.stderr)
    return 0

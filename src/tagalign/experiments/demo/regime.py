"""What the demo compares, and under which conditions: those of the paper, as far as drawn scenes have them."""

from collections.abc import Mapping
from dataclasses import replace

from tagalign.experiments.rows import BOTH, TableRow
from tagalign.experiments.world import Sizes

MISLEAD = 0.3
"""Share of alt texts that name something absent."""
OBJECT_NAMES = 1000
"""Length of the tag list, at most."""

SIZES = Sizes(train=4000, validation=80, test=200, steps=100, batch_size=256, num_blocks=0)
"""Captions of a batch name less than a third of the list, as in the paper; CLIP's own head alone is trained. The sizes of
``docs/results/head-rows.md``, of which the demo is one seed."""

FROZEN = "frozen-clip"
CAPTIONS = "captions"
TAGS = "captions+tags"
ROWS = (
    TableRow(name=FROZEN, method="clip"),
    TableRow(name="frozen-surgery", method="surgery"),
    TableRow(name=CAPTIONS, losses={"contrastive": 1.0}),
    TableRow(name=TAGS, losses=BOTH, kinds=("object",)),
)
"""The frozen encoder first: what is not above it has bought nothing."""

SAYS: Mapping[str, str] = {
    FROZEN: "CLIP as it is",
    "frozen-surgery": "CLIP with another last attention, not trained",
    CAPTIONS: "its head trained on the captions alone",
    TAGS: "its head trained on the captions and on tags parsed from them",
}


def sizes_of(*, train: int, test: int, steps: int) -> Sizes:
    """The demo's sizes with other counts; never more pairs in a batch than there are scenes."""
    return replace(SIZES, train=train, test=test, steps=steps, batch_size=min(SIZES.batch_size, train))


def sentence(sizes: Sizes, *, world: int, names: int, coverage: float) -> str:
    """The regime in one sentence.

    Args:
        sizes: of the run.
        world: version of the tiny world.
        names: length of the tag list.
        coverage: percent of it that the captions of one batch name.
    """
    return (
        f"{sizes.train:,} drawn scenes (world {world}) with alt text, of which {100 * MISLEAD:.0f} % name something absent; "
        f"a batch of {sizes.batch_size} captions names {coverage:.0f} % of the {names:,} tags "
        "(in the paper a third or less); "
        "CLIP stays frozen, only its head is trained, and masks are used for scoring alone."
    )

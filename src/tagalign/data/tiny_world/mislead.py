"""Noise that misleads: alt text that names something one could see and that is not there."""

from random import Random

from tagalign.data.tiny_world.captions import with_article
from tagalign.data.tiny_world.laws import Law
from tagalign.data.tiny_world.scenes import SceneLayout

# What only the picture can refute.
CLAIMS = ("{text} and {a_thing}", "{text}, {thing}", "{a_thing} with {text}", "{text} behind {a_thing}")
# What a reader of the words alone can refute, and a parser that collects nouns cannot.
ASIDES = (
    "{text} for {thing} lovers",
    "{text} - {thing} poster",
    "{text} | also in our shop: {thing}",
    "{text}, not {a_thing}",
    "{text} at the {thing} inn",
)
CLAIM_SHARE = 0.5  # misleading texts that claim; the others mention by the way


def absent_thing(layout: SceneLayout, rng: Random, law: Law) -> str:
    """Draw something that the scene does not show, by the frequencies of what scenes show.

    Its kind is absent, so the name is false whatever its look.
    """
    present = {one.name for one in layout.placed}
    wanted = law.wanted(rng)
    while wanted.kind in present:  # at most five kinds of 28 are present
        wanted = law.wanted(rng)
    return wanted.name


def misleading(text: str, thing: str, rng: Random) -> str:
    """Put the name of an absent thing into alt text, as a claim or by the way."""
    frame = rng.choice(CLAIMS if rng.random() < CLAIM_SHARE else ASIDES)
    return frame.format(text=text, thing=thing, a_thing=with_article(thing))

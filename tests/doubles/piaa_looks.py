"""A look of PIAA at a few photos, written by hand: the road of photos is not needed for it."""

from collections.abc import Sequence
from typing import Any

from PIL import Image

from tagalign.labels import LabelSet
from tagalign.methods.looks.look import Look, Photos
from tagalign.methods.looks.profiles import look_profile
from tagalign.methods.piaa.learner import CompetingWords, bank_of_photo, bank_tensors
from tagalign.ops.looks.moments import Moments


def made_look(method: Any, photos: Sequence[Image.Image], labels: LabelSet) -> Look:
    """Of the patches that the text is surest of."""
    base, sizes = method.by_text, method.bank_sizes(len(labels))
    words = CompetingWords.of(base.encode_labels(labels))
    banks = [
        bank_of_photo(image.views[0].embeds, words, i, sizes)
        for i, image in enumerate(base.encode_images(photos))
    ]
    total = banks[0]
    for bank in banks[1:]:
        total = total + bank
    return Look(
        facts=method.look_facts(),
        labels=labels,
        profile=look_profile("fixed"),
        photos=Photos(count=len(photos), mark=1),
        moments=Moments.zeros(len(labels)),
        tensors=bank_tensors(total.surest(sizes.label)),
    )

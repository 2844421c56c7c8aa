"""What experts can be chosen for; sums and masks are tried through the verbs, tests/cli/verbs/test_look_experts.py."""

import pytest
import torch
import torch.nn.functional as F

from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet
from tagalign.methods.dense.experts import MOST_LABELS, photo_sums, template_text
from tagalign.methods.labels import embed_names
from tagalign.types import View

TEMPLATES = ("a photo of a {}", "a drawing of a {}")


def labels_of(*labels, templates=TEMPLATES):
    return LabelSet(name="custom", labels=labels, templates=templates)


def test_every_template_meets_every_name(backbone):
    found = template_text(backbone, labels_of(Label(name="dog"), Label(name="cat"), Label(name="bus")))
    for row, template in zip(found, TEMPLATES, strict=True):
        wanted = embed_names(backbone, ["dog", "cat", "bus"], [template])
        torch.testing.assert_close(row, wanted, rtol=0, atol=1e-5)  # another batch of the text encoder


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (labels_of(Label(name="dog"), templates=TEMPLATES[:1]), "the labels have 1 of their own"),
        (labels_of(Label(name="dog"), templates=()), "the labels have none of their own"),
        (labels_of(Label(name="dog", aliases=("puppy",))), "for names alone"),
        (labels_of(Label(name="cup", negatives=("trophy",))), "for names alone"),
        (
            labels_of(*(Label(name=f"thing {i}") for i in range(MOST_LABELS + 1))),
            "at most 400 labels, got 401",
        ),
    ],
)
def test_other_labels_are_refused(backbone, labels, said):
    with pytest.raises(InputError, match=said):
        template_text(backbone, labels)


def test_patches_of_all_views_count():
    generator = torch.Generator().manual_seed(0)
    text = F.normalize(torch.randn(3, 4, 8, generator=generator), dim=-1)
    views = [
        View(box=(0, 0, 4, 4), grid=(2, 3), embeds=torch.randn(6, 8, generator=generator)) for _ in range(2)
    ]
    both = photo_sums(views, text, scale=20.0)
    apart = photo_sums(views[:1], text, scale=20.0) + photo_sums(views[1:], text, scale=20.0)
    assert both.patches == apart.patches
    assert sum(both.patches) == 3 * 12  # each template gives each patch to one label

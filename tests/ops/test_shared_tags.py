"""Partners of a batch against a plain search."""

import pytest
import torch

from tagalign.ops.shared_tags import shared_tags
from tagalign.ops.tag_rows import TagRows


def search(lists, num_tags):
    """Walk on from each image until one shares a tag."""
    found, count = [], len(lists)
    for i in range(count):
        for step in range(1, count):
            j = (i + step) % count
            common = {t for t in lists[i] if t < num_tags} & set(lists[j])
            if common:
                found.append((i, j, max(common)))
                break
    return found


@pytest.mark.parametrize("num_tags", [2, 6])
def test_partners_are_those_of_a_plain_search(num_tags):
    generator = torch.Generator().manual_seed(0)
    for count in (1, 2, 7):
        lists = [torch.randperm(6, generator=generator)[: i % 4].sort().values.tolist() for i in range(count)]
        found = shared_tags(TagRows.from_lists(lists), num_tags)
        rows = zip(found.images.tolist(), found.partners.tolist(), found.tags.tolist(), strict=True)
        assert list(rows) == search(lists, num_tags)


def test_a_batch_without_images_or_tags_has_no_pairs():
    assert len(shared_tags(TagRows.from_lists([]), 3).images) == 0
    assert len(shared_tags(TagRows.from_lists([[], []]), 3).images) == 0

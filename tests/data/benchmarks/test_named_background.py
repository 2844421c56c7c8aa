"""PASCAL Context's 60 classes by name: ids stay, the background comes first, the unseen ones move by one."""

import numpy as np
import pytest

from tagalign.data.benchmarks import open_benchmark
from tagalign.data.benchmarks.named_background import NamedBackground, with_background
from tagalign.data.benchmarks.records import SegmentationSet
from tagalign.data.trusty.sources import BenchmarkSource
from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet

# Bucher et al., Zero-Shot Semantic Segmentation: the split with ten unseen classes
TEN = {"cow", "motorbike", "sofa", "cat", "boat", "fence", "bird", "tvmonitor", "keyboard", "aeroplane"}


def test_the_sixty_classes_keep_their_ids(context):
    plain = open_benchmark("context60", context)
    named = NamedBackground(plain)
    assert isinstance(named, SegmentationSet)
    assert named.class_names == named.labels.names == plain.class_names
    assert (len(named.labels), named.has_background, len(named)) == (60, False, len(plain))
    assert np.array_equal(named.target(0), plain.target(0))
    # trained on, the background is a class; in the benchmark as it is it does not count
    (_, own), (_, ignored) = BenchmarkSource(named)[0], BenchmarkSource(plain)[0]
    assert own.flatten()[:3].tolist() == [0, 1, 59]
    assert ignored.flatten()[:3].tolist() == [255, 0, 58]


@pytest.mark.parametrize("name", ["context59", "context60"])
def test_unseen_are_the_ten_of_zero_shot_segmentation(context, name):
    data = open_benchmark(name, context)
    assert {data.labels.names[i] for i in data.unseen} == TEN
    named = NamedBackground(data)
    assert {named.labels.names[i] for i in named.unseen} == TEN


def test_a_set_that_names_the_background_itself_is_refused():
    with pytest.raises(InputError, match="names 'background'"):
        with_background(LabelSet(name="own", labels=(Label(name="background"),)))

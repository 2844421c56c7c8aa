"""Each preset names a benchmark that is there, a split and templates that it has."""

import pytest

from tagalign.cli.verbs.train.trusty.presets import PRESETS
from tagalign.data.benchmarks.catalog import find_benchmark
from tagalign.tags.label_sets import template_set


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_trained(name):
    preset = PRESETS[name]
    benchmark = find_benchmark(preset.benchmark)
    assert benchmark.kind == "segmentation"
    assert preset.split in benchmark.splits
    assert len(template_set(preset.templates)) == int(preset.templates)
    assert 0 < preset.warmup < preset.steps


def test_the_papers_numbers():
    # Zhou et al., Table "implementation details": VOC 20 k updates and 10 prompts, COCO-Stuff 80 k and 100
    assert (PRESETS["voc2012"].steps, PRESETS["voc2012"].prompts) == (20_000, 10)
    assert (PRESETS["coco-stuff"].steps, PRESETS["coco-stuff"].prompts) == (80_000, 100)
    assert [name for name, preset in PRESETS.items() if preset.names_background] == ["context60"]

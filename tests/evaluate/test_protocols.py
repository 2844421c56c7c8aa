"""Protocols: their words, prompts and options, and that every name in them exists."""

import pytest

from tagalign.data.benchmarks.catalog import BENCHMARKS
from tagalign.data.benchmarks.tiny import tiny_labels
from tagalign.errors import UnknownNameError
from tagalign.evaluate.protocols import PROTOCOLS, find_protocol
from tagalign.tags.label_sets import load_label_set


def test_every_benchmark_named_in_a_protocol_exists():
    for protocol in PROTOCOLS.values():
        named = {*protocol.options_for, *protocol.templates, *protocol.background, *protocol.presets} - {""}
        assert named <= BENCHMARKS.keys()


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("benchmark", ["voc21", "coco-stuff", "tiny-world"])
def test_every_protocol_gives_words_for_every_benchmark(name, benchmark):
    own = {
        "voc21": load_label_set("voc20"),
        "coco-stuff": load_label_set("coco-stuff"),
        "tiny-world": tiny_labels(),
    }
    words = find_protocol(name).words(own[benchmark], benchmark)
    assert len(words) == len(own[benchmark])


def test_words_of_the_papers():
    voc = load_label_set("voc20")
    assert len(find_protocol("sclip-336").words(voc, "voc20").templates) == 80
    assert find_protocol("sclip-336").words(voc, "voc20").names[19] == "television monitor"
    assert len(find_protocol("clip-es").words(voc, "voc21").background) == 25
    assert find_protocol("clip-es").words(load_label_set("coco-stuff"), "coco-stuff").background == ()
    assert find_protocol("zegclip-512").words(voc, "voc20").templates == ("a photo of a {}",)
    assert len(find_protocol("zegclip-512").words(load_label_set("coco-stuff"), "coco-stuff").templates) == 15


def test_wording_of_the_flag_wins_and_plain_drops_aliases():
    tiny, plain = tiny_labels(), find_protocol("plain")
    assert any(label.aliases for label in tiny.labels)
    assert not any(label.aliases for label in plain.words(tiny, "tiny-world").labels)
    assert plain.words(tiny, "tiny-world", wording="aliases") == tiny
    assert plain.words(load_label_set("voc20"), "voc20", wording="aliases").labels[1].aliases == ("bike",)


def test_options_of_single_benchmarks():
    sclip = find_protocol("sclip-336")
    assert sclip.method_options("cityscapes")["short_side"] == 560
    assert sclip.method_options("voc21") == {"short_side": 336, "window": 224, "stride": 112}


def test_unknown_protocol_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'sclip-336'"):
        find_protocol("sclip-366")

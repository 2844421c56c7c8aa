"""Beams against brute force, transformers and the release; batches against single images; passes counted."""

import itertools
import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import BlipTextConfig, BlipTextLMHeadModel
from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor, TopPLogitsWarper

from tagalign.errors import InputError
from tagalign.methods.tag2text import generation
from tagalign.methods.tag2text.generation import CaptionLength, Nucleus, beam_search, nucleus_sampling
from tagalign.methods.tag2text.text_layers import caption_logits

END = 3


@pytest.fixture(scope="module")
def small():
    """A decoder over seven tokens, so that all captions can be listed."""
    config = BlipTextConfig(
        vocab_size=7, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=16,
        encoder_hidden_size=12, max_position_embeddings=16, initializer_range=0.8,
    )  # fmt: skip
    torch.manual_seed(0)
    return BlipTextLMHeadModel(config).eval()


@pytest.fixture
def states():
    return torch.randn(5, 4, 12, generator=torch.Generator().manual_seed(2))


def brute_force(decoder, states, prompt, minimum, maximum):
    """The caption with the best mean log-probability of all that exist."""
    scored = []
    for count in range(1, maximum - len(prompt) + 1):
        for tail in itertools.product(range(7), repeat=count):
            length = len(prompt) + count
            ends = tail[-1] == END
            if END in tail[:-1] or (ends and length - 1 < minimum) or (not ends and length < maximum):
                continue
            scored.append([*prompt, *tail])
    best = []
    for one in states:
        totals = []
        for ids in scored:
            row = torch.tensor([ids])
            with torch.no_grad():
                log_p = caption_logits(decoder, row, row >= 0, one[None], None).log_softmax(-1)[0]
            terms = [log_p[i - 1, ids[i]].item() for i in range(len(prompt), len(ids))]
            totals.append(sum(terms) / len(terms))
        best.append(scored[max(range(len(scored)), key=totals.__getitem__)])
    return best


def test_wide_beams_find_the_best_of_all_captions(small, states):
    found = beam_search(
        small, states[:2], None, [4, 5], end=END, num_beams=36, length=CaptionLength(minimum=3, maximum=5)
    )
    assert found == brute_force(small, states[:2], [4, 5], 3, 5)


def test_greedy_takes_the_likeliest_token_each_time(small, states):
    found = beam_search(
        small, states, None, [4], end=END, num_beams=1, length=CaptionLength(minimum=4, maximum=9)
    )
    for ids, one in zip(found, states, strict=True):
        assert len(ids) >= 5 or ids[-1] != END
        for i in range(1, len(ids)):
            row = torch.tensor([ids[:i]])
            logits = caption_logits(small, row, row >= 0, one[None], None)[0, -1]
            if i < 4:
                logits[END] = float("-inf")
            assert int(logits.argmax()) == ids[i]


@pytest.fixture
def beam_stop(golden):
    config = json.loads((golden / "config.json").read_text())
    weights = load_file(golden / "beam_stop.safetensors")
    decoder = BlipTextLMHeadModel(BlipTextConfig(**config["text_decoder"])).eval()
    decoder.load_state_dict({k[13:]: v for k, v in weights.items() if k.startswith("text_decoder.")})
    return decoder, weights, config["settings"]


def test_the_stop_rule_is_that_of_the_release(beam_stop):
    decoder, case, settings = beam_stop
    length = CaptionLength(minimum=settings["min_length"], maximum=settings["max_length"])
    found = beam_search(
        decoder, case["tag_states"], None, case["prompt_ids"].tolist(), end=END, num_beams=3, length=length
    )
    expected = [r[:n] for r, n in zip(case["ids"].tolist(), case["lengths"].tolist(), strict=True)]
    assert found == expected


def test_beams_agree_with_transformers_where_both_stop_alike(beam_stop):
    decoder, case, _ = beam_stop
    prompt = case["prompt_ids"]
    for row in case["tag_states"]:
        theirs = decoder.generate(
            input_ids=prompt[None], encoder_hidden_states=row[None], max_length=12, min_length=6, num_beams=3,
            early_stopping="never", eos_token_id=END, pad_token_id=0, do_sample=False,
        )[0].tolist()  # fmt: skip
        theirs = theirs[: theirs.index(END) + 1] if END in theirs else theirs
        length = CaptionLength(minimum=6, maximum=12)
        ours = beam_search(decoder, row[None], None, prompt.tolist(), end=END, num_beams=3, length=length)[0]
        assert ours == theirs


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_batch_equals_one_by_one_with_masks(small, states, num_beams):
    mask = torch.arange(4) < torch.tensor([4, 1, 3, 2, 4])[:, None]
    length = CaptionLength(minimum=3, maximum=12)
    together = beam_search(small, states, mask, [4], end=END, num_beams=num_beams, length=length)
    alone = [
        beam_search(small, s[None], m[None], [4], end=END, num_beams=num_beams, length=length)[0]
        for s, m in zip(states, mask, strict=True)
    ]
    assert together == alone
    assert len({tuple(ids) for ids in together}) > 1  # the images do matter


def test_masked_states_do_not_count_and_unmasked_ones_do(small, states):
    mask = torch.arange(4) < torch.tensor([2, 2, 2, 2, 2])[:, None]
    changed = states.clone()
    changed[:, 2:] = 50.0
    length = CaptionLength(minimum=3, maximum=12)
    same = [beam_search(small, s, mask, [4], end=END, length=length) for s in (states, changed)]
    other = [beam_search(small, s, None, [4], end=END, length=length) for s in (states, changed)]
    assert same[0] == same[1]
    assert other[0] != other[1]


def test_every_token_passes_the_decoder_once(small, states, monkeypatch):
    seen = []
    original = generation.decode_step

    def counted(decoder, ids, memory):
        seen.append(tuple(ids.shape))
        return original(decoder, ids, memory)

    monkeypatch.setattr(generation, "decode_step", counted)
    length = CaptionLength(minimum=9, maximum=9)
    beam_search(small, states, None, [4, 5, 6], end=END, num_beams=2, length=length)
    assert seen[0] == (5, 3)  # the prompt, one row per image
    assert seen[1:] == [(10, 1)] * 5  # then one token per beam: 9 - 3 - 1 passes


def test_finished_images_leave_the_batch(small, states, monkeypatch):
    rows = []
    original = generation.decode_step
    monkeypatch.setattr(
        generation, "decode_step", lambda d, ids, m: (rows.append(len(ids)), original(d, ids, m))[1]
    )
    found = beam_search(
        small, states, None, [4], end=END, num_beams=1, length=CaptionLength(minimum=0, maximum=16)
    )
    assert sorted(rows, reverse=True) == rows
    assert len(rows) == max(map(len, found)) - 1


def generators(count):
    return [torch.Generator().manual_seed(i) for i in range(count)]


def test_sampling_is_seeded_per_image_and_equal_in_a_batch(small, states):
    length = CaptionLength(minimum=3, maximum=12)
    together = nucleus_sampling(small, states, None, [4], end=END, generators=generators(5), length=length)
    alone = [
        nucleus_sampling(small, s[None], None, [4], end=END, generators=[g], length=length)[0]
        for s, g in zip(states, generators(5), strict=True)
    ]
    assert together == alone


def test_a_tiny_nucleus_is_greedy(small, states):
    length = CaptionLength(minimum=3, maximum=12)
    sampled = nucleus_sampling(
        small,
        states,
        None,
        [4],
        end=END,
        generators=generators(5),
        nucleus=Nucleus(top_p=1e-6),
        length=length,
    )
    assert sampled == beam_search(small, states, None, [4], end=END, num_beams=1, length=length)


def test_penalty_and_nucleus_are_those_of_transformers():
    logits = torch.randn(1, 40, generator=torch.Generator().manual_seed(5)) * 2
    ids = [3, 7, 7, 11]
    penalised = RepetitionPenaltyLogitsProcessor(1.3)(torch.tensor([ids]), logits.clone())
    torch.testing.assert_close(generation._penalised(logits[0], ids, 1.3), penalised[0])
    allowed = TopPLogitsWarper(0.7)(torch.tensor([ids]), logits.clone())[0].isfinite()
    g = torch.Generator().manual_seed(0)
    drawn = {generation._draw(logits[0], 0.7, g) for _ in range(2000)}
    assert drawn == set(allowed.nonzero()[:, 0].tolist())


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda d, s: beam_search(d, s, None, [4], end=END, num_beams=0), "at least 1 beam, got 0"),
        (
            lambda d, s: beam_search(
                d, s, None, [4] * 8, end=END, length=CaptionLength(minimum=0, maximum=8)
            ),
            "prompt fills 8 of 8",
        ),
        (lambda d, s: CaptionLength(minimum=9, maximum=4), "got 9 and 4"),
        (
            lambda d, s: nucleus_sampling(
                d, s, None, [4], end=END, generators=generators(5), nucleus=Nucleus(top_p=0.0)
            ),
            "0 < top_p <= 1",
        ),
    ],
)
def test_refuses_what_cannot_be(small, states, call, match):
    with pytest.raises(InputError, match=match):
        call(small, states)

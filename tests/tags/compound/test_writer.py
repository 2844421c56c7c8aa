"""SentenceWriter against the stub server: what is written, what is saved, what is refused. Laws and hand-made answers."""

import json

import pytest

pytest.importorskip("openai", reason="needs the llm extra")

from tagalign.errors import InputError, ServerError
from tagalign.labels import Label, LabelSet
from tagalign.tags.compound.writer import open_writer, read_sentences, system_prompt
from tagalign.tags.llm_client import CallLimits
from tagalign.testing.llm_server import StubLLMServer

LABELS = LabelSet(
    name="custom",
    labels=(Label(name="dog"), Label(name="cat", aliases=("kitten",)), Label(name='"sofa"')),
)


def captions_of(system, asked):
    """A model that writes one good sentence, one with a single label, and one of prose."""
    (name,) = asked
    good = f"a {name} beside a dog" if name != "dog" else "two dogs and a kitten"
    return json.dumps({"captions": [good, f"a lonely {name}", "word " * 60]})


def writer_for(server, **given):
    limits = CallLimits(timeout_s=5.0, max_retries=given.pop("retries", 5))
    return open_writer(
        base_url=server.url, model="stub", limits=limits, sleep=lambda s: None, concurrency=2, **given
    )


def test_captions_that_name_two_labels_come_in_the_order_of_the_labels():
    with StubLLMServer(other=captions_of) as server:
        writer = writer_for(server)
        # a kitten is a cat: one other word and one plural are two labels
        assert writer.write(LABELS) == (
            "two dogs and a kitten", "a cat beside a dog", 'a "sofa" beside a dog'
        )  # fmt: skip
    assert (writer.usage.calls, writer.usage.dropped, writer.usage.failed) == (3, 3, 0)
    assert server.log.answered == {"dog": 1, "cat": 1, '"sofa"': 1}


def test_what_was_answered_is_never_asked_again_and_another_list_is(tmp_path):
    with StubLLMServer(other=captions_of) as server:
        first = writer_for(server, journal=tmp_path / "answers.sqlite")
        wanted = first.write(LABELS)
        first.close()
        again = writer_for(server, journal=tmp_path / "answers.sqlite")
        assert again.write(LABELS) == wanted
        assert (server.log.calls, again.usage.reused, again.usage.calls) == (3, 3, 0)
        assert again.totals()["calls"] == 3
        again.write(LabelSet(name="custom", labels=(*LABELS.labels[:2], Label(name="sky"))))
        assert server.log.calls == 6


def test_labels_without_an_answer_end_it_and_the_others_are_saved(tmp_path):
    def other(system, asked):
        return "I cannot say." if asked == ("cat",) else captions_of(system, asked)

    with StubLLMServer(other=other) as server:
        with pytest.raises(
            ServerError, match=r"1 of 3 labels, first for 'cat': no readable answer in 3 calls"
        ):
            writer_for(server, journal=tmp_path / "answers.sqlite").write(LABELS)
        server.other = captions_of
        again = writer_for(server, journal=tmp_path / "answers.sqlite")
        assert len(again.write(LABELS)) == 3
    assert (again.usage.reused, again.usage.calls) == (2, 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_of_the_server_change_nothing(seed):
    faults = dict.fromkeys(["429", "500", "drop", "refusal"], 0.15)
    with (
        StubLLMServer(other=captions_of) as calm,
        StubLLMServer(other=captions_of, faults=faults, seed=seed) as rough,
    ):
        assert writer_for(rough, retries=20).write(LABELS) == writer_for(calm).write(LABELS)
    assert sum(rough.log.faults.values()) > 0


def test_a_model_that_names_nothing_is_refused():
    with (
        StubLLMServer(other=lambda system, asked: '{"captions": ["a nice view"]}') as server,
        pytest.raises(InputError, match="'stub' wrote no caption that names two of the 3 labels"),
    ):
        writer_for(server).write(LABELS)


def test_a_server_without_schemas_is_asked_for_text():
    with StubLLMServer(other=captions_of, has_schema=False) as server:
        assert len(writer_for(server).write(LABELS)) == 3


THOUGHTS = 'The list is ["dog", "cat"]. {"captions": ["a dog and a cat, hm"]} is too short.\n1. think again'


@pytest.mark.parametrize(
    "message",
    [
        lambda text: {"content": text, "reasoning_content": THOUGHTS},  # vLLM, llama.cpp
        lambda text: {"content": text, "reasoning": THOUGHTS},  # Ollama
        lambda text: {"content": f"<think>\n{THOUGHTS}\n</think>\n\n{text}"},  # no parser in the server
        lambda text: {"content": f"{THOUGHTS}\n</think>\n\n{text}"},  # the chat template wrote the first tag
        lambda text: {"content": f"Here it is:\n```json\n{text}\n```\nEnjoy!"},
    ],
    ids=["field of vllm", "field of ollama", "tags", "last tag alone", "fence"],
)
def test_thoughts_of_a_model_are_no_captions(message):
    with (
        StubLLMServer(other=captions_of) as plain,
        StubLLMServer(other=captions_of, message=message) as server,
    ):
        writer = writer_for(server)
        assert writer.write(LABELS) == writer_for(plain).write(LABELS)
    assert writer.usage.calls == 3


@pytest.mark.parametrize(
    "message",
    [
        lambda text: {"content": "", "reasoning": THOUGHTS, "finish_reason": "length"},
        lambda text: {"content": None, "reasoning_content": THOUGHTS, "finish_reason": "length"},
        lambda text: {"content": f"<think>{THOUGHTS}", "finish_reason": "length"},
    ],
    ids=["ollama", "vllm", "open tag"],
)
def test_thoughts_that_took_all_tokens_are_said_to(message):
    with (
        StubLLMServer(other=captions_of, message=message) as server,
        pytest.raises(ServerError, match=r"nothing after \d+ tokens of thoughts \(raise --llm-max-tokens"),
    ):
        writer_for(server).write(LABELS)


def test_an_answer_that_was_cut_off_gives_its_whole_captions():
    def message(text):
        return {"content": "```json\n" + text[: len(text) - 40], "finish_reason": "length"}

    with StubLLMServer(other=captions_of, message=message) as server:
        assert len(writer_for(server).write(LABELS)) == 3  # the long one behind them was no caption anyway


def test_nobody_at_the_address_is_one_error():
    with pytest.raises(ServerError, match="nobody answers at http"):
        open_writer(
            base_url="http://127.0.0.1:9/v1",
            model="stub",
            limits=CallLimits(max_retries=1),
            sleep=lambda s: None,
        ).write(LABELS)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"captions": ["a dog", "a cat"]}', ["a dog", "a cat"]),
        ('Sure: ["a dog.", "a dog", 7, null, ""]', ["a dog"]),
        ('{"captions": ["caf\\u00e9 and dog", "cut', ["caf\u00e9 and dog"]),
        ('{"captions": ["two\n dogs", "cut', ["two dogs"]),
        ('["half \\ud83d of a pair"]', ["half ? of a pair"]),
        ("1. a dog\n2) 'a cat'\n", ["a dog", "a cat"]),
        ('{"captions": []}', []),
        ("[" * 2000, None),
        ("no idea", None),
        ("", None),
    ],
)  # fmt: skip
def test_answers_are_read_tolerantly(text, wanted):
    assert read_sentences(text) == wanted


def test_long_lists_are_shown_in_part_and_too_long_ones_refused():
    def labels(count):
        return LabelSet(name="custom", labels=tuple(Label(name=f"n{i}") for i in range(count)))

    shown = system_prompt(labels(900))
    names = json.loads(shown[shown.rindex("\n") + 1 :])
    assert len(names) == 300
    assert "Write 4 captions" in shown  # 4 * 900 is below the most that can be weighed, 5 * 900 is not
    with pytest.raises(InputError, match="at most 4096 labels, got 5000"):
        system_prompt(labels(5000))

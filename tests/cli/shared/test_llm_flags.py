"""Flags about a language model: what they refuse, hand on and write down."""

import json
from types import SimpleNamespace

import pytest

from tagalign.cli.shared.llm_flags import ChatFlags, LLMFlags
from tagalign.errors import InputError
from tagalign.tags.llm import LLMUsage


@pytest.mark.parametrize(
    "wrong",
    [{"concurrency": 0}, {"llm_retries": -1}, {"llm_max_tokens": 0}, {"llm_timeout_s": -1.0}, {"price_prompt": -0.1},
     {"price_completion": -1.0}, {"captions_per_call": 0}],
)  # fmt: skip
def test_numbers_that_no_call_can_have(wrong):
    LLMFlags().check_chat()
    flag = next(iter(wrong)).replace("_", "-")
    with pytest.raises(InputError, match=f"--{flag} must be at least"):
        LLMFlags(**wrong).check_chat()


def test_a_model_must_be_named():
    assert ChatFlags(llm_model="qwen").chat_model("--parser llm") == "qwen"
    with pytest.raises(InputError, match="--parser llm needs --llm-model"):
        ChatFlags().chat_model("--parser llm")


def test_the_key_is_read_from_its_variable(monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    flags = ChatFlags(llm_key_variable="MY_KEY", llm_timeout_s=5.0, llm_retries=2, llm_max_tokens=9)
    facts = flags.chat_facts()
    assert (facts["api_key"], facts["base_url"]) == ("secret", flags.llm_url)
    limits = facts["limits"]
    assert (limits.timeout_s, limits.max_retries, limits.max_tokens) == (5.0, 2, 9)
    monkeypatch.delenv("MY_KEY")
    assert flags.chat_facts()["api_key"] == "none"


def parser(closed):
    total = {"calls": 4, "prompt_tokens": 3_000_000, "completion_tokens": 1_000_000}
    usage = LLMUsage(calls=2, prompt_tokens=1_000_000, completion_tokens=500_000, retries=1, failed=3)
    return SimpleNamespace(usage=usage, totals=lambda: total, close=lambda: closed.append(True))


def test_a_run_costs_its_tokens_by_the_million(tmp_path):
    flags, closed = ChatFlags(price_prompt=0.5, price_completion=2.0), []
    assert flags.note(parser(closed))() == "1,500,000 tokens, 1 retries, 3 failed, price 1.50"
    run = flags.close(parser(closed), tmp_path)
    written = json.loads((tmp_path / "usage.json").read_text())
    assert written["run"] == run
    assert (run["price"], written["total"]["price"]) == (1.5, 3.5)
    assert closed == [True]


def test_a_parser_without_usage_costs_nothing(tmp_path):
    assert ChatFlags().note(object()) is None
    assert ChatFlags().close(object(), tmp_path) == {}
    assert not list(tmp_path.iterdir())

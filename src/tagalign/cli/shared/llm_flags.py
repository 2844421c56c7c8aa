"""Flags about a language model, shared by the verbs that ask one: which, where, how often, and what it costs."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagalign.cli.shared.flag_values import check_least
from tagalign.errors import InputError
from tagalign.json_text import json_text

if TYPE_CHECKING:
    from tagalign.tags.llm import LLMParser


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChatFlags:
    """Flags about a language model."""

    llm_url: str = "http://127.0.0.1:8000/v1"
    """Address of an OpenAI-compatible server (vLLM, llama.cpp, Ollama, a cloud)."""
    llm_model: str | None = None
    """The model, as the server names it."""
    llm_key_variable: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; local servers need none."""
    llm_output: Literal["auto", "json", "text"] = "auto"
    """`json` (schema), `text` (bracket lists) or `auto` (schema where the server has it)."""
    concurrency: int = 16
    """Calls at a time."""
    llm_timeout_s: float = 60.0
    """Seconds an attempt may take."""
    llm_retries: int = 5
    """Further attempts after timeouts, 429, 5xx and broken connections."""
    llm_max_tokens: int = 512
    """Longest answer, in tokens."""
    price_prompt: float = 0.0
    """Price of a million prompt tokens, to show the cost."""
    price_completion: float = 0.0
    """Price of a million answer tokens."""

    def check_chat(self) -> None:
        """Refuse numbers that no call can have.

        Raises:
            InputError: naming the flag and its value.
        """
        check_least(self, {"concurrency": 1, "llm_retries": 0, "llm_max_tokens": 1})
        check_least(self, dict.fromkeys(("llm_timeout_s", "price_prompt", "price_completion"), 0))

    def chat_model(self, asked_by: str) -> str:
        """The model.

        Raises:
            InputError: where none is named; ``asked_by`` is the flag that needs it.
        """
        if not self.llm_model:
            raise InputError(f"{asked_by} needs --llm-model, the model as the server at --llm-url names it")
        return self.llm_model

    def chat_facts(self) -> dict[str, Any]:
        """Keyword arguments of what talks to the server."""
        from tagalign.tags.llm_client import CallLimits

        limits = CallLimits(
            timeout_s=self.llm_timeout_s, max_retries=self.llm_retries, max_tokens=self.llm_max_tokens
        )
        key = os.environ.get(self.llm_key_variable) or "none"
        return {"base_url": self.llm_url, "api_key": key, "limits": limits}

    def note(self, parser: Any) -> Callable[[], str] | None:
        """Tokens and price so far, for the progress bar."""
        usage = getattr(parser, "usage", None)
        if usage is None:
            return None
        return lambda: (
            f"{usage.prompt_tokens + usage.completion_tokens:,} tokens, {usage.retries} retries, "
            f"{usage.failed} failed, price {usage.cost(self.price_prompt, self.price_completion):.2f}"
        )

    def close(self, parser: Any, out: Path) -> dict[str, Any]:
        """Write ``usage.json`` with this run and the sum of all runs, close the parser, and give the former."""
        usage = getattr(parser, "usage", None)
        if usage is None:
            return {}
        from tagalign.atomic import atomic_write
        from tagalign.tags.llm import LLMUsage

        prices = (self.price_prompt, self.price_completion)
        run = dataclasses.asdict(usage) | {"price": round(usage.cost(*prices), 6)}
        totals = parser.totals()
        total = totals | {"price": round(LLMUsage(**totals).cost(*prices), 6)}
        with atomic_write(out / "usage.json") as temp:
            temp.write_text(json_text({"run": run, "total": total}, indent=1), encoding="utf-8")
        parser.close()
        return run


@dataclasses.dataclass(frozen=True, kw_only=True)
class LLMFlags(ChatFlags):
    """Flags about the language model of --parser llm."""

    llm_mode: Literal["combined", "separate", "objects"] = "combined"
    """`combined` (one call, JSON), `separate` (the paper: objects, then attributes) or `objects`."""
    captions_per_call: int = 1
    """Captions in one call; more are cheaper, and a little less exact."""
    keep_unsupported: bool = False
    """Keep tags that the caption does not support."""

    def check_chat(self) -> None:
        """See ``ChatFlags``."""
        super().check_chat()
        check_least(self, {"captions_per_call": 1})

    def llm_parser(self, out: Path) -> "LLMParser":
        """The parser; answers are saved in ``OUT/answers.sqlite``.

        Raises:
            InputError: without a model.
        """
        from tagalign.tags.llm import llm_parser

        model = self.chat_model("--parser llm")
        return llm_parser(
            model=model, mode=self.llm_mode, structured=self.llm_output, captions_per_call=self.captions_per_call,
            concurrency=self.concurrency, keep_unsupported=self.keep_unsupported, journal=out / "answers.sqlite",
            **self.chat_facts(),
        )  # fmt: skip

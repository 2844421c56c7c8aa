"""One call to an OpenAI-compatible server, with retries that are worth making and errors that end a run."""

import email.utils
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tagalign.errors import InputError, MissingExtraError, ServerError

MAX_WAIT_S = 120.0  # longest wait between two attempts, whatever Retry-After says


class CallFailedError(Exception):
    """A call that did not work after all attempts; the message is the reason written down for its captions."""


_THOUGHTS, _THOUGHTS_END = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of the model without its thoughts, and what both cost.

    Attributes:
        text: the message.
        prompt_tokens: of the question.
        completion_tokens: of the answer.
        is_cut: whether it ended because it had as many tokens as it may.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    is_cut: bool = False

    @property
    def shown(self) -> str:
        """The beginning of the text for a message that says why it cannot be read."""
        if self.is_cut and not self.text:
            return (
                f"nothing after {self.completion_tokens} tokens of thoughts (raise --llm-max-tokens, or turn reasoning off "
                "in the server)"
            )
        return repr(self.text[:80]) + (" (cut off, --llm-max-tokens)" if self.is_cut else "")


@dataclass(frozen=True, kw_only=True)
class CallLimits:
    """How long and how often is asked.

    Attributes:
        timeout_s: of one attempt.
        max_retries: further attempts after timeouts, 408, 409, 429, 5xx and broken connections.
        backoff_s: first wait; doubles with every attempt, times a random factor in [0.5, 1.5).
        max_tokens: of an answer.
    """

    timeout_s: float = 60.0
    max_retries: int = 5
    backoff_s: float = 0.5
    max_tokens: int = 512


class ChatClient:
    """Sends chat messages; safe to use from many threads.

    Args:
        base_url: of the server, with its ``/v1``.
        model: as the server names it.
        api_key: local servers take any.
        limits: how long and how often is asked.
        seed: of the waits, and passed to the server.
        sleep: waits; tests pass their own.

    Attributes:
        retries: further attempts so far.

    Raises:
        MissingExtraError: if the ``openai`` package is not installed.
        InputError: if the address cannot be one.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str = "none",
        limits: CallLimits = CallLimits(),
        seed: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError("the LLM parser", "the openai package", "llm") from error
        if not base_url.startswith(("http://", "https://")):
            raise InputError(f"the server's address must begin with http:// or https://, got {base_url!r}")
        self._openai = openai
        self._client = openai.OpenAI(
            base_url=base_url, api_key=api_key, timeout=limits.timeout_s, max_retries=0
        )
        self._create: Any = self._client.chat.completions.create  # its overloads want literal types
        self._url, self._model, self._seed, self._limits = base_url, model, seed, limits
        self._sleep = sleep
        self._lock = threading.Lock()
        self.retries = 0
        self._random = random.Random(seed)  # noqa: S311 - spreads the waits, guards nothing
        self._worked = False

    def ask(self, messages: list[dict[str, str]], *, response_format: dict[str, Any] | None) -> Reply:
        """The model's answer.

        Args:
            messages: chat messages.
            response_format: a JSON schema, or None for plain text.

        Raises:
            CallFailedError: if this call cannot be answered; others may be.
            ServerError: if no call can be: wrong key, unknown model, nobody at the address.
        """
        extra: dict[str, Any] = {"response_format": response_format} if response_format else {}
        for attempt in range(self._limits.max_retries + 1):
            try:
                answer = self._create(
                    model=self._model, messages=messages, temperature=0, seed=self._seed,
                    max_tokens=self._limits.max_tokens, **extra,
                )  # fmt: skip
                self._worked = True
                return _reply(answer)
            except self._openai.OpenAIError as error:
                self._raise_if_final(error, last=attempt == self._limits.max_retries)
                with self._lock:
                    self.retries += 1
                self._sleep(self._wait_s(error, attempt))
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _raise_if_final(self, error: Exception, *, last: bool) -> None:
        status = getattr(error, "status_code", None)
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        if status in (401, 403, 404):
            raise ServerError(
                f"{self._url} refuses model {self._model!r} ({reason}); check address, model and key"
            )
        connection = isinstance(error, self._openai.APIConnectionError)
        if status in (408, 409, 429) or (status or 0) >= 500 or connection:
            if not last:
                return
            if connection and not self._worked:
                raise ServerError(
                    f"nobody answers at {self._url} ({reason}); is the server running?"
                ) from error
            raise CallFailedError(f"{reason} (after {self._limits.max_retries + 1} attempts)") from error
        raise CallFailedError(reason) from error

    def _wait_s(self, error: Exception, attempt: int) -> float:
        asked = _retry_after_s(getattr(error, "response", None))
        backoff = self._limits.backoff_s * 2**attempt * self._random.uniform(0.5, 1.5)
        return min(max(asked, backoff), MAX_WAIT_S)


class StructuredChat:
    """A client that asks for a JSON schema where the server has it; safe to use from many threads.

    Args:
        client: talks to the server.
        structured: "auto" falls back to plain text where the server has no schemas; "json", "text".

    Raises:
        InputError: for another word.
    """

    def __init__(self, client: ChatClient, structured: str) -> None:
        if structured not in ("auto", "json", "text"):
            raise InputError(f"structured must be auto, json or text, got {structured!r}")
        self._client = client
        self._schema, self._may_fall_back = structured != "text", structured == "auto"

    @property
    def retries(self) -> int:
        """Further attempts so far."""
        return self._client.retries

    def ask(self, messages: list[dict[str, str]], response_format: dict[str, Any]) -> Reply:
        """The model's answer; see ``ChatClient.ask``."""
        schema = response_format if self._schema else None
        try:
            return self._client.ask(messages, response_format=schema)
        except CallFailedError as error:
            if schema is None or not self._may_fall_back or "response_format" not in str(error):
                raise
            self._schema = False  # this server has no structured output; all later calls know it
            return self._client.ask(messages, response_format=None)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _reply(answer: Any) -> Reply:
    choice = answer.choices[0] if answer.choices else None
    text = (choice.message.content or getattr(choice.message, "refusal", None) or "") if choice else ""
    usage = answer.usage
    return Reply(
        spoken(text),
        usage.prompt_tokens if usage else 0,
        usage.completion_tokens if usage else 0,
        is_cut=bool(choice and choice.finish_reason == "length"),
    )


def spoken(text: str) -> str:
    """What a message says beside the model's thoughts.

    Servers keep thoughts in a field of their own (``reasoning`` of Ollama, ``reasoning_content`` of vLLM and llama.cpp) or,
    started without a parser for them, leave them in the message: between ``<think>`` and ``</think>``, without the first
    where the chat template already wrote it, without the second where the tokens ran out. Lists in them are no answer.

    Example:
        >>> spoken("<think>[cat]? no.</think> [dog]"), spoken("maybe [cat]</think>[dog]"), spoken("<think>[cat")
        ('[dog]', '[dog]', '')
    """
    _, closed, after = text.rpartition(_THOUGHTS_END)
    if closed:
        return after.strip()
    before, opened, _ = text.partition(_THOUGHTS)
    return before.strip() if opened else text


def _retry_after_s(response: Any) -> float:
    """Seconds that the server asks to wait, as a number or a date; 0 where it asks nothing."""
    value = response.headers.get("retry-after", "") if response is not None else ""
    try:
        return max(float(value), 0.0)
    except ValueError:
        date = email.utils.parsedate_tz(value)
        return max(email.utils.mktime_tz(date) - time.time(), 0.0) if date else 0.0

"""Tags from a language model behind any OpenAI-compatible server (vLLM, llama.cpp, Ollama, a cloud)."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.errors import InputError
from tagalign.tags import llm_prompts
from tagalign.tags.llm_answers import Answer, UnreadableAnswerError, read_answer
from tagalign.tags.llm_client import CallFailedError, CallLimits, ChatClient, Reply, StructuredChat
from tagalign.tags.llm_journal import AnswerJournal
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.support import CaptionWords
from tagalign.tags.visible_text import visible_text

# further calls after an answer without any list; temperature 0 still varies on busy servers
UNREADABLE_RETRIES = 2


@dataclass
class LLMUsage:
    """What a parser has used in this process.

    Attributes:
        calls: answered calls.
        retries: further attempts after faults of the server.
        prompt_tokens: as the server counts them; cached ones too.
        completion_tokens: as the server counts them.
        reused: captions whose answer was saved before.
        dropped: tags that their captions do not support.
        failed: captions without an answer.
    """

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused: int = 0
    dropped: int = 0
    failed: int = 0

    def cost(self, prompt_price: float, completion_price: float) -> float:
        """Price of the tokens, from prices per million."""
        return (self.prompt_tokens * prompt_price + self.completion_tokens * completion_price) / 1e6


class LLMParser:
    """Objects and attributes by a language model.

    A tag that the caption does not support is dropped and counted, so inventions never reach the labels. Equal
    captions are asked once. A caption that fails has its reason in ``ParsedCaption.error``.

    Args:
        client: talks to the server.
        model: name, for the settings.
        mode: "combined" (one call, JSON), "separate" (the paper: a call for objects, one for attributes) or "objects".
        structured: "auto" asks for a JSON schema and falls back to plain text where the server has none; "json", "text".
        captions_per_call: captions in one call.
        concurrency: calls at a time.
        keep_unsupported: keep what the caption does not support.
        journal: file for the answers; None keeps them in memory.

    Raises:
        InputError: if a value is out of range.
    """

    name = "llm"
    fields = ("objects", "attributes", "pairs")

    def __init__(
        self,
        client: ChatClient,
        *,
        model: str,
        mode: str = "combined",
        structured: str = "auto",
        captions_per_call: int = 1,
        concurrency: int = 16,
        keep_unsupported: bool = False,
        journal: str | Path | None = None,
    ) -> None:
        if mode not in llm_prompts.MODES:
            raise InputError(f"mode must be one of {llm_prompts.MODES}, got {mode!r}")
        if captions_per_call < 1 or concurrency < 1:
            raise InputError("captions_per_call and concurrency must be at least 1")
        self._chat = StructuredChat(client, structured)
        self._model, self._mode, self._keep = model, mode, keep_unsupported
        self._per_call, self._concurrency = captions_per_call, concurrency
        self._journal = AnswerJournal(Path(journal) if journal else None, self._answer_settings())
        self.usage = LLMUsage()

    @property
    def settings(self) -> dict[str, object]:
        """Everything that changes the output."""
        return {"parser": self.name, **self._answer_settings(), "keep_unsupported": self._keep}

    def _answer_settings(self) -> dict[str, object]:
        prompts = "".join(
            (llm_prompts.OBJECT_PROMPT, llm_prompts.ATTRIBUTE_PROMPT, llm_prompts.COMBINED_PROMPT)
        )
        digest = hashlib.sha256(prompts.encode()).hexdigest()[:12]
        return {
            "model": self._model,
            "mode": self._mode,
            "captions_per_call": self._per_call,
            "prompts": digest,
        }

    def totals(self) -> dict[str, int]:
        """Calls and tokens over all runs that used this journal."""
        return self._journal.totals()

    def close(self) -> None:
        """Close connections and journal."""
        self._chat.close()
        self._journal.close()

    def parse(self, captions: Sequence[str]) -> list[ParsedCaption]:
        """Tags of each caption; see ``Parser``.

        Raises:
            ServerError: if the server refuses every call.
        """
        texts = [visible_text(caption) for caption in captions]
        wanted = list(dict.fromkeys(text for text in texts if text.strip()))
        answers: dict[str, Answer | str] = dict(self._journal.find(wanted))
        self.usage.reused += len(answers)
        for found in self._ask_all([text for text in wanted if text not in answers]):
            answers.update(found)
        answers[""] = Answer()
        return [self._parse_of(text, answers[text if text.strip() else ""]) for text in texts]

    def _ask_all(self, texts: Sequence[str]) -> Iterator[dict[str, Answer | str]]:
        """Answers or reasons as they come; answers are saved before they are passed on."""
        groups = [texts[i : i + self._per_call] for i in range(0, len(texts), self._per_call)]
        with ThreadPoolExecutor(self._concurrency) as executor:
            futures = [executor.submit(self._ask_group, group) for group in groups]
            try:
                for future in as_completed(futures):
                    yield self._saved(future)
            finally:
                for future in futures:
                    future.cancel()

    def _saved(
        self, future: "Future[tuple[dict[str, Answer | str], list[Reply]]]"
    ) -> dict[str, Answer | str]:
        found, replies = future.result()
        tokens = {
            "calls": len(replies),
            "prompt_tokens": sum(reply.prompt_tokens for reply in replies),
            "completion_tokens": sum(reply.completion_tokens for reply in replies),
        }
        self._journal.save({text: a for text, a in found.items() if isinstance(a, Answer)}, tokens)
        for name, value in tokens.items():
            setattr(self.usage, name, getattr(self.usage, name) + value)
        self.usage.retries = self._chat.retries
        self.usage.failed += sum(isinstance(a, str) for a in found.values())
        return found

    def _ask_group(self, texts: Sequence[str]) -> tuple[dict[str, Answer | str], list[Reply]]:
        """Ask about some captions; those that the answer misses are asked one by one."""
        replies = list[Reply]()
        modes = ("objects", "attributes") if self._mode == "separate" else (self._mode,)
        parts: list[list[Answer | None]] = []
        try:
            parts = [self._ask(mode, texts, replies) for mode in modes]
        except CallFailedError as error:
            if len(texts) == 1:
                return {texts[0]: str(error)}, replies
            parts = [[None] * len(texts)]
        found: dict[str, Answer | str] = {}
        for i, text in enumerate(texts):
            answers = [part[i] for part in parts]
            if all(answers):
                found[text] = _joined([answer for answer in answers if answer])
            elif len(texts) > 1:
                alone, more = self._ask_group([text])
                found |= alone
                replies += more
            else:
                found[text] = "the answer does not reach this caption"
        return found, replies

    def _ask(self, mode: str, texts: Sequence[str], replies: list[Reply]) -> list[Answer | None]:
        reason = ""
        for _ in range(UNREADABLE_RETRIES + 1):
            reply = self._chat.ask(llm_prompts.messages(mode, texts), llm_prompts.response_format(mode))
            replies.append(reply)
            try:
                return read_answer(reply.text, mode=mode, captions=len(texts))
            except UnreadableAnswerError as error:
                reason = f"{error}{f', {reply.shown}' if reply.is_cut else ''}"
        raise CallFailedError(f"no readable answer in {UNREADABLE_RETRIES + 1} calls: {reason}")

    def _parse_of(self, caption: str, answer: Answer | str) -> ParsedCaption:
        if isinstance(answer, str):
            return ParsedCaption(error=answer)
        words = CaptionWords(caption)
        keep: Callable[[str], bool] = (lambda tag: True) if self._keep else words.supports
        objects = [tag for tag in answer.objects if keep(tag)]
        pairs = [(o, a) for o, a in answer.attributes if keep(a)]
        self.usage.dropped += len(answer.objects) - len(objects) + len(answer.attributes) - len(pairs)
        return ParsedCaption(
            objects=tuple(dict.fromkeys(objects)),
            attributes=tuple(dict.fromkeys(a for _, a in pairs)),
            pairs=tuple(dict.fromkeys((o, a) for o, a in pairs if o in objects)),
        )


def _joined(answers: Sequence[Answer]) -> Answer:
    return Answer(
        tuple(o for answer in answers for o in answer.objects),
        tuple(pair for answer in answers for pair in answer.attributes),
    )


def llm_parser(
    *,
    base_url: str,
    model: str,
    api_key: str = "none",
    limits: CallLimits | None = None,
    sleep: Callable[[float], None] = time.sleep,
    **options: Any,
) -> LLMParser:
    """An ``LLMParser`` with its client.

    Args:
        base_url: of the server, with its ``/v1``.
        model: as the server names it.
        api_key: local servers take any.
        limits: how long and how often the server is asked.
        sleep: waits between attempts; tests pass their own.
        options: of ``LLMParser``.
    """
    client = ChatClient(
        base_url=base_url, model=model, api_key=api_key, limits=limits or CallLimits(), sleep=sleep
    )
    return LLMParser(client, model=model, **options)

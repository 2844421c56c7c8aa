"""A stub of an OpenAI-compatible server on the loopback address: answers well or badly, from a seed.

What happens to a call depends on the seed, the captions and how often they were asked before, never on the clock, so
a test sees the same faults in every run and whatever the order of the calls.
"""

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

CaptionTags = tuple[list[str], list[tuple[str, str]]]
"""Objects, and ``(object, attribute)`` pairs."""

FAULTS = ("429", "500", "drop", "half", "refusal", "slow")
"""Too many requests; a server error; a broken connection; half an answer; a refusal; an answer after ``slow_s``."""

_CAPTION = re.compile(r'^\d+\. (".*")$', re.MULTILINE)
_REFUSAL = "I'm sorry, but I can't help with that request."


def words_as_tags(caption: str) -> CaptionTags:
    """A model of few words: between articles and the like the last word is an object, those before it attributes."""
    objects, pairs = list[str](), list[tuple[str, str]]()
    for phrase in re.split(r"\b(?:an?|the|on|in|with|and|of|at|near|by)\b|[,.]", caption.lower()):
        words = re.findall(r"[a-z0-9]+", phrase)[:3]
        if words:
            objects.append(words[-1])
            pairs += [(words[-1], word) for word in words[:-1]]
    return objects, pairs


@dataclass
class LLMServerLog:
    """What a stub server saw.

    Attributes:
        calls: requests, failed ones too.
        faults: how often each fault happened.
        answered: captions with a whole answer, and how often.
    """

    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)


@dataclass(kw_only=True, eq=False)
class StubLLMServer:
    """An OpenAI-compatible chat server for tests; use it as a context manager.

    Attributes:
        tags: what it knows about a caption.
        faults: fault -> share of the calls that suffer it, see ``FAULTS``.
        seed: which calls.
        style: "json" (answers schemas with JSON, else as "list"), "list" (bracket lists), "prose" (the list in a
            sentence) or "numbered" (items on numbered lines in brackets).
        has_schema: whether it accepts ``response_format``; without it a request with one is answered by 400.
        inventions: objects added to every answer that no caption names.
        slow_s: how long a slow answer takes.
        retry_after_s: told to clients with a 429; None tells nothing.
        delay_s: how long every answer takes.
        other: text of the answer to what is not asked about captions, from the instructions and the strings asked about;
            None leaves it to ``tags``.
        message: what the message holds for a text, as servers of models that reason have it: other fields, a cut-off end.

    Example:
        >>> import json, urllib.request
        >>> with StubLLMServer() as server:
        ...     body = {"messages": [{"role": "user", "content": '1. "a red car"'}]}
        ...     request = urllib.request.Request(
        ...         f"{server.url}/chat/completions", data=json.dumps(body).encode()
        ...     )
        ...     answer = json.load(urllib.request.urlopen(request, timeout=5))
        >>> answer["choices"][0]["message"]["content"]
        '[car]'
    """

    tags: Callable[[str], CaptionTags] = words_as_tags
    faults: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    style: str = "json"
    has_schema: bool = True
    inventions: tuple[str, ...] = ()
    slow_s: float = 0.5
    retry_after_s: float | None = None
    delay_s: float = 0.0
    other: Callable[[str, tuple[str, ...]], str | None] = lambda system, asked: None
    message: Callable[[str], dict[str, Any]] = lambda text: {"content": text}

    def __post_init__(self) -> None:
        unknown = set(self.faults) - set(FAULTS)
        if unknown or self.style not in ("json", "list", "prose", "numbered"):
            raise ValueError(
                f"faults must be of {FAULTS}, style json, list, prose or numbered; got {unknown or self.style}"
            )
        self.log = LLMServerLog()
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The base address, for ``base_url``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "StubLLMServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def fault_of(self, captions: tuple[str, ...], content: str) -> str:
        """The fault of this attempt at these captions, or ""."""
        with self._lock:
            self.log.calls += 1
            attempt = self._asked[content]
            self._asked[content] += 1
        digest = hashlib.sha256(f"{self.seed} {attempt} {captions}".encode()).digest()
        draw = int.from_bytes(digest[:6]) / 2**48
        for fault, share in self.faults.items():
            if draw < share:
                with self._lock:
                    self.log.faults[fault] += 1
                return fault
            draw -= share
        return ""

    def note(self, captions: tuple[str, ...]) -> None:
        """Remembers captions that got a whole answer."""
        with self._lock:
            self.log.answered.update(captions)

    def answer(self, captions: tuple[str, ...], system: str, *, schema: bool) -> str:
        """The text of an answer."""
        if (text := self.other(system, captions)) is not None:
            return text
        found = [self.tags(caption) for caption in captions]
        combined, attributes = "JSON alone" in system, "visual attributes" in system
        results = list[dict[str, Any]]()
        for number, (names, pairs) in enumerate(found, start=1):
            result: dict[str, Any] = {"id": number}
            if combined or not attributes:
                result["objects"] = [*names, *self.inventions]
            if combined:
                result["attributes"] = [{"object": o, "attribute": a} for o, a in pairs]
            elif attributes:
                result["attributes"] = [a for _, a in pairs]
            results.append(result)
        if combined or (schema and self.style == "json"):
            return json.dumps({"results": results})
        lists = [result["attributes" if attributes else "objects"] for result in results]
        return "\n".join(self._list(i, items, len(lists)) for i, items in enumerate(lists, start=1))

    def _list(self, number: int, items: list[str], total: int) -> str:
        if self.style == "numbered":
            body = "\n".join(f"{i}. {item}" for i, item in enumerate(items, start=1))
            return f"{number}. [{body}]" if total > 1 else f"[{body}]"
        text = f"[{', '.join(items) or 'None'}]"
        if self.style == "prose":
            text = f'Sure! Here are the tags you asked for: "{text}". Let me know if you need more.'
        return f"{number}. {text}" if total > 1 else text


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, stub: StubLLMServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stub = stub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news in a test of faults."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stub = self.server.stub
        content = body["messages"][-1]["content"]
        system = body["messages"][0]["content"] if len(body["messages"]) > 1 else ""
        captions = tuple(json.loads(text) for text in _CAPTION.findall(content))
        if "response_format" in body and not stub.has_schema:
            self._send(400, {"error": {"message": "response_format is not supported by this server"}})
            return
        fault = stub.fault_of(captions, system[:60] + content)
        time.sleep(stub.slow_s if fault == "slow" else stub.delay_s)
        if fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault in ("429", "500"):
            self._send(int(fault), {"error": {"message": f"stub says {fault}"}})
        else:
            text = stub.answer(captions, system, schema="response_format" in body)
            if fault == "half":
                text = text[: len(text) // 2]
            elif fault == "refusal":
                text = _REFUSAL
            else:
                stub.note(captions)
            self._send(200, _completion(body, stub.message(text)))

    def _send(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 429 and self.server.stub.retry_after_s is not None:
            self.send_header("Retry-After", str(self.server.stub.retry_after_s))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """A test's output is its own."""


def _completion(body: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """A chat completion; tokens are counted as words, which is all a test needs."""
    finish = message.pop("finish_reason", "stop")
    text = " ".join(filter(None, message.values()))
    prompt = sum(len(message["content"].split()) for message in body["messages"])
    usage = {"prompt_tokens": prompt, "completion_tokens": len(text.split())}
    return {
        "id": "stub",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "stub"),
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}],
        "usage": usage | {"total_tokens": sum(usage.values())},
    }

"""Answers of a language model on disk: what was saved is never asked again, whatever kills the run."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.tags.llm_answers import Answer


class TextJournal:
    """A table from what was asked about to a text in one SQLite file; every ``keep`` is on disk when it returns.

    Args:
        path: the file, or None to keep answers in memory for this run alone.
        settings: what changes answers (model, prompts, mode); answers to other settings are not found.

    Raises:
        DataError: if the file is no journal.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        self._path = path
        self._settings = json_text(settings, sort_keys=True).encode()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut, not only kill -9
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer TEXT) WITHOUT ROWID"
            )
            self._db.execute("CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, value INTEGER)")
        except sqlite3.Error as error:
            raise DataError(f"{path} cannot hold the answers: {error}") from error

    def texts(self, asked: Iterable[str]) -> dict[str, str]:
        """The saved texts about these."""
        found = {}
        for about in asked:
            row = self._db.execute("SELECT answer FROM answers WHERE key = ?", (self._key(about),)).fetchone()
            if row:
                found[about] = str(row[0])
        return found

    def keep(self, texts: Mapping[str, str], totals: Mapping[str, int]) -> None:
        """Save texts, and add to running totals (tokens, calls), in one transaction."""
        rows = [(self._key(about), text) for about, text in texts.items()]
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
                self._db.executemany(
                    "INSERT INTO totals VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = value + excluded.value",
                    list(totals.items()),
                )
        except sqlite3.OperationalError as error:  # a full disk; what was saved before is there
            raise InputError(f"cannot write {self._path or 'the answers'}: {error}") from error

    def totals(self) -> dict[str, int]:
        """Sums of what ``keep`` was given, over all runs."""
        return dict(self._db.execute("SELECT name, value FROM totals").fetchall())

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _key(self, about: str) -> bytes:
        return hashlib.sha256(self._settings + b"\0" + about.encode("utf-8", "surrogatepass")).digest()[:16]


class AnswerJournal(TextJournal):
    """A table from caption to answer."""

    def find(self, captions: Iterable[str]) -> dict[str, Answer]:
        """The saved answers to these captions."""
        found = {}
        for caption, text in self.texts(captions).items():
            objects, attributes = json.loads(text)
            found[caption] = Answer(tuple(objects), tuple((o, a) for o, a in attributes))
        return found

    def save(self, answers: Mapping[str, Answer], totals: Mapping[str, int]) -> None:
        """Save answers; see ``keep``."""
        self.keep({c: json_text([a.objects, a.attributes]) for c, a in answers.items()}, totals)

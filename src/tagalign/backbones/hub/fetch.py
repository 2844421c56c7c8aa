"""Brings the chosen files into the hub's cache, through the hub's own client: each once, also for two processes at a time.

The client locks a file while it fetches it, takes up a connection that broke where it stopped, and gives a file its final
name only when it is whole. What it does not do stands here: one bar for all files, and the SHA-256 of large ones.
"""

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import ERROR
from pathlib import Path
from typing import Any

from tagalign.backbones.config import read_json
from tagalign.backbones.hub.cached import cached_commit, forget_file, remember_conversion, snapshot_dir
from tagalign.backbones.hub.choose import CONFIGS, Choice, shards_of
from tagalign.backbones.hub.listing import File, Listing
from tagalign.backbones.hub.names import HubId
from tagalign.backbones.hub.progress import FetchBar, megabytes
from tagalign.backbones.hub.remote import ask
from tagalign.backbones.hub.trouble import Unreachable
from tagalign.backbones.models import find_model
from tagalign.errors import ModelError

BROKEN_TRIES = 4
"""Times a file is begun whose connection is reset in the middle."""


@dataclass(frozen=True)
class FileAtCommit:
    """A file at a commit.

    Attributes:
        file: which.
        commit: of what.
        ref: a name of the commit; the client notes in its cache what it stood for.
    """

    file: File
    commit: str
    ref: str


@dataclass(frozen=True)
class Fetched:
    """Where the files are now.

    Attributes:
        folder: with the small files.
        weights: in the order of the index.
        digests: SHA-256 of the hub for each, where it gives one.
    """

    folder: Path
    weights: tuple[Path, ...]
    digests: tuple[str | None, ...]


def fetch_config(hub_id: HubId, listing: Listing, choice: Choice) -> dict[str, Any]:
    """The config alone, so that another kind of model is refused before its weights are fetched."""
    path = CONFIGS[choice.layout]
    return read_json(fetch_file(hub_id, FileAtCommit(listing[path], str(listing.commit), hub_id.revision)))


def fetch(hub_id: HubId, listing: Listing, choice: Choice) -> Fetched:
    """All files of a choice.

    Raises:
        ModelError: if the hub refuses, the cache cannot be written, or an index does not fit.
        Unreachable: if nobody answers any more.
    """
    small, weights = wanted_files(hub_id, listing, choice)
    missing = [wanted for wanted in (*small, *weights) if not _place(hub_id, wanted).exists()]
    if any(wanted in missing for wanted in weights):
        _announce(hub_id, listing, choice, missing)
    total = sum(wanted.file.size or 0 for wanted in missing)
    with FetchBar(total, hub_id.repo) as bar:
        for wanted in (*small, *weights):  # weights last: where they lie, everything else does
            fetch_file(hub_id, wanted, bar)
    if choice.conversion is not None:
        remember_conversion(hub_id, choice.conversion)
    return Fetched(
        folder=snapshot_dir(hub_id, str(listing.commit)),
        weights=tuple(_place(hub_id, wanted) for wanted in weights),
        digests=tuple(wanted.file.sha256 for wanted in weights),
    )


def wanted_files(
    hub_id: HubId, listing: Listing, choice: Choice
) -> tuple[list[FileAtCommit], list[FileAtCommit]]:
    """Small files, and weights; an index is read for its shards, so it is fetched."""
    small = [FileAtCommit(file, str(listing.commit), hub_id.revision) for file in choice.small]
    return small, _weights(hub_id, listing, choice)


def missing_files(hub_id: HubId, listing: Listing, choice: Choice) -> list[FileAtCommit]:
    """What ``fetch`` would bring."""
    small, weights = wanted_files(hub_id, listing, choice)
    return [wanted for wanted in (*small, *weights) if not _place(hub_id, wanted).exists()]


def fetch_small(hub_id: HubId, listing: Listing, files: Sequence[File]) -> Path:
    """Small files alone; their folder."""
    for file in files:
        fetch_file(hub_id, FileAtCommit(file, str(listing.commit), hub_id.revision))
    return snapshot_dir(hub_id, str(listing.commit))


def fetch_file(hub_id: HubId, wanted: FileAtCommit, bar: FetchBar | None = None) -> Path:
    """One file; no request where it is in the cache and the client knows what the name of its commit stands for.

    Raises:
        ModelError: as ``fetch``.
    """
    place = _place(hub_id, wanted)
    if place.exists() and cached_commit(HubId(hub_id.repo, wanted.ref)) == wanted.commit:
        return place
    # by the name of the commit, so that the client notes what it stands for; by the commit where it moved on meanwhile
    for revision in (wanted.ref, wanted.commit):
        if _download(hub_id, wanted.file.path, revision, bar or FetchBar(0, hub_id.repo)) == place:
            break
    if wanted.file.size is not None and place.stat().st_size != wanted.file.size:
        held = place.stat().st_size
        forget_file(place)
        raise ModelError(
            f"{hub_id}: {wanted.file.path} has {held:,} bytes, the hub says {wanted.file.size:,}; it was removed, try again"
        )
    return place


def _download(hub_id: HubId, path: str, revision: str, bar: FetchBar) -> Path:
    from huggingface_hub import constants, hf_hub_download

    client: dict[str, Any] = {"endpoint": constants.ENDPOINT, "tqdm_class": bar.for_client()}
    for tries_left in reversed(range(BROKEN_TRIES)):
        done = bar.done
        try:
            with _quiet_client():
                return Path(
                    ask(lambda: hf_hub_download(hub_id.repo, path, revision=revision, **client), hub_id)
                )
        except Unreachable as trouble:
            # the client takes up what ended early, but not what was reset: there it begins anew
            if not tries_left or type(trouble.__cause__).__name__ != "ReadError":
                raise
            bar.add(done - bar.done)
            time.sleep(1)
    raise AssertionError("the last try returns or raises")


def _weights(hub_id: HubId, listing: Listing, choice: Choice) -> list[FileAtCommit]:
    conversion = choice.conversion
    commit, ref = (
        (conversion.commit, conversion.ref) if conversion else (str(listing.commit), hub_id.revision)
    )
    if not choice.is_index:
        return [FileAtCommit(choice.weights, commit, ref)]
    index = read_json(fetch_file(hub_id, FileAtCommit(choice.weights, commit, ref)))
    held = Listing(name=listing.name, files=conversion.files) if conversion else listing
    return [FileAtCommit(file, commit, ref) for file in shards_of(index, held, choice.weights.path)]


def _place(hub_id: HubId, wanted: FileAtCommit) -> Path:
    return snapshot_dir(hub_id, wanted.commit) / wanted.file.path


def _announce(hub_id: HubId, listing: Listing, choice: Choice, missing: Sequence[FileAtCommit]) -> None:
    """One line at the first fetch: what, how large, where it will lie, under which licence."""
    from huggingface_hub import constants

    for word in choice.passed_over:
        print(f"{hub_id}: {word}", file=sys.stderr)
    size = megabytes(sum(wanted.file.size or 0 for wanted in missing))
    print(
        f"fetching {hub_id}: {size} into {constants.HF_HUB_CACHE}; {licence_of(hub_id.repo, listing.licence)}",
        file=sys.stderr,
        flush=True,
    )


def licence_of(repo: str, card: str | None) -> str:
    """The licence in words, marked where it forbids commercial use: our table's, else the card's."""
    known = find_model(repo)
    licence = (known.licence if known else None) or card
    if licence is None:
        return "licence unknown, see its page"
    words = licence.lower().replace("_", "-").split("-")
    forbids = "nc" in words or "noncommercial" in words or (known is not None and known.non_commercial)
    return f"licence {licence}" + (", NO COMMERCIAL USE" if forbids else "")


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Without the client's own words on standard error: what matters of them is said by us, in one line."""
    from huggingface_hub import logging

    level = logging.get_verbosity()
    logging.set_verbosity(ERROR)
    try:
        with warnings.catch_warnings():
            # of a disk that is nearly full: where it does not suffice, the system says so
            warnings.filterwarnings("ignore", message="Not enough free disk space")
            yield
    finally:
        logging.set_verbosity(level)

"""What the hub's cache on this machine holds, without the hub and without its client: folders and links alone.

The cache is the client's (https://huggingface.co/docs/huggingface_hub/guides/manage-cache): ``refs/NAME`` holds the commit
of a branch, ``snapshots/COMMIT`` its files. Of our own we remember which commit of which pull request carries the
converted weights of a commit, since the cache does not know parents.
"""

import json
import re
from pathlib import Path

from tagalign.atomic import atomic_write
from tagalign.backbones.hub.choose import SAFETENSORS, choose
from tagalign.backbones.hub.listing import Conversion, Listing, list_folder
from tagalign.backbones.hub.names import HubId
from tagalign.errors import InputError, ModelError
from tagalign.json_text import json_text

_DIGEST = re.compile(r"[0-9a-f]{64}")


def repository_dir(hub_id: HubId) -> Path:
    """Where the cache keeps a repository."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{hub_id.repo.replace('/', '--')}"


def is_offline() -> bool:
    """Whether the user forbade the network: ``HF_HUB_OFFLINE``."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def cached_commit(hub_id: HubId) -> str | None:
    """The commit that a revision had when it was last seen."""
    if hub_id.is_commit:
        return hub_id.revision
    try:
        return (repository_dir(hub_id) / "refs" / hub_id.revision).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def snapshot_dir(hub_id: HubId, commit: str) -> Path:
    """Where the cache keeps the files of a commit."""
    return repository_dir(hub_id) / "snapshots" / commit


def list_cache(hub_id: HubId) -> Listing | None:
    """What the cache holds of a revision; None if it was never fetched."""
    commit = cached_commit(hub_id)
    if commit is None or not snapshot_dir(hub_id, commit).is_dir():
        return None
    found = list_folder(snapshot_dir(hub_id, commit), name=str(hub_id), commit=commit)
    return Listing(
        name=found.name,
        commit=commit,
        files=found.files,
        conversions=cached_conversions(hub_id, commit),
    )


def is_here(name: str) -> bool:
    """Whether the cache holds a set of weights of a hub id; nothing is asked, and torch is not needed."""
    hub_id = HubId.parse(name)
    listing = None if hub_id is None else list_cache(hub_id)
    if listing is None:
        return False
    try:
        choose(listing)
    except ModelError:
        return False
    return True


def cached_conversions(hub_id: HubId, commit: str) -> tuple[Conversion, ...]:
    """The conversion of a commit whose weights are here.

    Where we remember none of this repository at all (its cache was copied from another machine), a pull request whose
    weights lie in the cache is taken: the client fetched it, and the cache says no more.
    """
    remembered = _read_memory(hub_id)
    if remembered:
        pull = remembered.get(commit)
        pulls = [pull] if pull else []
    else:
        pulls = _fetched_pulls(hub_id)
    found = []
    for number, head in pulls:
        folder = snapshot_dir(hub_id, head)
        if (folder / SAFETENSORS).exists() or (folder / f"{SAFETENSORS}.index.json").exists():
            found.append(Conversion(number, head, commit, list_folder(folder).files))
    return tuple(found)


def remember_conversion(hub_id: HubId, conversion: Conversion) -> None:
    """Note which pull request carries the weights of its parent; where nothing can be written, the hub is asked again."""
    known, pull = _read_memory(hub_id), (conversion.number, conversion.commit)
    if known.get(conversion.parent) == pull:
        return
    try:
        with atomic_write(_memory_path(hub_id)) as temp:
            temp.write_text(json_text(known | {conversion.parent: pull}, indent=1) + "\n", encoding="utf-8")
    except InputError:
        pass


def blob_digest(path: Path) -> str | None:
    """The SHA-256 under which the cache keeps a large file: the name of what the link leads to. None for other files."""
    name = path.resolve().name
    return name if path.is_symlink() and _DIGEST.fullmatch(name) else None


def forget_file(path: Path) -> None:
    """Take a damaged file out of the cache, link and content, so that the next start fetches it anew."""
    content = path.resolve()
    for found in {path, content}:
        try:
            found.unlink(missing_ok=True)
        except OSError:
            continue  # a read-only cache: the next start refuses it again


def _memory_path(hub_id: HubId) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "tagalign" / "conversions" / f"{hub_id.repo.replace('/', '--')}.json"


def _read_memory(hub_id: HubId) -> dict[str, tuple[int, str]]:
    """Number and head of the pull request by its parent; empty where nothing usable is written."""
    try:
        values = json.loads(_memory_path(hub_id).read_text(encoding="utf-8"))
        return {parent: (int(number), str(head)) for parent, (number, head) in values.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _fetched_pulls(hub_id: HubId) -> list[tuple[int, str]]:
    """Numbers and heads of pull requests that the client fetched by their names, newest first."""
    found = []
    for ref in (repository_dir(hub_id) / "refs" / "refs" / "pr").glob("*"):
        if ref.name.isdecimal() and ref.is_file():
            found.append((int(ref.name), ref.read_text(encoding="utf-8").strip()))
    return sorted(found, reverse=True)

"""Asks a hub what a repository holds. One request where that has safetensors; two or three more where it has not."""

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from tagalign.backbones.hub.choose import wants_conversions
from tagalign.backbones.hub.listing import Conversion, File, Listing
from tagalign.backbones.hub.names import HubId
from tagalign.backbones.hub.trouble import NETWORK_LIBRARIES, Unreachable, explain, wait_s
from tagalign.errors import ModelError

ROBOT = "SFconvertbot"
ROBOT_TITLE = "Adding `safetensors` variant of this model"
"""Author and exact title of the hub's conversion robot: transformers follows it by the same two."""
TIMEOUT_S = 20.0
PATIENCE_S = 30.0
"""At most so long we wait where a hub asks to come back later, all waits of one question together."""

Answer = TypeVar("Answer")


def ask(question: Callable[[], Answer], hub_id: HubId) -> Answer:
    """The answer of a hub; asked again where it says when.

    Raises:
        ModelError: for what the user can mend.
        Unreachable: if nobody answers, or asks to wait longer than we do.
    """
    left = PATIENCE_S
    while True:
        try:
            return question()
        except _troubles() as error:
            wait = wait_s(error)
            if wait is None or wait > left:
                found = explain(error, hub_id)
                if not isinstance(found, ModelError | Unreachable):
                    raise
                raise found from error
            left -= max(wait, 1)  # a hub that says 0 is asked at most 30 times
            time.sleep(wait)


def _troubles() -> tuple[type[Exception], ...]:
    """What a question to a hub can end with; anything else is a fault of ours and keeps its traceback.

    Every error that the client names, and its HTTP library's for an address that is none, which has no base of these.
    """
    from huggingface_hub import errors

    named = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    libraries = {kind.__module__.partition(".")[0] for kind in named} & set(NETWORK_LIBRARIES)
    addresses = [getattr(import_module(name), "InvalidURL", OSError) for name in libraries]
    return (OSError, ValueError, RuntimeError, *named, *addresses)


def list_repository(
    hub_id: HubId, *, knows_conversion: Callable[[str], bool] = lambda commit: False
) -> Listing:
    """The files of a repository at a revision, and open conversions where they matter.

    Args:
        hub_id: what is asked for.
        knows_conversion: whether the conversion for a commit is already in the cache, so that nobody need ask.

    Raises:
        ModelError: for a repository or revision that is not there, or not for us.
        Unreachable: if nobody answers.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    info = ask(
        lambda: api.model_info(hub_id.repo, revision=hub_id.revision, files_metadata=True, timeout=TIMEOUT_S),
        hub_id,
    )
    listing = Listing(name=str(hub_id), commit=info.sha, files=_files(info), licence=_licence(info))
    if not wants_conversions(listing) or knows_conversion(str(info.sha)):
        return listing
    return Listing(
        name=listing.name,
        commit=listing.commit,
        files=listing.files,
        licence=listing.licence,
        conversions=ask(lambda: _conversions(api, hub_id, str(info.sha)), hub_id),
    )


def _files(info: Any) -> tuple[File, ...]:
    return tuple(
        File(sibling.rfilename, sibling.size, sibling.lfs.sha256 if sibling.lfs else None)
        for sibling in info.siblings or ()
    )


def _licence(info: Any) -> str | None:
    card = info.card_data
    found = card.get("license") if card else None
    name = card.get("license_name") if card else None
    return str(name or found) if found == "other" else (str(found) if found else None)


def _conversions(api: Any, hub_id: HubId, head: str) -> tuple[Conversion, ...]:
    """Of the robot alone, by its exact title, still open; newest first. Files are asked for only where the parent fits."""
    found = []
    pulls = api.get_repo_discussions(
        hub_id.repo, author=ROBOT, discussion_type="pull_request", discussion_status="open"
    )
    for pull in pulls:
        # what was asked for is looked at again: an older hub, or a copy of one, may not filter
        if (
            pull.author != ROBOT
            or pull.title != ROBOT_TITLE
            or pull.status != "open"
            or not pull.is_pull_request
        ):
            continue
        commits = api.list_repo_commits(hub_id.repo, revision=f"refs/pr/{pull.num}")
        if len(commits) < 2:
            continue
        commit, parent = commits[0].commit_id, commits[1].commit_id
        files: tuple[File, ...] = ()
        if parent == head:
            files = _files(
                api.model_info(hub_id.repo, revision=commit, files_metadata=True, timeout=TIMEOUT_S)
            )
        found.append(Conversion(pull.num, commit, parent, files))
    return tuple(sorted(found, key=lambda pull: -pull.number))

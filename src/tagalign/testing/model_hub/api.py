"""What a repository looks like in the JSON of the hub's interface."""

from collections.abc import Mapping
from typing import Any

from tagalign.testing.model_hub.repository import HubCommit, HubFile, HubPullRequest, HubRepository

DATE = "2024-01-01T00:00:00.000Z"
"""Of everything; nothing here depends on the clock."""
DISCUSSION_PAGE = 10

Json = dict[str, Any]


def repository_info(repository: HubRepository, commit: HubCommit, *, has_blobs: bool) -> Json:
    """``/api/models/ID``: with ``?blobs=True`` sizes and hashes of the files as well."""
    files = [commit.files[name] for name in sorted(commit.files)]
    return {
        "_id": commit.id[:24],
        "id": repository.id,
        "modelId": repository.id,
        "author": repository.id.partition("/")[0],
        "sha": commit.id,
        "lastModified": DATE,
        "createdAt": DATE,
        "private": repository.is_private,
        "gated": "manual" if repository.is_gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [_sibling(file, has_blobs=has_blobs) for file in files],
    }


def _sibling(file: HubFile, *, has_blobs: bool) -> Json:
    if not has_blobs:
        return {"rfilename": file.name}
    value: Json = {"rfilename": file.name, "size": file.size, "blobId": file.oid}
    if file.is_large:
        value["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
    return value


def tree(commit: HubCommit, folder: str, *, is_recursive: bool) -> list[Json]:
    """``/api/models/ID/tree/REVISION/FOLDER``: folders and files, by name."""
    prefix = f"{folder}/" if folder else ""
    entries = dict[str, Json]()
    for name, file in commit.files.items():
        if not name.startswith(prefix):
            continue
        parts = name.removeprefix(prefix).split("/")
        for depth in range(1, len(parts)) if is_recursive else range(1, min(2, len(parts))):
            path = prefix + "/".join(parts[:depth])
            entries[path] = {"type": "directory", "path": path, "oid": commit.id, "size": 0}
        if is_recursive or len(parts) == 1:
            entries[name] = file_entry(file)
    return [entries[path] for path in sorted(entries)]


def file_entry(file: HubFile) -> Json:
    """A file in a tree."""
    value: Json = {"type": "file", "path": file.name, "oid": file.oid, "size": file.size}
    if file.is_large:
        value["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
    return value


def commits(head: HubCommit) -> list[Json]:
    """``/api/models/ID/commits/REVISION``: newest first."""
    return [
        {
            "id": commit.id,
            "title": commit.title,
            "message": "",
            "authors": [{"user": commit.author}],
            "date": DATE,
        }
        for commit in head.line()
    ]


def references(repository: HubRepository, *, has_pull_requests: bool) -> Json:
    """``/api/models/ID/refs``."""

    def entry(name: str, reference: str, commit: HubCommit) -> Json:
        return {"name": name, "ref": reference, "targetCommit": commit.id}

    pulls = [pull for pull in repository.pull_requests if pull.head is not None]
    found: Json = {
        "branches": [entry(n, f"refs/heads/{n}", c) for n, c in repository.branches.items()],
        "tags": [entry(n, f"refs/tags/{n}", c) for n, c in repository.tags.items()],
        "converts": [],
    }
    if has_pull_requests:
        found["pullRequests"] = [
            entry(f"refs/pr/{pull.num}", f"refs/pr/{pull.num}", pull.head) for pull in pulls if pull.head
        ]
    return found


def discussions(repository: HubRepository, query: Mapping[str, str]) -> Json:
    """``/api/models/ID/discussions``: newest first, in pages; ``type``, ``status`` and ``author`` choose."""
    chosen = [pull for pull in reversed(repository.pull_requests) if _fits(pull, query)]
    start = int(query.get("p", "0")) * DISCUSSION_PAGE
    page = chosen[start : start + DISCUSSION_PAGE]
    return {
        "count": len(chosen),
        "start": start,
        "discussions": [_discussion(repository, pull) for pull in page],
    }


def _fits(pull: HubPullRequest, query: Mapping[str, str]) -> bool:
    kind = "pull_request" if pull.head is not None else "discussion"
    is_open = pull.status in ("open", "draft")
    return (
        query.get("type", "all") in ("all", kind)
        and query.get("status", "all") in ("all", "open" if is_open else "closed")
        and query.get("author", pull.author) == pull.author
    )


def _discussion(repository: HubRepository, pull: HubPullRequest) -> Json:
    return {
        "num": pull.num,
        "title": pull.title,
        "author": {"name": pull.author, "type": "user"},
        "status": pull.status,
        "isPullRequest": pull.head is not None,
        "createdAt": DATE,
        "repo": {"name": repository.id, "type": repository.kind},
    }


def discussion_details(repository: HubRepository, pull: HubPullRequest) -> Json:
    """``/api/models/ID/discussions/NUM``: the thread with its events; the commits of a pull request are among them."""
    author = {"name": pull.author, "type": "user"}
    common = {"author": author, "createdAt": DATE}
    body = {"raw": pull.title, "html": pull.title, "updatedAt": DATE, "author": author}
    comment = {"edited": False, "hidden": False, "latest": body, "history": [body]}
    events = [{"id": f"{pull.num}-0", "type": "comment", "data": comment, **common}]
    value = _discussion(repository, pull) | {"events": events}
    if pull.head is not None:
        data = {"subject": pull.head.title, "oid": pull.head.id}
        events.append({"id": f"{pull.num}-1", "type": "commit", "data": data, **common})
        value |= {"changes": {"base": "refs/heads/main"}, "filesWithConflicts": [], "diff": ""}
    if pull.status not in ("open", "draft"):
        data = {"status": pull.status}
        events.append({"id": f"{pull.num}-2", "type": "status-change", "data": data, **common})
    return value

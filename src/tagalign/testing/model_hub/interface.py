"""The hub's HTTP interface: which answer belongs to which request."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from tagalign.testing.model_hub import api
from tagalign.testing.model_hub.answering import Answering, HubRefusal
from tagalign.testing.model_hub.faults import HubFault
from tagalign.testing.model_hub.repository import KINDS, HubCommit, HubRepository

QUESTIONS = ("revision", "tree", "paths-info", "commits", "refs", "discussions", "auth-check")


class HubPath(NamedTuple):
    """A path of the interface, taken apart: ``/api/KINDs/ID/QUESTION/ARGUMENTS``."""

    repository: HubRepository
    name: str
    arguments: list[str]


class Interface(Answering):
    """Finds the answer."""

    def has_contents(self) -> bool:
        """Files of the store, and small ones at the place that their address redirects to."""
        is_file = self.server.is_store or self.parts[:2] == ["api", "resolve-cache"]
        return is_file and self.command == "GET"

    def named_file(self) -> str:
        """``owner/name/file`` where the request is about one file."""
        parts = self.parts
        if self.server.is_store:
            return "/".join(parts[2:])
        if parts[:2] == ["api", "resolve-cache"]:
            at = _commit_place(parts)
            return "/".join([*parts[3:at], *parts[at + 1 :]])
        if "resolve" in parts and parts[0] != "api":
            at = parts.index("resolve")
            owner = parts[1:at] if parts[0] in ("datasets", "spaces") else parts[:at]
            return "/".join([*owner, *parts[at + 2 :]])
        return ""

    def route(self, fault: HubFault | None) -> None:
        """By the beginning of the path."""
        parts = self.parts
        if self.token and not self.server.is_store and not self.server.hub.knows(self.token):
            raise HubRefusal(401, "", "Invalid credentials in Authorization header")
        if self.server.is_store:
            self._large_file(parts[1], fault)
        elif parts[:2] == ["api", "resolve-cache"]:
            self._small_file(fault)
        elif parts == ["api", "whoami-v2"]:
            self._whoami()
        elif parts[0] == "api" and len(parts) > 2 and parts[1] in {f"{kind}s" for kind in KINDS}:
            self._interface(self._question(parts[1][:-1], parts[2:]))
        elif "resolve" in parts:
            self._resolve()
        else:
            raise HubRefusal(404, "", "Sorry, we can't find the page you are looking for.")

    def _whoami(self) -> None:
        if not self.token:
            raise HubRefusal(401, "", "Invalid username or password.")
        self.send_json(200, {"type": "user", "name": "reader", "auth": {"type": "access_token"}})

    def _question(self, kind: str, parts: list[str]) -> HubPath:
        """An id is of two parts, or of one as of the oldest models."""
        size = 1 if len(parts) == 1 or parts[1] in QUESTIONS else 2
        name, *arguments = parts[size:] or [""]
        return HubPath(self._repository(kind, "/".join(parts[:size])), name, arguments)

    def _repository(self, kind: str, id: str) -> HubRepository:
        """What may be seen of it; one that is hidden looks like one that does not exist."""
        repository = self.server.hub.repository(kind, id)
        hidden = repository is not None and repository.is_private
        if repository is None or (hidden and not self.server.hub.may_read(self.token, id)):
            # the hub asks strangers to log in rather than tell them which names exist
            if self.token:
                raise HubRefusal(404, "RepoNotFound", "Repository not found")
            raise HubRefusal(401, "RepoNotFound", "Invalid username or password.")
        return repository

    def _commit(self, repository: HubRepository, revision: str) -> HubCommit:
        commit = repository.resolve(revision)
        if commit is None:
            raise HubRefusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _interface(self, question: HubPath) -> None:
        repository, name, arguments = question
        revision = arguments[0] if arguments else "main"
        if name in ("", "revision"):
            has_blobs = self.query.get("blobs", "").lower() in ("1", "true")
            commit = self._commit(repository, revision)
            self.send_json(200, api.repository_info(repository, commit, has_blobs=has_blobs))
        elif name == "tree":
            self._tree(self._commit(repository, revision), "/".join(arguments[1:]))
        elif name == "paths-info":
            self._paths(self._commit(repository, revision))
        elif name == "commits":
            self.send_json(200, api.commits(self._commit(repository, revision)))
        elif name == "refs":
            has_pulls = self.query.get("include_prs", "").lower() in ("1", "true")
            self.send_json(200, api.references(repository, has_pull_requests=has_pulls))
        elif name == "discussions":
            self._discussions(repository, arguments)
        elif name == "auth-check":
            self._check_gate(repository)
            self.send_json(200, {})
        else:
            raise HubRefusal(404, "", "Sorry, we can't find the page you are looking for.")

    def _tree(self, commit: HubCommit, folder: str) -> None:
        entries = api.tree(commit, folder, is_recursive=self.query.get("recursive", "").lower() == "true")
        if folder and not entries:
            raise HubRefusal(404, "EntryNotFound", f"{folder} does not exist", **{"X-Repo-Commit": commit.id})
        self.send_json(200, entries)

    def _paths(self, commit: HubCommit) -> None:
        asked = [value for key, value in parse_qsl(self.body.decode()) if key == "paths"]
        self.send_json(200, [api.file_entry(commit.files[name]) for name in asked if name in commit.files])

    def _discussions(self, repository: HubRepository, arguments: list[str]) -> None:
        if not arguments:
            self.send_json(200, api.discussions(repository, self.query))
            return
        for pull in repository.pull_requests:
            if arguments == [str(pull.num)]:
                self.send_json(200, api.discussion_details(repository, pull))
                return
        raise HubRefusal(404, "", "Discussion not found")

    def _check_gate(self, repository: HubRepository) -> None:
        if not repository.is_gated or self.server.hub.may_read(self.token, repository.id):
            return
        message = f"Access to model {repository.id} is restricted."
        if self.token:
            raise HubRefusal(403, "GatedRepo", f"{message} Visit its page to ask for access.")
        raise HubRefusal(401, "GatedRepo", f"{message} You must have access to it and be authenticated.")

    def _resolve(self) -> None:
        """Where a file lies: what is known about it, and an address to go on to."""
        kind = self.parts[0][:-1] if self.parts[0] in ("datasets", "spaces") else "model"
        parts = self.parts[1:] if kind != "model" else self.parts
        at = parts.index("resolve")
        repository = self._repository(kind, "/".join(parts[:at]))
        self._check_gate(repository)
        commit = self._commit(repository, parts[at + 1])
        name = "/".join(parts[at + 2 :])
        file = commit.files.get(name)
        if file is None:
            raise HubRefusal(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": commit.id})
        headers = {"X-Repo-Commit": commit.id, "Accept-Ranges": "bytes"}
        if file.is_large:
            place = (
                f"{self.server.hub.store_address()}/{kind}/{file.sha256}/{quote(repository.id)}/{quote(name)}"
            )
            headers |= {
                "X-Linked-Size": str(file.size),
                "X-Linked-ETag": f'"{file.sha256}"',
                "Location": place,
            }
            self.send(302, b"", headers)
        else:
            place = f"/api/resolve-cache/{kind}s/{quote(repository.id)}/{commit.id}/{quote(name)}"
            self.send(307, b"", headers | {"ETag": f'"{file.oid}"', "Location": place})

    def _small_file(self, fault: HubFault | None) -> None:
        """``/api/resolve-cache/KINDs/ID/COMMIT/FILE``: what a small file redirects to, on the same host."""
        at = _commit_place(self.parts)
        repository = self._repository(self.parts[2][:-1], "/".join(self.parts[3:at]))
        self._check_gate(repository)
        commit = self._commit(repository, self.parts[at])
        file = commit.files["/".join(self.parts[at + 1 :])]
        self.send_file(file, {"X-Repo-Commit": commit.id, "ETag": f'"{file.oid}"'}, fault)

    def _large_file(self, sha256: str, fault: HubFault | None) -> None:
        """``/KIND/SHA256/ID/FILE`` of the store: open to all who know the address, as a signed one is."""
        file = self.server.hub.large_file(sha256, self.file)
        if file is None:
            raise HubRefusal(404, "", "no such object")
        self.send_file(file, {"ETag": f'"{sha256}"'}, fault)


def _commit_place(parts: list[str]) -> int:
    return next(i for i, part in enumerate(parts) if re.fullmatch("[0-9a-f]{40}", part))

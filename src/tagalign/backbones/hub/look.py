"""Whether and how a model would open, without opening it: what is there, what would be chosen, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.backbones.hub.choose import Choice, check_tokenizer, choose
from tagalign.backbones.hub.fetch import FileAtCommit, licence_of, missing_files, wanted_files
from tagalign.backbones.hub.listing import Listing, list_folder
from tagalign.backbones.hub.locate import list_hub, local_path, locate, parse_hub_id, peek, unreachable
from tagalign.backbones.hub.names import HubId
from tagalign.backbones.hub.permission import may_open_pickle
from tagalign.backbones.hub.progress import megabytes
from tagalign.backbones.hub.trouble import Unreachable
from tagalign.backbones.models import resolve_auto


@dataclass(frozen=True, kw_only=True)
class FetchPreview:
    """What would happen.

    Attributes:
        name: of the model.
        config: as transformers has it.
        weights: names of the files.
        bytes: of the weights; None where unknown.
        where_from: in words: the main branch, a conversion, a folder.
        to_fetch: bytes that are not here yet.
        licence: in words; empty for a folder.
        needs_permission: whether it opens with ``--allow-pickle`` alone.
        notes: what was passed over.
    """

    name: str
    config: Mapping[str, Any]
    weights: Sequence[str]
    bytes: int | None
    where_from: str
    to_fetch: int = 0
    licence: str = ""
    needs_permission: bool = False
    notes: tuple[str, ...] = ()


def look(name: str) -> FetchPreview:
    """What opening a name would do. Of a repository its config alone is fetched.

    Raises:
        ModelError: if it would not open, with the reason.
    """
    name = resolve_auto(name)
    path = local_path(name)
    if path is not None:
        return _look_at_folder(name, path)
    hub_id = parse_hub_id(name)
    try:
        listing = list_hub(hub_id)
        return _look_at_hub(hub_id, listing, choose(listing))
    except Unreachable as trouble:
        raise unreachable(hub_id, trouble) from trouble


def _look_at_folder(name: str, path: Path) -> FetchPreview:
    if path.is_file():
        # to locate is to find, not to open: no pickle is read here, so nobody has to permit it
        source = locate(name, allow_pickle=True)
        pickled = source.pickled
    else:
        listing = list_folder(path, name=name)
        choice = choose(listing)
        source, pickled = locate(name, allow_pickle=True), choice.pickled
        # a tower of pictures alone (DINO, SAM) has no words to cut up, and brings no tokenizer
        if _is_encoder(source.config):
            check_tokenizer(listing, choice)
    return FetchPreview(
        name=name,
        config=source.config,
        weights=[file.name for file in source.weights],
        bytes=sum(file.stat().st_size for file in source.weights),
        where_from=f"folder {source.folder}",
        needs_permission=pickled,
    )


def _look_at_hub(hub_id: HubId, listing: Listing, choice: Choice) -> FetchPreview:
    config = peek(str(hub_id))
    if _is_encoder(config):
        check_tokenizer(listing, choice)
    weights = wanted_files(hub_id, listing, choice)[1]
    missing: Sequence[FileAtCommit] = missing_files(hub_id, listing, choice)
    pull = choice.conversion
    return FetchPreview(
        name=str(hub_id),
        config=config,
        weights=[wanted.file.path for wanted in weights],
        # a listing without sizes adds up to 0, and 0 bytes would read as an answer
        bytes=sum(wanted.file.size or 0 for wanted in weights) or None,
        where_from=f"{pull.ref} (commit {pull.commit[:8]})" if pull else f"commit {str(listing.commit)[:8]}",
        to_fetch=sum(wanted.file.size or 0 for wanted in missing),
        licence=licence_of(hub_id.repo, listing.licence),
        needs_permission=choice.pickled and not may_open_pickle(hub_id.repo, allow_pickle=False),
        notes=choice.passed_over,
    )


def _is_encoder(config: Mapping[str, Any]) -> bool:
    return "text_config" in config or "text_config_dict" in config


def in_words(found: FetchPreview, *, opens_as: str) -> list[str]:
    """Lines for people, the verdict first."""
    size = f", {megabytes(found.bytes)}" if found.bytes else ""
    verdict = f"{found.name}: opens as {opens_as}"
    if found.needs_permission:
        verdict = (
            f"{found.name}: opens as {opens_as} with --allow-pickle, since its weights are a pickle alone"
        )
    lines = [verdict, f"  weights  {', '.join(found.weights)}{size}, of {found.where_from}"]
    if found.to_fetch:
        lines.append(f"  to fetch {megabytes(found.to_fetch)}")
    elif found.licence:
        lines.append("  to fetch nothing, it is here")
    if found.licence:
        lines.append(f"  {found.licence}")
    return lines + [f"  {note}" for note in found.notes]

"""The door: a name becomes a ``ModelSource``. ``tiny``, a folder, a file with weights, or an id on the hub."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tagalign.backbones.config import read_json
from tagalign.backbones.hub.cached import (
    blob_digest,
    cached_conversions,
    is_offline,
    list_cache,
    repository_dir,
    snapshot_dir,
)
from tagalign.backbones.hub.choose import (
    CONFIGS,
    PICKLE_SUFFIXES,
    Choice,
    WeightLayout,
    check_tokenizer,
    choose,
    shards_of,
)
from tagalign.backbones.hub.converted import converted_dir, converted_path
from tagalign.backbones.hub.fetch import Fetched, fetch, fetch_config
from tagalign.backbones.hub.listing import Listing, list_folder
from tagalign.backbones.hub.names import HubId
from tagalign.backbones.hub.once import heard
from tagalign.backbones.hub.open_clip import to_clip_config
from tagalign.backbones.hub.permission import may_open_pickle, refuse_pickle
from tagalign.backbones.hub.remote import list_repository
from tagalign.backbones.hub.source import ModelSource
from tagalign.backbones.hub.trouble import Unreachable
from tagalign.backbones.models import photo_model, resolve_auto
from tagalign.backbones.packaged import PACKAGED, TINY, packaged_dir
from tagalign.errors import ModelError

ConfigCheck = Callable[[Mapping[str, Any]], object]
WITHOUT_NETWORK = f"for drawn scenes there is --model {TINY}"
"""What works in place of a model that is not here and cannot be had; of no use for one that stands beside the model."""


def locate(
    name: str, *, allow_pickle: bool = False, check: ConfigCheck | None = None, instead: str = WITHOUT_NETWORK
) -> ModelSource:
    """The files of a model, fetched if they are not here yet.

    Args:
        name: one of ``PACKAGED``, a folder, a file with weights beside its config, ``organisation/model`` or
            ``organisation/model@revision``, or ``auto`` for the photo model.
        allow_pickle: open weights that are there as a pickle alone, of any origin.
        check: called with the config before weights are fetched; raises for a model that is not wanted.
        instead: what works where it cannot be had, for the message; empty for nothing.

    Raises:
        ModelError: if there is nothing to open under that name, or it cannot be had; one line says why.
    """
    name = resolve_auto(name)
    found = local_path(name)
    if found is not None:
        return _from_folder(name, found, allow_pickle)
    hub_id = parse_hub_id(name)
    try:
        return _from_hub(hub_id, allow_pickle, check)
    except Unreachable as trouble:
        raise unreachable(hub_id, trouble, instead) from trouble


def admit_pickle(name: str) -> None:
    """Convert a pickle that the user allowed, so that whatever is built on it opens the safetensors copy.

    Raises:
        ModelError: as ``locate``; and where the copy cannot be kept.
    """
    found = locate(name, allow_pickle=True)
    if not found.pickled or may_open_pickle(found.repo, allow_pickle=False):
        return
    _ = found.file_tensors
    if not all(converted_path(digest).is_file() for digest in found.file_digests):
        raise ModelError(
            f"{name}: its safetensors copy cannot be kept in {converted_dir()}; set HF_HOME to a folder that can be "
            "written, or make a folder of it with `tagalign import clip`"
        )


def peek(name: str, *, instead: str = WITHOUT_NETWORK) -> dict[str, Any]:
    """The config of a name, without its weights: ``config.json``, or open_clip's as one of transformers.

    Empty for a file with weights.

    Raises:
        ModelError: as ``locate``.
    """
    name = resolve_auto(name)
    found = local_path(name)
    if found is not None:
        path = found / "config.json"
        return read_json(path) if path.is_file() else {}
    hub_id = parse_hub_id(name)
    try:
        listing = list_hub(hub_id)
        choice = choose(listing)
        if listing.commit and (snapshot_dir(hub_id, listing.commit) / CONFIGS[choice.layout]).exists():
            values = read_json(snapshot_dir(hub_id, listing.commit) / CONFIGS[choice.layout])
        else:
            values = fetch_config(hub_id, listing, choice)
    except Unreachable as trouble:
        held = list_cache(hub_id)  # a hub that is away for a while is no reason to forget what was fetched
        if held is None or held.commit is None:
            raise unreachable(hub_id, trouble, instead) from trouble
        choice = choose(held)
        values = read_json(snapshot_dir(hub_id, held.commit) / CONFIGS[choice.layout])
    return values if choice.layout == "transformers" else to_clip_config(values, where=str(hub_id))


# --- on this machine ----------------------------------------------------------------------------------------------------


def local_path(name: str) -> Path | None:
    """The folder or file of a name; None where it can only be on the hub.

    Raises:
        ModelError: for the name of a weight file that is not there.
    """
    if name in PACKAGED:
        return packaged_dir(name)
    path = Path(name).expanduser()
    if path.exists():
        return path
    if path.suffix in PICKLE_SUFFIXES or path.suffix == ".safetensors":
        raise ModelError(f"{name}: no such file")
    return None


def parse_hub_id(name: str) -> HubId:
    """The repository that a name means.

    Raises:
        ModelError: for what cannot be one.
    """
    hub_id = HubId.parse(name)
    if hub_id is None:
        raise ModelError(
            f"{name}: no such folder; give 'tiny', a model folder, or a hub id such as {photo_model()}"
        )
    return hub_id


def _from_folder(name: str, path: Path, allow_pickle: bool) -> ModelSource:
    if path.is_file():
        return _from_file(name, path, allow_pickle)
    listing = list_folder(path, name=name)
    choice = choose(listing)
    files = (
        [file.path for file in shards_of(read_json(path / choice.weights.path), listing, choice.weights.path)]
        if choice.is_index
        else [choice.weights.path]
    )
    return _source(
        ModelSource(
            name=name,
            folder=path,
            weights=tuple(path / file for file in files),
            layout=choice.layout,
            pickled=choice.pickled,
            allow_pickle=allow_pickle,
        )
    )


def _from_file(name: str, path: Path, allow_pickle: bool) -> ModelSource:
    """One file with weights; its config and tokenizer lie beside it."""
    if path.suffix not in (*PICKLE_SUFFIXES, ".safetensors"):
        raise ModelError(f"{name}: expected a model folder, got a file")
    beside = path.parent
    layout: WeightLayout = "transformers" if (beside / CONFIGS["transformers"]).is_file() else "open_clip"
    return _source(
        ModelSource(
            name=name,
            folder=beside,
            weights=(path,),
            layout=layout,
            pickled=path.suffix != ".safetensors",
            allow_pickle=allow_pickle,
        )
    )


def _source(source: ModelSource) -> ModelSource:
    """Ask about a pickle before anything else is said about it."""
    allowed = may_open_pickle(source.repo, allow_pickle=source.allow_pickle)
    if source.pickled and not allowed:
        for path, digest in zip(source.weights, source.file_digests, strict=True):
            if not converted_path(digest).is_file():
                refuse_pickle(source.name, path, source.repo)
    return source


# --- on the hub ---------------------------------------------------------------------------------------------------------


def _from_hub(hub_id: HubId, allow_pickle: bool, check: ConfigCheck | None) -> ModelSource:
    if is_offline():
        return _from_cache(hub_id, allow_pickle, check, Unreachable("HF_HUB_OFFLINE is set"))
    try:
        listing = list_hub(hub_id)
        choice = choose(listing)
        allowed = may_open_pickle(hub_id.repo, allow_pickle=allow_pickle)
        if choice.pickled and not allowed and not _is_converted(choice):
            refuse_pickle(str(hub_id), Path(choice.weights.path), hub_id.repo)
        if check is not None:
            config = fetch_config(hub_id, listing, choice)
            check(config if choice.layout == "transformers" else to_clip_config(config, where=str(hub_id)))
            check_tokenizer(listing, choice)
        return _found(hub_id, listing, choice, fetch(hub_id, listing, choice), allowed)
    except Unreachable as trouble:
        return _from_cache(hub_id, allow_pickle, check, trouble)


def list_hub(hub_id: HubId) -> Listing:
    """What the hub says, or the cache where the network is forbidden."""
    if is_offline():
        listing = list_cache(hub_id)
        if listing is None:
            raise Unreachable("HF_HUB_OFFLINE is set")
        return listing
    known_now = heard()
    if hub_id not in known_now:
        known_now[hub_id] = list_repository(
            hub_id, knows_conversion=lambda commit: bool(cached_conversions(hub_id, commit))
        )
    listing = known_now[hub_id]
    if listing.conversions or listing.commit is None:
        return listing
    known = cached_conversions(hub_id, listing.commit)
    return Listing(
        name=listing.name,
        commit=listing.commit,
        files=listing.files,
        licence=listing.licence,
        conversions=known,
    )


def _is_converted(choice: Choice) -> bool:
    return choice.weights.sha256 is not None and converted_path(choice.weights.sha256).is_file()


def _from_cache(
    hub_id: HubId, allow_pickle: bool, check: ConfigCheck | None, trouble: Unreachable
) -> ModelSource:
    """From what an earlier start fetched; says so where the network was not forbidden but failed.

    Raises:
        Unreachable: the trouble, if it is not here, or not wholly.
    """
    listing = list_cache(hub_id)
    if listing is None or listing.commit is None:
        raise trouble
    try:
        choice = choose(listing)
        folder = snapshot_dir(hub_id, listing.commit)
        held = snapshot_dir(hub_id, choice.conversion.commit) if choice.conversion else folder
        there = Listing(name=str(hub_id), files=choice.conversion.files) if choice.conversion else listing
        names = (
            [f.path for f in shards_of(read_json(held / choice.weights.path), there, choice.weights.path)]
            if choice.is_index
            else [choice.weights.path]
        )
    except ModelError as error:
        raise trouble from error
    weights = tuple(held / name for name in names)
    fetched = Fetched(folder, weights, tuple(map(blob_digest, weights)))
    allowed = may_open_pickle(hub_id.repo, allow_pickle=allow_pickle)
    source = _source(_found(hub_id, listing, choice, fetched, allowed))
    if check is not None:
        check(source.config)
    if not is_offline():
        warnings.warn(
            f"{hub_id}: opened from the cache, since the hub was not reached ({trouble})", stacklevel=2
        )
    return source


def _found(hub_id: HubId, listing: Listing, choice: Choice, fetched: Fetched, allowed: bool) -> ModelSource:
    return ModelSource(
        name=str(hub_id),
        folder=fetched.folder,
        weights=fetched.weights,
        layout=choice.layout,
        pickled=choice.pickled,
        repo=hub_id.repo,
        commit=listing.commit,
        weights_commit=choice.conversion.commit if choice.conversion else listing.commit,
        digests=fetched.digests,
        allow_pickle=allowed,
    )


def unreachable(hub_id: HubId, trouble: Unreachable, instead: str = WITHOUT_NETWORK) -> ModelError:
    """Not here and not to be had: how to fetch it elsewhere, and what works instead."""
    where = repository_dir(hub_id)
    return ModelError(
        f"{hub_id}: not in the cache of this machine, and the hub was not reached ({trouble}); fetch it where there is a "
        f"network (`tagalign models get {hub_id}` or `hf download {hub_id.repo}`) and copy its folder to {where}, or give "
        f"a model folder{'; ' * bool(instead)}{instead}"
    )

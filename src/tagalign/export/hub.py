"""A trained folder on the Hugging Face hub: what is uploaded, under which card. ``tagalign.load`` opens it from there."""

import json
from pathlib import Path
from typing import Any

from tagalign.backbones.catalog import HUB_FILES, read_json, weight_file
from tagalign.errors import InputError, ModelError
from tagalign.export.model_card import hub_card
from tagalign.json_text import json_text
from tagalign.methods.table import trained_kinds
from tagalign.private_paths import without_folders

CARD = "README.md"
DEFAULT_LICENCE = "other"
RECORDS = ("config.json", "settings.json", "result*.json")
"""Where paths may stand. Other files are not read: a tokenizer's words may look like paths."""


def push_to_hub(
    folder: str | Path,
    repo: str,
    *,
    licence: str = DEFAULT_LICENCE,
    private: bool = True,
    keep_paths: bool = False,
    token: str | None = None,
) -> str:
    """Upload a folder that ``tagalign train`` wrote, with a model card made from what the folder says about itself.

    Args:
        folder: holds ``config.json`` and ``model.safetensors``; its tables, settings and ``result.json`` files go along.
        repo: ``user/name`` on the hub; made if missing.
        licence: the hub's word for it, e.g. ``apache-2.0``; ``other`` says nothing.
        private: only its owner sees a new repository.
        keep_paths: send ``settings.json`` and its like as they are; else paths of this machine are cut to their last name.
        token: of the hub; the one of ``hf auth login`` when None.

    Returns:
        The address of the repository.

    Raises:
        InputError: for a name that is none.
        ModelError: if the folder is no trained model of ours, or the hub refuses.
    """
    folder = Path(folder)
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise InputError(f"expected the name of a repository such as user/my-model, got {repo!r}")
    card = check_folder(folder, licence)
    edited = {CARD: card.encode()} | ({} if keep_paths else without_paths(folder))
    from huggingface_hub import HfApi  # late: it costs time that no other verb needs

    api = HfApi(token=token)
    try:
        address = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo, folder_path=folder, allow_patterns=files_of(folder), ignore_patterns=list(edited)
        )
        for name, content in edited.items():
            api.upload_file(repo_id=repo, path_or_fileobj=content, path_in_repo=name)
    except Exception as error:  # no network, no rights, a name that is taken: the user's to mend, all alike
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{repo}: the hub did not take it ({reason}); check the name, the network, and `hf auth login`"
        ) from error
    return str(address)


def check_folder(folder: Path, licence: str = DEFAULT_LICENCE) -> str:
    """The card that a folder would get.

    Raises:
        ModelError: if the folder is no trained model of ours.
    """
    config = read_json(folder / "config.json")
    if config.get("model_type") not in trained_kinds():
        raise ModelError(
            f"{folder}: expected a folder that `tagalign train` wrote, got model_type {config.get('model_type')!r}"
        )
    weight_file(folder)
    return hub_card(folder, config, licence=licence)


def without_paths(folder: Path) -> dict[str, bytes]:
    """JSON files that name folders of this machine, as they are sent: with the last name of each path alone."""
    edited = {}
    for path in (found for pattern in RECORDS for found in folder.glob(pattern)):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # no JSON: nothing of ours
        cut = without_folders(values)
        if cut != values:
            edited[path.name] = (json_text(cut, indent=2, ensure_ascii=False) + "\n").encode()
    return edited


def files_of(folder: Path) -> list[str]:
    """Files of a model folder that are uploaded: those on its top, so no checkpoints of the run."""
    patterns = [*HUB_FILES, CARD]
    found: set[Path] = set()
    for pattern in patterns:
        found |= {path for path in folder.glob(pattern) if path.is_file()}
    return sorted(path.name for path in found)


def describe_upload(folder: Path) -> dict[str, Any]:
    """What ``push_to_hub`` would send, for a look before it is public."""
    files = files_of(folder)
    return {
        "files": files,
        "num_bytes": sum((folder / name).stat().st_size for name in files),
        "edited": sorted(without_paths(folder)),
    }


def local_backbone(folder: Path) -> str | None:
    """The encoder below a trained part where it is a folder of this machine, which nobody else has; None on the hub."""
    backbone = read_json(folder / "config.json").get("backbone")
    return backbone if isinstance(backbone, str) and Path(backbone).is_dir() else None

"""``tagalign export hub``: a trained folder for others."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hub:
    """A trained folder on the Hugging Face hub, with a model card made from it; private unless asked otherwise.

    Everything on the top of the folder is sent; paths of your machine are cut to their last name. --dry-run lists it.
    Example: tagalign export hub my-model/ --repo user/my-model --licence apache-2.0
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder that `tagalign train` wrote."""
    repo: str
    """USER/NAME on the hub; made if missing."""
    licence: str = "other"
    """The hub's word for the licence of the weights."""
    public: bool = False
    """Everyone sees a new repository."""
    keep_paths: bool = False
    """Send settings.json and config.json as they are, with the paths of your machine."""
    dry_run: bool = False
    """Print the card and the files, send nothing."""


def send(settings: Hub) -> int:
    """Send the folder, or show what would be sent."""
    from tagalign.export.hub import check_folder, local_backbone, push_to_hub

    card = check_folder(settings.folder, settings.licence)
    if backbone := local_backbone(settings.folder):
        print(
            f"warning: the encoder {backbone} is a folder of this machine; who opens the model needs it too",
            file=sys.stderr,
        )
    if settings.dry_run:
        print(card)
        print(_upload_line(settings), file=sys.stderr)
        return 0
    address = push_to_hub(
        settings.folder,
        settings.repo,
        licence=settings.licence,
        private=not settings.public,
        keep_paths=settings.keep_paths,
    )
    print(f"{settings.folder} is at {address}", file=sys.stderr)
    return 0


def _upload_line(settings: Hub) -> str:
    from tagalign.export.hub import describe_upload

    found = describe_upload(settings.folder)
    cut = [] if settings.keep_paths else found["edited"]
    edited = f"; paths of this machine cut in {', '.join(cut)}" if cut else ""
    return f"{', '.join(found['files'])}: {found['num_bytes'] / 1e6:.1f} MB{edited}"

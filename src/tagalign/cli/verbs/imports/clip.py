"""``tagalign import clip``: a CLIP checkpoint as a folder that transformers and we open."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clip:
    """A CLIP checkpoint (OpenAI's archives, open_clip, transformers; a pickle or safetensors) as a model folder.

    Nothing in it is run, and every key must find its place.
    Example: tagalign import clip ViT-B-16.pt --out vit-b-16
    """

    path: Annotated[Path, tyro.conf.Positional]
    """The checkpoint (.pt, .pth, .bin), or its folder."""
    tokenizer: str = "auto"
    """Folder or hub id whose tokenizer is taken where none lies beside the weights; `auto` is OpenAI's."""
    out: Path = Path("clip")
    """Folder of the model."""
    half: bool = False
    """Store float16."""


def import_clip_folder(settings: Clip) -> int:
    """Convert and say what was done."""
    from tagalign.backbones.catalog import hub_config

    hub_config(str(settings.path))  # what is not there is said before torch is imported
    from tagalign.backbones.hub.importing import import_clip

    tensors = import_clip(str(settings.path), settings.out, tokenizer=settings.tokenizer, half=settings.half)
    millions = sum(t.numel() for t in tensors.values()) / 1e6
    print(f"{settings.out} written: {millions:.1f} M parameters", file=sys.stderr)
    print(f'try it: tagalign tag PHOTO --labels "dog,cat" --model {settings.out}', file=sys.stderr)
    return 0

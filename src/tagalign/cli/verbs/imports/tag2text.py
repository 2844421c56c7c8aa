"""``tagalign import tag2text``: the released checkpoint of Tag2Text as a model folder of ours."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro

from tagalign.cli.shared.choices import Profile
from tagalign.cli.shared.output import counted
from tagalign.cli.shared.renamed import Formerly
from tagalign.errors import InputError, ModelError

VOCABULARY_SOURCE = "bert-base-uncased"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tag2text:
    """A released checkpoint of Tag2Text as a model folder; nothing in it is run, and every key must find its place.

    Example: tagalign import tag2text tag2text_swin_14m.pth --tag-list tag2text_ori_tag_list.txt --out my-tag2text
    """

    path: Annotated[Path, tyro.conf.Positional]
    """The checkpoint (.pt, .pth, .bin)."""
    tag_list: Annotated[Path | None, Formerly("tags")] = None
    """The tag list that belongs to it, one name per line in index order."""
    vocab: Path | None = None
    """vocab.txt of BERT (uncased); by default fetched from the hub."""
    out: Path = Path("tag2text")
    """Folder of the model."""
    image_size: int | None = None
    """Pixels; by default what the window of the image encoder says (7: 224, 12: 384)."""
    profile: Profile = "released"
    """Of inference. The checkpoint was trained to see padded tags, so `released` fits it best."""
    skip_unmapped: bool = False
    """Go on although the file holds keys that have no place; they are listed."""
    half: bool = False
    """Store float16."""

    def __post_init__(self) -> None:
        if self.tag_list is None:
            raise InputError("--tag-list is needed for tag2text: the tag list that belongs to the checkpoint")


def import_tag2text(settings: Tag2text) -> int:
    """Convert and say what was done."""
    out, tags = settings.out, settings.tag_list
    assert tags is not None  # checked with the settings
    names = _read_names(tags)
    from tagalign.backbones.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
    from tagalign.cli.shared.run_record import run_record
    from tagalign.methods.tag2text.build import build_tag2text
    from tagalign.methods.tag2text.folder import load_parameters, save_tag2text
    from tagalign.methods.tag2text.released import convert_released, read_checkpoint, released_choice
    from tagalign.methods.tag2text.wordpieces import Wordpieces

    converted = convert_released(read_checkpoint(settings.path), image_size=settings.image_size)
    _report_unmapped(settings, converted.unmapped)
    if len(names) != converted.num_tags:
        raise InputError(
            f"{tags}: has {len(names)} lines, the checkpoint {converted.num_tags} tags; "
            "give the list it was trained with"
        )
    wordpieces = Wordpieces.from_file(settings.vocab or _fetch_vocabulary())
    model = build_tag2text(num_tags=converted.num_tags, **converted.sizes)
    load_parameters(model, converted.tensors, where=str(settings.path))
    save_tag2text(
        out,
        model,
        sizes=converted.sizes,
        tags=names,
        wordpieces=wordpieces,
        preprocessing=Preprocessing(image_size=converted.image_size, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        choice=released_choice(converted.num_tags),
        profile=settings.profile,
        half=settings.half,
        settings=run_record(settings, unmapped=list(converted.unmapped)),
    )
    millions = sum(t.numel() for t in converted.tensors.values()) / 1e6
    print(
        f"{out} written: {counted(converted.num_tags, 'tag')}, {millions:.1f} M parameters", file=sys.stderr
    )
    print(f"try it: tagalign caption PHOTO --model {out}", file=sys.stderr)
    return 0


def _read_names(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--tag-list {path}: expected a text file with one tag per line ({error})"
        ) from error


def _report_unmapped(settings: Tag2text, keys: tuple[str, ...]) -> None:
    if not keys:
        return
    for key in keys:
        print(f"no place for {key}", file=sys.stderr)
    if not settings.skip_unmapped:
        shown = ", ".join(keys[:3])
        raise ModelError(
            f"{settings.path}: {len(keys)} keys have no place here ({shown}{', ...' if len(keys) > 3 else ''}); "
            "is it Tag2Text (RAM and RAM++ are other models)? --skip-unmapped goes on without them"
        )


def _fetch_vocabulary() -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(VOCABULARY_SOURCE, "vocab.txt"))
    except Exception as error:  # no network, moved: the user's to mend, all alike
        raise InputError(
            f"vocab.txt of {VOCABULARY_SOURCE} could not be fetched ({type(error).__name__}); give it with --vocab FILE"
        ) from error

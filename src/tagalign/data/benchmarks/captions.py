"""Caption and retrieval benchmarks: Karpathy's splits of COCO and Flickr30k, and NoCaps."""

from dataclasses import dataclass
from pathlib import Path

from tagalign.data.benchmarks.coco_files import find_file, image_path, read_coco, read_json
from tagalign.data.benchmarks.image_files import ImageFiles
from tagalign.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class Sentences(ImageFiles):
    """Images with sentences; see ``CaptionSet``.

    Attributes:
        texts: sentences of each image.
        domains: part of each image; None where the set has no parts.
    """

    texts: tuple[tuple[str, ...], ...]
    domains: tuple[str, ...] | None = None

    def references(self, index: int) -> tuple[str, ...]:
        """Sentences of people."""
        return self.texts[index]

    def domain(self, index: int) -> str | None:
        """Part of the set; None where there are none."""
        return None if self.domains is None else self.domains[index]


def open_karpathy(root: Path, split: str, *, file: str, name: str) -> Sentences:
    """A split of ``dataset_coco.json`` or ``dataset_flickr30k.json``.

    Args:
        root: folder with the JSON (or ``annotations/``) and the images.
        split: ``test``, ``val``, ``train`` or ``restval``.
        file: name of the JSON.
        name: of the benchmark.

    Raises:
        DataError: if the JSON is missing or of another form.
    """
    path = find_file(root, [file, f"annotations/{file}"], file)
    images, texts = [], []
    try:
        for row in read_json(path, "Karpathy's split")["images"]:
            if row["split"] == split:
                folder = str(row.get("filepath") or "flickr30k-images")
                images.append(image_path(root, folder, str(row["filename"])))
                texts.append(tuple(str(sentence["raw"]).strip() for sentence in row["sentences"]))
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: expected images with split, filename and sentences ({error!r})") from error
    if not images:
        raise DataError(f"{path}: no images of split {split!r}")
    return Sentences(name=name, split=split, images=tuple(images), texts=tuple(texts))


def open_nocaps(root: Path, split: str) -> Sentences:
    """The validation split of NoCaps, with its domains in, near and out."""
    del split  # captions of the test split are secret
    names = ["nocaps_val_4500_captions.json", "annotations/nocaps_val_4500_captions.json"]
    file = read_coco(find_file(root, names, "nocaps_val_4500_captions.json"))
    try:
        domains = tuple(str(entry["domain"]).removesuffix("-domain") for entry in file.images)
        texts = tuple(
            tuple(str(a["caption"]) for a in file.annotations.get(int(entry["id"]), []))
            for entry in file.images
        )
    except KeyError as error:
        raise DataError(
            f"{file.path}: expected images with a domain and annotations with a caption ({error})"
        ) from error
    images = tuple(image_path(root, "val", str(entry["file_name"])) for entry in file.images)
    return Sentences(name="nocaps", split="val", images=images, texts=texts, domains=domains)


def open_coco_captions(root: Path, split: str) -> Sentences:
    """COCO's own caption file of a split (``annotations/captions_SPLIT.json``)."""
    path = find_file(root, [f"annotations/captions_{split}.json"], f"the captions of {split}")
    file = read_coco(path)
    rows = [(entry, file.annotations.get(int(entry["id"]), [])) for entry in file.images]
    kept = [(entry, captions) for entry, captions in rows if captions]
    return Sentences(
        name="coco-captions",
        split=split,
        images=tuple(image_path(root, split, str(entry["file_name"])) for entry, _ in kept),
        texts=tuple(tuple(str(a["caption"]).strip() for a in captions) for _, captions in kept),
    )

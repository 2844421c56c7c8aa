"""OpenImages-common: pictures, a list of tags, and a line of tags per picture."""

from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.writers.files import save_lines, save_picture
from tagalign.tags.label_sets import load_label_set

NUM_TAGS = 214
SIZE = (768, 1024)
SHAPES = 4
UNLABELLED_EVERY = 364  # 157 of 57,224 pictures carry no tag


def write_openimages(request: CopyRequest, watch: WatchCount) -> None:
    """The format of recognize-anything; the tags are drawn from our label sets, for the official 214 have no copy here."""
    folder = request.folder / "openimages_common_214"
    everything = (*load_label_set("coco-stuff").names, *load_label_set("ade20k").names)
    tags = list(dict.fromkeys(name.replace(",", " ") for name in everything))[:NUM_TAGS]
    rows = []
    for i in watch(range(request.images), request.images):
        unlabelled = i % UNLABELLED_EVERY == UNLABELLED_EVERY - 1
        scene = request.scene(i, SIZE, len(tags), 0 if unlabelled else SHAPES)
        key = f"{i * 2_654_435_761 % 2**64:016x}"
        save_picture(scene.picture(), folder / f"imgs/{key}.jpg")
        rows.append(",".join([f"{key}.jpg", *(tags[label] for label in scene.labels)]))
    save_lines(tags, folder / "openimages_common_214_ram_taglist.txt")
    save_lines(rows, folder / "openimages_common_214_ram_annots.txt")

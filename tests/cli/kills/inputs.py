"""Small inputs of every verb, and the commands that read them."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from small_pairs import COLOURS, make_pairs

from tagalign.testing.clip_folder import make_clip_folder


def make_inputs(folder: Path) -> None:
    """A small CLIP, photos (one broken), captions of several kinds, pairs with tags and label rows."""
    make_clip_folder(folder / "clip", layers=2)
    (folder / "photos").mkdir()
    for i in range(5):
        pixels = np.random.default_rng(i).integers(0, 255, (24 + 8 * (i % 2), 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"photos/{i}.png")
    (folder / "photos/2.png").write_bytes(b"broken")
    (folder / "others").mkdir()
    for i in range(3):
        Image.new("RGB", (40, 32), COLOURS[i]).save(folder / f"others/{i}.png")
    (folder / "captions").mkdir()
    for n in range(2):
        texts = [f"a {COLOURS[i % 6]} car and {i} dogs on the wooden bench" for i in range(60)]
        lines = [json.dumps({"key": f"{n}/{i}", "caption": text}) for i, text in enumerate(texts)]
        (folder / f"captions/{n}.jsonl").write_text("\n".join([*lines, "{broken"]))
    (folder / "words.txt").write_text("car\ndog\nbench\nred\n")
    (folder / "prompts.txt").write_text("a dog and a cat\ntwo dogs\n")
    make_pairs(folder / "pairs")


MODEL = "--model clip --device cpu"
PHOTOS = f"photos --labels dog,cat --no-cache --part-size 2 {MODEL}"
STEPS = "--steps 4 --batch-size 2 --checkpoint-every 1 --log-every 1"
COMMANDS = {
    "tag": f"tag {PHOTOS} --out OUT",
    "look": f"look {PHOTOS} --method clip --out OUT",
    "look-piaa": f"look {PHOTOS} --method piaa --option keep=8 --out OUT",
    "look-others": f"look others --labels dog,cat --no-cache --part-size 2 {MODEL} --method clip --out OUT",
    "look-merge": "look --merge whole-look whole-look-others --out OUT",
    "tag-look": f"tag {PHOTOS} --method clip --look whole-look --out OUT",
    "tag-auto": f"tag {PHOTOS} --method clip --look auto --out OUT",
    "segment": f"segment {PHOTOS} --overlay --heat-maps --out OUT",
    "rle": f"segment {PHOTOS} --rle --png --out OUT",
    "refer": f"refer photos --phrase dog --part-size 2 {MODEL} --out OUT",
    "index": f"search index photos --part-size 2 {MODEL} --index OUT",
    "parse": "parse captions --parser fixed:words.txt --processes 1 --out OUT",
    "vocabulary": "vocabulary whole-parse --objects 50 --label-sets voc20 --out OUT",
    "label": "label whole-parse --vocabulary whole-vocabulary/vocabulary.tsv --out OUT",
    "train-tagalign": f"train --pairs pairs/pairs.jsonl --tags pairs/tags.parquet --vocabulary pairs/vocabulary.tsv {MODEL} "
    f"--chunk 2 {STEPS} --out OUT",
    "train-cached": f"train --pairs pairs/pairs.jsonl --tags pairs/tags.parquet --vocabulary pairs/vocabulary.tsv {MODEL} "
    f"--chunk 2 {STEPS} --cache-features OUT/cache --out OUT",
    "train-trusty": f"train --method trusty --data tiny-world-objects --size 16 --limit 2 --prompts 1 {MODEL} {STEPS} "
    "--out OUT",
    "train-tag2text": "train --method tag2text --records pairs/pairs.jsonl --label-rows pairs/labels.parquet --tag-list "
    f"pairs/vocabulary.tsv --layers 1 --width 16 --heads 2 --warmup 1 {MODEL} {STEPS} --out OUT",
    "look-compounds": f"look {PHOTOS} --method clip --compounds prompts.txt --out OUT",
    "look-experts": f"look {PHOTOS} --method clip --templates 7 --experts --out OUT",
    "suggest": f"suggest photos --words words.txt --no-cache --part-size 2 {MODEL} --out OUT",
    "check": f"labels check dog,cat photos --part-size 2 {MODEL} --method clip --out OUT",
    "coco": "export coco whole-segment --out OUT/annotations.json",
    "coco-polygons": "export coco whole-rle --form polygons --out OUT/annotations.json",
    "yolo": "export yolo whole-segment --photos photos --out OUT",
    "label-studio": "export label-studio whole-segment --out OUT/tasks.json",
    "cvat": "export cvat whole-segment --out OUT/annotations.xml",
    "cvat-polygons": "export cvat whole-segment --form polygons --out OUT/annotations.xml",
    "labelme": "export labelme whole-segment --out OUT",
    "csv": "export table whole-tag --out OUT/tags.csv",
    "parquet": "export table whole-tag --out OUT/tags.parquet",
    "onnx": f"export onnx --labels dog,cat {MODEL} --method maskclip --out OUT",
}  # fmt: skip
"""By name: words of a command; ``whole-NAME`` is what the command of that name left."""

NEEDS = {
    "look-merge": ("look", "look-others"), "tag-look": ("look",),
    "vocabulary": ("parse",), "label": ("parse", "vocabulary"), "coco": ("segment",), "coco-polygons": ("rle",),
    "yolo": ("segment",), "label-studio": ("segment",), "cvat": ("segment",), "cvat-polygons": ("segment",),
    "labelme": ("segment",), "csv": ("tag",), "parquet": ("tag",),
}  # fmt: skip


def flags(name: str, out: Path) -> list[str]:
    """The command as a list of words."""
    return [word.replace("OUT", str(out)) for word in COMMANDS[name].split()]

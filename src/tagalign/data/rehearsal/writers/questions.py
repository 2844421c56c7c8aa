"""VQA v2: the official question and annotation files over COCO's 2014 or 2015 pictures."""

from typing import Any

from tagalign.data.rehearsal.request import CopyRequest, WatchCount
from tagalign.data.rehearsal.scenes import DrawnScene
from tagalign.data.rehearsal.writers.coco import SIZE, picture_name, picture_number
from tagalign.data.rehearsal.writers.files import save_json, save_picture
from tagalign.tags.label_sets import load_label_set

SHAPES = 3
ANSWERS = 10  # of ten people to each question
DISSENT = 2  # of them say something else


def write_vqa(request: CopyRequest, watch: WatchCount) -> None:
    """Pictures, questions, and ten answers each; the test split has no answers."""
    folder = "test2015" if request.split.startswith("test") else request.split
    names = load_label_set("coco-object").names
    questions: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for i in watch(range(request.images), request.images):
        scene = request.scene(i, SIZE, 80, SHAPES)
        save_picture(scene.picture(), request.folder / folder / picture_name(folder, i))
        for number in range(request.share(i)):
            key = {"question_id": 1000 * picture_number(i) + number, "image_id": picture_number(i)}
            text, answer, other = _question(scene, names, number)
            questions.append(key | {"question": text})
            said = [answer] * (ANSWERS - DISSENT) + [other] * DISSENT
            answers.append(
                key | {"answers": [{"answer": word, "answer_id": n + 1} for n, word in enumerate(said)]}
            )
    save_json(
        {"questions": questions}, request.folder / f"v2_OpenEnded_mscoco_{request.split}_questions.json"
    )
    if not request.split.startswith("test"):
        save_json({"annotations": answers}, request.folder / f"v2_mscoco_{request.split}_annotations.json")


def _question(scene: DrawnScene, names: tuple[str, ...], number: int) -> tuple[str, str, str]:
    """A question, its answer, and what the others say."""
    shape = scene.shapes[number % len(scene.shapes)]
    asked = number % 3
    if asked == 0:
        return f"Is there a {names[shape.label]}?", "yes", "no"
    if asked == 1:
        return "How many things are there?", str(len(scene.shapes)), "many"
    return "What is in the picture?", names[shape.label], names[scene.shapes[0].label]

"""VQA v2: questions about COCO's 2014 images."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.data.benchmarks.coco_files import find_file, image_path, read_json
from tagalign.data.benchmarks.image_files import ImageFiles
from tagalign.data.benchmarks.records import Question
from tagalign.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class Questions(ImageFiles):
    """Images with questions; see ``QuestionSet``."""

    asked: tuple[tuple[Question, ...], ...]
    unit: str = "questions"

    def count(self, index: int) -> int:
        """Questions about one image."""
        return len(self.asked[index])

    def questions(self, index: int) -> tuple[Question, ...]:
        """All questions about one image."""
        return self.asked[index]


def open_vqa_v2(root: Path, split: str) -> Questions:
    """The official question and annotation files; test splits have no answers.

    Raises:
        DataError: if files are missing or of another form.
    """
    asked = _places(root, [f"v2_OpenEnded_mscoco_{split}_questions.json"], f"the questions of {split}")
    answers: dict[str, tuple[str, ...]] = {}
    if not split.startswith("test"):
        path = _places(root, [f"v2_mscoco_{split}_annotations.json"], f"the answers of {split}")
        answers = _answers(read_json(path, "VQA annotations"), path)
    by_image: dict[int, list[Question]] = defaultdict(list)
    try:
        for row in read_json(asked, "VQA questions")["questions"]:
            number = str(row["question_id"])
            question = Question(id=number, text=str(row["question"]), answers=answers.get(number, ()))
            by_image[int(row["image_id"])].append(question)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{asked}: expected questions with question_id, image_id, question ({error!r})"
        ) from error
    folder = "test2015" if split.startswith("test") else split
    ids = sorted(by_image)
    return Questions(
        name="vqa-v2",
        split=split,
        images=tuple(image_path(root, folder, f"COCO_{folder}_{i:012d}.jpg") for i in ids),
        asked=tuple(tuple(by_image[i]) for i in ids),
    )


def _places(root: Path, names: list[str], what: str) -> Path:
    return find_file(root, [*names, *(f"annotations/{name}" for name in names)], what)


def _answers(content: dict[str, Any], path: Path) -> dict[str, tuple[str, ...]]:
    try:
        return {
            str(row["question_id"]): tuple(str(answer["answer"]) for answer in row["answers"])
            for row in content["annotations"]
        }
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: expected annotations with question_id and answers ({error!r})") from error

"""The tiny world as a benchmark: the drawn counterpart of each kind of set, so that every table has one evaluator."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int8
from PIL import Image

from tagalign.data.benchmarks.records import Expression, Question
from tagalign.data.tiny_world import (
    BACKGROUND_RULE,
    CLASS_SETS,
    SYNONYMS,
    UNSEEN,
    UNSEEN_CONCEPTS,
    Scene,
    TinyWorld,
)
from tagalign.errors import UnknownNameError
from tagalign.labels import Label, LabelSet, ignored_id

TEST_SCENES = 500
WORLD_SEED = 0


def tiny_labels(class_set: str = "all") -> LabelSet:
    """The names of a class set of the tiny world, with their synonyms as aliases.

    Raises:
        UnknownNameError: if there is no such class set.
    """
    if class_set not in CLASS_SETS:
        raise UnknownNameError("class set of the tiny world", class_set, CLASS_SETS)
    labels = tuple(Label(name=name, aliases=SYNONYMS.get(name, ())) for name in CLASS_SETS[class_set])
    return LabelSet(name=f"tiny-world-{class_set}", labels=labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class TinyScenes:
    """Scenes 0, 1, ... of one split; the base of the sets below."""

    name: str
    world: TinyWorld
    scenes: int = TEST_SCENES
    expected: int = 0
    unit: str = "images"

    @property
    def split(self) -> str:
        """Split of the world."""
        return self.world.split

    def __len__(self) -> int:
        return self.scenes

    def count(self, index: int) -> int:
        """One image."""
        return 1

    def scene(self, index: int) -> Scene:
        """All that is known of a scene."""
        return self.world[index]

    def key(self, index: int) -> str:
        """Name of the scene."""
        return self.scene(index).key

    def image(self, index: int) -> Image.Image:
        """The drawing."""
        return Image.fromarray(self.scene(index).image)

    def missing(self) -> list[Path]:
        """Nothing: the world has no files."""
        return []


@dataclass(frozen=True, kw_only=True, eq=False)
class TinySegmentation(TinyScenes):
    """A class for every pixel; see ``SegmentationSet``."""

    class_set: str = "all"
    merge: tuple[int, ...] | None = None

    @property
    def ignore(self) -> int:
        """Nothing is ignored; an id that no class has."""
        return ignored_id(len(self.class_names))

    @property
    def labels(self) -> LabelSet:
        """Names of the class set."""
        return tiny_labels(self.class_set)

    @property
    def has_background(self) -> bool:
        """Whether the class set needs a background rule."""
        return self.class_set in BACKGROUND_RULE

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of what is scored."""
        names = CLASS_SETS[self.class_set]
        return ("background", *names) if self.has_background else names

    @property
    def unseen(self) -> tuple[int, ...]:
        """Kinds or concepts whose masks a zero-shot method may not train on."""
        unseen = {*UNSEEN, *UNSEEN_CONCEPTS}
        return tuple(i for i, name in enumerate(CLASS_SETS[self.class_set]) if name in unseen)

    def target(self, index: int) -> Int[np.ndarray, "height width"]:
        """Classes of the pixels."""
        return self.scene(index).label_map(self.class_set)


class TinyTags(TinyScenes):
    """Which kinds of objects are in a scene; see ``TaggingSet``."""

    @property
    def labels(self) -> LabelSet:
        """All kinds of objects."""
        return tiny_labels("objects")

    def truth(self, index: int) -> Int8[np.ndarray, " labels"]:
        """1 present, 0 absent."""
        present = {instance.name for instance in self.scene(index).instances}
        return np.array([name in present for name in CLASS_SETS["objects"]], dtype=np.int8)


class TinyReferring(TinyScenes):
    """Phrases that fit exactly one object; see ``ReferringSet``."""

    def count(self, index: int) -> int:
        """Phrases of one scene."""
        return len(self.scene(index).referring)

    def expressions(self, index: int) -> list[Expression]:
        """All phrases of one scene."""
        return [Expression(phrase=phrase, mask=mask) for phrase, mask in self.scene(index).referring]


class TinyCaptions(TinyScenes):
    """Five sentences per scene; see ``CaptionSet``."""

    def references(self, index: int) -> tuple[str, ...]:
        """Sentences of the scene."""
        return self.scene(index).captions

    def domain(self, index: int) -> str | None:
        """There are no parts."""
        return None


class TinyQuestions(TinyScenes):
    """Questions with one answer each; see ``QuestionSet``."""

    def count(self, index: int) -> int:
        """Questions about one scene."""
        return len(self.scene(index).questions)

    def questions(self, index: int) -> tuple[Question, ...]:
        """All questions about one scene."""
        scene = self.scene(index)
        return tuple(
            Question(id=f"{scene.key}-{i}", text=question, answers=(answer,))
            for i, (question, answer) in enumerate(scene.questions)
        )


def world_name(version: int) -> str:
    """What benchmarks of a version of the world are called: ``tiny-world`` for the first one."""
    return "tiny-world" if version == 1 else f"tiny-world-v{version}"


def tiny_segmentation(
    class_set: str = "all",
    *,
    scenes: int = TEST_SCENES,
    seed: int = WORLD_SEED,
    split: str = "test",
    version: int = 1,
) -> TinySegmentation:
    """``all`` names every pixel; ``objects`` and the other sets with a background rule have class 0 for the rest."""
    name = world_name(version) if class_set == "all" else f"{world_name(version)}-{class_set}"
    world = TinyWorld(seed=seed, split=split, version=version)
    return TinySegmentation(name=name, world=world, scenes=scenes, class_set=class_set)


def tiny_referring(
    *, scenes: int = TEST_SCENES, seed: int = WORLD_SEED, split: str = "test", version: int = 1
) -> TinyReferring:
    """All referring phrases of the first scenes of a split."""
    return TinyReferring(
        name=f"{world_name(version)}-referring",
        world=TinyWorld(seed=seed, split=split, version=version),
        scenes=scenes,
        unit="expressions",
    )


def open_tiny_segmentation(
    root: Path | None, split: str, *, class_set: str, version: int = 1
) -> TinySegmentation:
    """The first 500 test scenes; there is no folder."""
    return tiny_segmentation(class_set, split=split, version=version)


def open_tiny_tags(root: Path | None, split: str) -> TinyTags:
    """Objects of the first 500 scenes."""
    return TinyTags(name="tiny-world-tags", world=TinyWorld(seed=WORLD_SEED, split=split))


def open_tiny_referring(root: Path | None, split: str, *, version: int = 1) -> TinyReferring:
    """Phrases of the first 500 scenes."""
    return tiny_referring(split=split, version=version)


def open_tiny_captions(root: Path | None, split: str) -> TinyCaptions:
    """Sentences of the first 500 scenes."""
    return TinyCaptions(name="tiny-world-captions", world=TinyWorld(seed=WORLD_SEED, split=split))


def open_tiny_questions(root: Path | None, split: str) -> TinyQuestions:
    """Questions about the first 500 scenes."""
    return TinyQuestions(
        name="tiny-world-questions", world=TinyWorld(seed=WORLD_SEED, split=split), unit="questions"
    )

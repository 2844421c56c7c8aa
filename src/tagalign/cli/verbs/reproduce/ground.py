"""Where a measurement finds its model and its data: the user's, or small random and drawn ones for a rehearsal."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tagalign.cli.verbs.reproduce.measurement import Measurement
from tagalign.errors import DataError, InputError

DEPTH_OF_THE_PAPERS = 12

SURE = {"tagclip": {"max_candidates": "2"}, "cls-seg": {"max_candidates": "2", "threshold": "top:2"}}
"""Options that replace those of a method in a rehearsal: a random model is sure of nothing, so that every label of every
picture would be looked at again, hundreds of times the work of a trained one."""


class RealGround:
    """Published weights and real data.

    Args:
        path: folder of the benchmark, or of several by their names.
        model: instead of the published checkpoint.
    """

    def __init__(self, path: Path | None, model: str | None) -> None:
        self._path, self._model = path, model

    @property
    def text_cache(self) -> Path:
        """That of the user: numbers of one model ask the same words, and so may later runs."""
        from tagalign.cache_folder import default_cache_dir

        return default_cache_dir()

    def model(self, one: Measurement) -> str:
        """The checkpoint.

        Raises:
            InputError: where none is published, with the command that makes one.
        """
        model = self._model or one.run.model
        if model is None:
            raise InputError(
                f"{one.numbers[0].id}: the paper's weights are not on a hub; make a folder with: {one.run.prepare}, "
                "then give --model FOLDER"
            )
        return model

    def options(self, one: Measurement) -> Mapping[str, str]:
        """The paper's, unchanged."""
        return one.run.options

    def data(self, one: Measurement) -> Path:
        """The folder of the benchmark, whole in the split that is measured.

        Raises:
            InputError: without a folder.
            DataError: if files are missing.
        """
        from tagalign.data.benchmarks.catalog import find_benchmark
        from tagalign.data.benchmarks.check import check_split

        benchmark = find_benchmark(one.benchmark)
        if self._path is None:
            raise InputError(
                f"{one.numbers[0].id} is measured on {one.benchmark} ({benchmark.title}): give its folder with --path "
                f"(tagalign data check {one.benchmark} shows how it looks), or --rehearse"
            )
        places = (self._path / one.benchmark, self._path / benchmark.layout, self._path)
        place = next((place for place in places if place.is_dir()), self._path)
        check = check_split(benchmark, place, one.split or benchmark.default_split)
        if check.problem is not None:
            raise DataError(check.problem)
        if not check.complete:
            raise DataError(
                f"{place}: {check.found:,} of {check.expected:,} {benchmark.unit} of {one.benchmark} {check.split}, "
                f"{len(check.missing):,} files missing; tagalign data check {one.benchmark} {place} names them"
            )
        return place


class DrawnGround:
    """Drawn copies, each made once, and a random model per family, as deep as the papers' so that every layer exists.

    Args:
        folder: for both.
        images: of each copy.
    """

    def __init__(self, folder: Path, images: int) -> None:
        self._folder, self._images = folder, images

    @property
    def text_cache(self) -> Path:
        """Beside the random models: their words are nobody else's."""
        return self._folder / "models"

    def model(self, one: Measurement) -> str:
        """A folder, or the packaged model."""
        if one.run.method == "tag2text":
            from tagalign.backbones.packaged import TINY

            return TINY
        family = "groupvit" if one.run.method == "groupvit" else "clip"
        folder = self._folder / "models" / family
        if not folder.is_dir():
            _maker(family)(folder)
        return str(folder)

    def options(self, one: Measurement) -> Mapping[str, str]:
        """The paper's, but for those that hold the work of an unsure model down."""
        return {**one.run.options, **SURE.get(one.run.method, {})}

    def data(self, one: Measurement) -> Path:
        """A drawn copy."""
        from tagalign.data.benchmarks.catalog import find_benchmark
        from tagalign.data.rehearsal import write_copy
        from tagalign.data.rehearsal.writers import images_of_split

        benchmark = find_benchmark(one.benchmark)
        split = one.split or benchmark.default_split
        folder = self._folder / "data" / f"{one.benchmark}-{split}"
        images = min(self._images, images_of_split(benchmark, split))
        write_copy(one.benchmark, folder, split=split, images=images)
        return folder


def _maker(family: str) -> Callable[[Path], object]:
    from tagalign.testing.clip_folder import make_clip_folder
    from tagalign.testing.groupvit_folder import make_groupvit_folder

    def clip(folder: Path) -> Path:
        return make_clip_folder(folder, layers=DEPTH_OF_THE_PAPERS, patch_size=16, image_size=224)

    return make_groupvit_folder if family == "groupvit" else clip

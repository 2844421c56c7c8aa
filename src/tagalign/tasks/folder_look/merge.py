"""Several looks as one: of shards in one folder, or of folders that were looked at on different machines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tagalign.errors import InputError
from tagalign.methods.looks.experts import Experts
from tagalign.methods.looks.facts import refuse_other_labels, refuse_other_model
from tagalign.methods.looks.files import read_look
from tagalign.methods.looks.look import Look
from tagalign.tasks.folder_look.gather import check_photos
from tagalign.tasks.folder_look.patches import merge_tensors
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.run import PhotoRun, open_run
from tagalign.tasks.photos.sinks import Sink


def merge_looks(paths: Sequence[Path]) -> Look:
    """One look at the photos of all; the order of the paths does not matter.

    Raises:
        InputError: for a single look, the same one twice, or looks of different models, labels or profiles.
    """
    if len(paths) < 2:
        raise InputError(f"expected at least 2 looks to merge, got {len(paths)}")
    looks = [read_look(path) for path in paths]
    for path, look in zip(paths, looks, strict=True):
        if look.compounds is not None:
            raise InputError(
                f"{path}: a look with compound prompts cannot be merged, their weights need the scores of all photos; look "
                "at all of them together, in shards if need be (--shard)"
            )
    merged = looks[0]
    seen = {merged.photos.mark: paths[0]}
    for path, look in zip(paths[1:], looks[1:], strict=True):
        refuse_other_model(look, merged.facts, str(path))
        refuse_other_labels(look, merged.labels, str(path), asked_by=f"{paths[0]} has")
        if look.profile != merged.profile:
            raise InputError(
                f"{path}: a look of profile {look.profile.name}, {paths[0]} is of {merged.profile.name}"
            )
        if look.photos.mark in seen:
            raise InputError(f"{path}: the same photos as {seen[look.photos.mark]}; they would count twice")
        seen[look.photos.mark] = path
        try:
            tensors = merge_tensors(dict(merged.tensors), dict(look.tensors))
        except ValueError as error:
            raise InputError(
                f"{path}: its bank of patches is another than that of {paths[0]} ({error})"
            ) from error
        merged = replace(
            merged,
            photos=merged.photos + look.photos,
            moments=merged.moments + look.moments,
            tensors=tensors,
            experts=_merged_experts(merged, look, path),
        )
    check_photos(merged)
    return merged


def _merged_experts(mine: Look, theirs: Look, path: Path) -> Experts | None:
    if (mine.experts is None) != (theirs.experts is None):
        raise InputError(
            f"{path}: only some of these looks judged templates; look with --experts at all, or at none"
        )
    return mine.experts + theirs.experts if mine.experts and theirs.experts else None


def all_shards(
    described: Mapping[str, object], inputs: Inputs, folder: Path, sink: Sink, *, count: int, part_size: int
) -> list[PhotoRun] | None:
    """The runs of all shards of a folder; None while one has not begun or is not done."""
    runs = []
    for i in range(count):
        if not (folder / f"run-{i:05d}-of-{count:05d}.json").exists():
            return None
        run = open_run(described, inputs, folder, sink, shard=(i, count), part_size=part_size)
        if run.pending():
            return None
        runs.append(run)
    return runs

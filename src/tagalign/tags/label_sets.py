"""Label sets from a list, a file, or a benchmark's name; templates and background words by name."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from tagalign.errors import DataError, InputError, UnknownNameError
from tagalign.tags.lists import read_list, read_table
from tagalign.tags.same_label import same_label, split_names, tidy_name
from tagalign.tags.text_files import read_text
from tagalign.types import Label, LabelSet

WORDINGS = ("plain", "clean", "aliases")
"""``plain``: the official names. ``clean``: readable English. ``aliases``: clean, and other words for it."""

FILE_ENDINGS = (".txt", ".csv", ".tsv", ".json")
LABEL_COLUMNS = ("label", "labels", "name", "names", "tag", "tags", "class", "classes")


def load_label_set(
    spec: str | Path | Sequence[str],
    *,
    templates: str | None = None,
    background: str | None = None,
) -> LabelSet:
    """Read the labels a user asks for.

    Args:
        spec: a list of names; ``"dog,red car"``; a ``.txt`` file with one name per line; a ``.csv`` or ``.tsv`` table
            with a header; a ``.json`` label
            set (``docs/formats.md``); or a benchmark (``voc20``), where ``voc20:clean`` and
            ``voc20:aliases`` choose the wording. A single word that is no benchmark is a list of one.
        templates: name of a template set that replaces the set's own (``template_set``).
        background: name of a list of background words that replaces the set's own (``background_words``).

    Raises:
        InputError: for no labels, an empty or repeated label, a missing or wrong file, or an unknown name.

    Example:
        >>> load_label_set("dog, red car").names
        ('dog', 'red car')
    """
    label_set = _load(spec)
    if templates is not None:
        label_set = replace(label_set, templates=template_set(templates))
    if background is not None:
        label_set = replace(label_set, background=background_words(background))
    return label_set


def _load(spec: str | Path | Sequence[str]) -> LabelSet:
    if isinstance(spec, Path):
        return _from_file(spec)
    if not isinstance(spec, str):
        return label_set_of(spec)
    if spec.lower().endswith(FILE_ENDINGS):
        return _from_file(Path(spec))
    name, _, wording = spec.partition(":")
    if name in label_set_names():
        return benchmark_labels(name, wording or "plain")
    return label_set_of(split_names(spec), where="the comma list") if spec.strip() else label_set_of([])


def label_set_of(names: Sequence[str], *, where: str = "the list", title: str = "custom") -> LabelSet:
    """A label set of plain names, checked.

    Args:
        names: in the order of the ids; white space around and inside is tidied.
        where: how an error calls the place they came from.
        title: name of the set.

    Raises:
        InputError: for no labels, an empty label, or a repeated one (in upper or lower case).
    """
    tidy = [tidy_name(name) for name in names]
    _check_names(tidy, where)
    return LabelSet(name=title, labels=tuple(Label(name=name) for name in tidy))


def _check_names(names: Sequence[str], where: str) -> None:
    if not names:
        raise InputError(f"no labels in {where}: expected at least one, such as 'dog,grass'")
    first: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if not name:
            raise InputError(f"label {place} of {len(names)} in {where} is empty; remove it")
        if (earlier := first.setdefault(same_label(name), place)) != place:
            raise InputError(f"label {name!r} stands twice in {where}, at {earlier} and {place}; remove one")


def _from_file(path: Path) -> LabelSet:
    try:
        if path.suffix.lower() == ".json":
            return _from_json(read_text(path), str(path))
        return label_set_of(_listed(path), where=str(path), title=path.stem)
    except DataError as error:
        if not path.exists():
            raise InputError(
                f"{path}: no such label file; one label per line (.txt), a table (.csv, .tsv) or a label set (.json)"
            ) from error
        raise InputError(f"{path}: expected a label file, could not read it ({error})") from error


def _listed(path: Path) -> list[str]:
    """The labels of a text file, or of the column of a table that is called like one (else its first)."""
    if path.suffix.lower() == ".txt":
        return read_list(path)
    rows = read_table(path, ())
    names = next(iter(rows), (0, {}))[1]
    column = next((name for name in names if name in LABEL_COLUMNS), next(iter(names), ""))
    return [cells[column] for _, cells in rows if cells.get(column)]


def _from_json(text: str, where: str) -> LabelSet:
    try:
        content = json.loads(text)
        labels = tuple(
            Label(
                name=tidy_name(str(row["name"])),
                aliases=_words(row.get("aliases", [])),
                group=row.get("group"),
            )
            for row in content["labels"]
        )
        name, version = str(content["name"]), int(content.get("version", 1))
        background, templates = _words(content.get("background", [])), _words(content.get("templates", []))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{where}: expected a label set "
            f'{{"name": ..., "labels": [{{"name": ...}}, ...]}}, '
            f"could not read it ({type(error).__name__}: {error})"
        ) from error
    _check_names([label.name for label in labels], where)
    for template in templates:
        _check_template(template, where)
    label_set = LabelSet(name=name, version=version, labels=labels, background=background)
    return replace(label_set, templates=templates) if templates else label_set


def _words(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"expected a list of words, got {values!r}")
    return tuple(tidy_name(value) for value in values)


def _check_template(template: str, where: str) -> None:
    if template.count("{}") != 1:
        raise InputError(f"template {template!r} in {where} must hold one {{}} for the label")


@cache
def label_set_names() -> tuple[str, ...]:
    """Names of the benchmarks' label sets in the package, sorted."""
    folder = _folder() / "sets"
    return tuple(sorted(f.name.removesuffix(".json") for f in folder.iterdir() if f.name.endswith(".json")))


def benchmark_labels(name: str, wording: str = "plain") -> LabelSet:
    """The labels of a benchmark, in the order of their official ids, without background class.

    Args:
        name: one of ``label_set_names()``.
        wording: one of ``WORDINGS``; the set's name carries it unless it is ``plain``.

    Raises:
        UnknownNameError: if either is unknown.
    """
    content = benchmark_content(name)
    if wording not in WORDINGS:
        raise UnknownNameError("wording", wording, WORDINGS)
    rows = content["labels"]
    if wording == "plain":
        labels = tuple(Label(name=row["name"]) for row in rows)
    else:
        words = [tuple(row.get("aliases", ())) if wording == "aliases" else () for row in rows]
        labels = tuple(
            Label(name=row.get("clean", row["name"]), aliases=aliases)
            for row, aliases in zip(rows, words, strict=True)
        )
    title = name if wording == "plain" else f"{name}:{wording}"
    return LabelSet(name=title, version=content["version"], labels=labels)


def unseen_labels(name: str) -> tuple[int, ...]:
    """Ids of the labels that zero-shot training must not see, ascending; empty without such a split."""
    content = benchmark_content(name)
    unseen = set(content.get("unseen", ()))
    return tuple(i for i, row in enumerate(content["labels"]) if row["name"] in unseen)


def benchmark_content(name: str) -> dict[str, Any]:
    """The package's file of a benchmark, with more than a label set has: source, categories, official ids.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    if name not in label_set_names():
        raise UnknownNameError("label set", name, label_set_names())
    return _read(f"sets/{name}.json")


def template_set(name: str) -> tuple[str, ...]:
    """Prompt templates by name: ``1``, ``1-dot``, ``7``, ``15``, ``80``, ``85``, ``clip-es``.

    ``1`` is the TagAlign paper's, ``1-dot`` its release's and ZegCLIP's for VOC, ``7`` and ``80`` are CLIP's,
    ``85`` adds the five "in the scene" forms of TagCLIP's release, ``15`` is ZegCLIP's for COCO,
    ``clip-es`` the single prompt of CLIP-ES.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    table = _read("templates.json")
    if name not in table:
        raise UnknownNameError("template set", name, table)
    return tuple(table[name])


def background_words(name: str) -> tuple[str, ...]:
    """Words that compete with the labels and are never answered: ``voc`` (25), ``coco`` (23) or ``none``.

    Reference: Lin et al., TagCLIP, arXiv 2312.12828, appendix "Effect of Background Set".

    Raises:
        UnknownNameError: if there is none of that name.
    """
    table = _read("backgrounds.json")
    if name not in table:
        raise UnknownNameError("background list", name, table)
    return tuple(table[name])


def _folder() -> Traversable:
    return resources.files("tagalign.tags") / "labels"


@cache
def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_folder() / name).read_text(encoding="utf-8"))
    return content

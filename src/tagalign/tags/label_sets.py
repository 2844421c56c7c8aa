"""Label sets from a list, a file, or a benchmark's name; templates and background words by name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from tagalign.errors import DataError, InputError, UnknownNameError
from tagalign.labels import Label, LabelGroup, LabelSet
from tagalign.registry import find_entry
from tagalign.tags.label_lines import is_plain, parse_label, parse_lines
from tagalign.tags.label_words import word_problems
from tagalign.tags.lists import read_table
from tagalign.tags.same_label import same_label, split_names, tidy_name
from tagalign.tags.text_files import read_text

WORDINGS = ("plain", "clean", "aliases")
"""``plain``: the official names. ``clean``: readable English. ``aliases``: clean, and other words for it."""

FILE_ENDINGS = (".txt", ".csv", ".tsv", ".json")
LABEL_COLUMNS = ("label", "labels", "name", "names", "tag", "tags", "class", "classes")


def load_label_set(
    spec: str | Path | Sequence[str | Mapping[str, Any]],
    *,
    templates: str | None = None,
    background: str | None = None,
) -> LabelSet:
    """Read the labels a user asks for.

    Args:
        spec: a list of names, of lines in the syntax of a label file (``"cup: mug; not trophy"``, ``label_lines``), or of
            objects ``{"name", "aliases", "negatives", "group"}``; such lines as one text; ``"dog,red car"``; a ``.txt`` file
            with one label per line; a ``.csv`` or ``.tsv`` table with a header; a ``.json`` label
            set (``docs/formats.md``); or a benchmark (``voc20``), where ``voc20:clean`` and
            ``voc20:aliases`` choose the wording. A single word that is no benchmark is a list of one.
        templates: name of a template set that replaces the set's own (``template_set``).
        background: name of a list of background words that replaces the set's own (``background_words``).

    Raises:
        InputError: for no labels, an empty or repeated label, a word that stands for two labels or excludes its own, groups
            in a circle, a missing or wrong file, or an unknown name.

    Example:
        >>> load_label_set("dog, red car").names
        ('dog', 'red car')
        >>> load_label_set(["cup: mug; not trophy"]).labels[0].negatives
        ('trophy',)
    """
    label_set, where = read_label_set(spec)
    # benchmarks are as they are: ImageNet has two cardigans
    if not (isinstance(spec, str) and spec.partition(":")[0] in label_set_names()):
        problem = next((one for one in word_problems(label_set) if one.refused), None)
        if problem is not None and (lines := _lines_of(spec, problem.labels)):
            raise InputError(f"{where}, {lines}: {problem.text}")
        _check_names(label_set.names, where)
        if problem is not None:
            raise InputError(f"{where}: {problem.text}")
    if templates is not None:
        label_set = replace(label_set, templates=template_set(templates))
    if background is not None:
        label_set = replace(label_set, background=background_words(background))
    return label_set


def read_label_set(spec: str | Path | Sequence[str | Mapping[str, Any]]) -> tuple[LabelSet, str]:
    """The labels as they stand, and how an error calls the place; see ``load_label_set``, which refuses what is wrong.

    Raises:
        InputError: for what cannot be read.
    """
    if isinstance(spec, Path):
        return _from_file(spec), str(spec)
    if not isinstance(spec, str):
        return _from_list(spec), "the list"
    if spec.lower().endswith(FILE_ENDINGS):
        return _from_file(Path(spec)), spec
    if _is_lines(spec):
        return _from_lines(spec.split("\n"), "the lines"), "the lines"
    name, _, wording = spec.partition(":")
    if name in label_set_names():
        return benchmark_labels(name, wording or "plain"), spec
    return label_set_of(_between_commas(spec), where="the comma list"), "the comma list"


def _lines_of(spec: str | Path | Sequence[str | Mapping[str, Any]], names: Sequence[str]) -> str:
    """``line 2`` or ``lines 2 and 5`` of labels, in what was read by lines; nothing of anything else."""
    if isinstance(spec, str | Path) and str(spec).lower().endswith(".txt"):
        text = read_text(Path(spec)) + "\n"
    elif isinstance(spec, str) and _is_lines(spec):
        text = spec
    else:
        return ""
    lines = parse_lines(text.split("\n"), "").lines
    found = [str(line.place) for line in lines if line.label.name in names]
    return (
        f"line {found[0]}"
        if len(found) == 1
        else f"lines {', '.join(found[:-1])} and {found[-1]}"
        if found
        else ""
    )


def _is_lines(text: str) -> bool:
    """Whether a text is a label a line, and not names between commas or the name of something."""
    return "\n" in text.strip() or (text.endswith("\n") and not is_plain(text))


def _between_commas(text: str) -> list[str]:
    """Plain names; the words of a label hold commas themselves, so they need a line."""
    names = split_names(text) if text.strip() else []
    for name in names:
        if not is_plain(name):
            raise InputError(
                f"{name!r}: a list between commas holds plain names; words that belong to a label or exclude it "
                "('cup: mug; not trophy') stand in a file, one label per line"
            )
    return names


def _from_list(rows: Sequence[str | Mapping[str, Any]]) -> LabelSet:
    blank = next((i for i, row in enumerate(rows, 1) if isinstance(row, str) and not tidy_name(row)), None)
    if blank is not None:
        raise InputError(f"label {blank} of {len(rows)} in the list is empty; remove it")
    if all(isinstance(row, str) for row in rows):
        return _from_lines([str(row) for row in rows], "the list")
    try:
        labels = tuple(
            _label_of(row) if isinstance(row, Mapping) else parse_label(tidy_name(row), "the list")
            for row in rows
        )
    except (TypeError, KeyError) as error:
        raise InputError(
            'the list: expected names, or objects such as {"name": "cup", "aliases": ["mug"], "negatives": ["trophy"]}, '
            f"could not read it ({type(error).__name__}: {error})"
        ) from error
    return LabelSet(name="custom", labels=labels)


def _from_lines(texts: Sequence[str], where: str, title: str = "custom") -> LabelSet:
    found = parse_lines(texts, where)
    if not found.lines:
        raise InputError(_no_labels(where))
    return LabelSet(name=title, labels=tuple(line.label for line in found.lines), groups=found.groups)


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


def _no_labels(where: str) -> str:
    return f"no labels in {where}: expected at least one, such as 'dog,grass'"


def _check_names(names: Sequence[str], where: str) -> None:
    if not names:
        raise InputError(_no_labels(where))
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
        if path.suffix.lower() == ".txt":
            return _from_lines(read_text(path).split("\n"), str(path), title=path.stem)
        return label_set_of(_listed(path), where=str(path), title=path.stem)
    except DataError as error:
        if not path.exists():
            raise InputError(
                f"{path}: no such label file; one label per line (.txt), a table (.csv, .tsv) or a label set (.json)"
            ) from error
        raise InputError(f"{path}: expected a label file, could not read it ({error})") from error


def _listed(path: Path) -> list[str]:
    """The labels of a table: its column that is called like one, else its first; each cell is a name as it stands."""
    rows = read_table(path, ())
    names = next(iter(rows), (0, {}))[1]
    column = next((name for name in names if name in LABEL_COLUMNS), next(iter(names), ""))
    return [cells[column] for _, cells in rows if cells.get(column)]


def _from_json(text: str, where: str) -> LabelSet:
    try:
        content = json.loads(text)
        labels = tuple(_label_of(row) for row in content["labels"])
        name, version = str(content["name"]), int(content.get("version", 1))
        background, templates = _words(content.get("background", [])), _words(content.get("templates", []))
        groups = tuple(_group_of(row) for row in content.get("groups", []))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{where}: expected a label set "
            f'{{"name": ..., "labels": [{{"name": ...}}, ...]}}, '
            f"could not read it ({type(error).__name__}: {error})"
        ) from error
    if not all(label.name for label in labels):
        _check_names([label.name for label in labels], where)
    for template in templates:
        _check_template(template, where)
    label_set = LabelSet(name=name, version=version, labels=labels, background=background, groups=groups)
    return replace(label_set, templates=templates) if templates else label_set


def _label_of(row: Mapping[str, Any]) -> Label:
    group = row.get("group")
    if group is not None and not isinstance(group, str):
        raise TypeError(f"expected the name of a group, got {group!r}")
    return Label(
        name=tidy_name(str(row["name"])),
        aliases=_words(row.get("aliases", [])),
        group=group,
        negatives=_words(row.get("negatives", [])),
    )


def _group_of(row: Mapping[str, Any]) -> LabelGroup:
    under, one = row.get("under"), row.get("one", False)
    if not isinstance(one, bool) or not (under is None or isinstance(under, str)):
        raise TypeError(
            f'expected a group such as {{"name": "scene", "one": true, "under": null}}, got {row!r}'
        )
    return LabelGroup(name=str(row["name"]), one=one, under=under)


def label_set_values(labels: LabelSet) -> dict[str, Any]:
    """A label set as the JSON that ``load_label_set`` reads; words and groups that are not there are left out."""
    rows = [
        {
            "name": one.name,
            "aliases": list(one.aliases),
            "group": one.group,
            **({"negatives": list(one.negatives)} if one.negatives else {}),
        }
        for one in labels.labels
    ]
    groups = [{"name": one.name, "one": one.one, "under": one.under} for one in labels.groups]
    return {
        "name": labels.name,
        "version": labels.version,
        "labels": rows,
        "background": list(labels.background),
        "templates": list(labels.templates),
        **({"groups": groups} if groups else {}),
    }


def label_set_from(values: Mapping[str, Any]) -> LabelSet:
    """Back from ``label_set_values`` or ``dataclasses.asdict``, also as older releases wrote them; nothing is checked.

    Raises:
        KeyError, TypeError: for values that are none.
    """
    return LabelSet(
        name=values["name"],
        version=values["version"],
        labels=tuple(map(_label_of, values["labels"])),
        background=tuple(values["background"]),
        templates=tuple(values["templates"]),
        groups=tuple(map(_group_of, values.get("groups", ()))),
    )


def _words(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
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
    return tuple(find_entry("template set", name, table))


def background_words(name: str) -> tuple[str, ...]:
    """Words that compete with the labels and are never answered: ``voc`` (25), ``coco`` (23) or ``none``.

    Reference: Lin et al., TagCLIP, arXiv 2312.12828, appendix "Effect of Background Set".

    Raises:
        UnknownNameError: if there is none of that name.
    """
    table = _read("backgrounds.json")
    return tuple(find_entry("background list", name, table))


def common_things() -> LabelSet:
    """About a thousand things that photos show, for ``tagalign suggest``; ``labels/README.md`` says where they come from."""
    text = (_folder() / "things.txt").read_text(encoding="utf-8")
    return label_set_of(text.split("\n")[:-1], where="things.txt", title="things")


def _folder() -> Traversable:
    return resources.files("tagalign.tags") / "labels"


@cache
def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_folder() / name).read_text(encoding="utf-8"))
    return content

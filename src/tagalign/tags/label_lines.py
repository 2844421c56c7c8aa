"""The syntax of a label file, a label a line: ``cup: mug, coffee cup; not trophy, vase``, below group headers.

Other words for a label stand behind a colon with a blank, words for what it is not behind ``; not``. A colon or semicolon
elsewhere belongs to the name, as it always did: ``ratio 3:4``. Whatever stands in double quotes is a name as it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tagalign.errors import InputError
from tagalign.labels import Label, LabelGroup, LabelSet
from tagalign.tags.same_label import split_names, tidy_name

_QUOTED = re.compile('"((?:[^"]|"")*)"')
_HELD = re.compile("\0(\\d+)\0")
_NOT = re.compile(r"\s*;\s*not(?:\s+|$)", re.IGNORECASE)
_BARE_NOT = re.compile(r"not\s+\S", re.IGNORECASE)
_COLON = re.compile(r"\s*:(?:\s+|$)")
_HEADER = re.compile(r"\[([^\[\]]*)\]")
HINT = 'put a name that holds such marks in double quotes: "Star Wars: A New Hope"'


@dataclass(frozen=True, kw_only=True)
class Line:
    """A label of a file.

    Attributes:
        label: with its words.
        place: number of its line, from 1.
    """

    label: Label
    place: int


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What a label file says: its labels in order, and the rules of groups."""

    lines: tuple[Line, ...]
    groups: tuple[LabelGroup, ...]


def parse_lines(texts: Iterable[str], where: str) -> Lines:
    r"""Labels of lines; blank ones are passed over.

    A header ``[scene]`` puts the labels below it into a group, ``[]`` into none. ``[scene, one]`` lets at most one of them
    come out, ``[breed, under animal]`` asks the group only where the other has a tag.

    Args:
        texts: lines, without their ends.
        where: how an error calls the place they came from.

    Raises:
        InputError: naming the line that cannot be read.

    Example:
        >>> found = parse_lines(["[pet, one]", "dog: puppy; not wolf", "cat"], "the list")
        >>> found.lines[0].label.aliases, found.lines[0].label.negatives, found.groups[0].one
        (('puppy',), ('wolf',), True)
    """
    lines, groups, group = list[Line](), dict[str, LabelGroup](), None
    for place, text in enumerate(texts, start=1):
        tidy = tidy_name(text)
        if header := _HEADER.fullmatch(tidy):
            group = _header(header[1], groups, f"{where}, line {place}")
        elif tidy:
            lines.append(Line(label=parse_label(tidy, f"{where}, line {place}", group), place=place))
    return Lines(lines=tuple(lines), groups=tuple(groups.values()))


def _header(inner: str, groups: dict[str, LabelGroup], where: str) -> str | None:
    name, *rules = split_names(inner)
    if not name and not rules:
        return None
    under = [rule.removeprefix("under ") for rule in rules if rule.startswith("under ")]
    others = [rule for rule in rules if not rule.startswith("under ") and rule != "one"]
    if not name or others or len(under) > 1:
        raise InputError(
            f"{where}: expected a group such as [animal], [animal, one] or [breed, under animal], got [{inner}]; {HINT}"
        )
    found = LabelGroup(name=name, one="one" in rules, under=under[0] if under else None)
    if name in groups and rules and groups[name] != found:
        raise InputError(f"{where}: group {name!r} stands above with other rules; give them once")
    if rules:
        groups.setdefault(name, found)
    return name


def parse_label(text: str, where: str, group: str | None = None) -> Label:
    """One label from one line.

    Args:
        text: of the line.
        where: how an error calls it.
        group: that it stands in.

    Raises:
        InputError: if a part is empty, or a mark stands where none can.
    """
    held = list[str]()
    marked = _QUOTED.sub(lambda match: f"\0{held.append(match[0]) or len(held) - 1}\0", text)  # type: ignore[func-returns-value]
    left, *exclusions = _NOT.split(marked)
    name, *synonyms = _COLON.split(left, maxsplit=1)
    if len(exclusions) > 1 or (synonyms and ";" in synonyms[0]) or ";" in "".join(exclusions):
        raise InputError(
            f"{where}: expected NAME: other, words; not other, things - with one '; not' at most, got {text!r}; {HINT}"
        )
    if misplaced := next((word for word in split_names("".join(synonyms)) if _BARE_NOT.match(word)), None):
        raise InputError(
            f"{where}: {_restored(misplaced, held)!r} stands among other words for {_restored(name, held)!r}; write "
            f"'; {_restored(misplaced, held)}' behind them to exclude it, or put it in double quotes, got {text!r}"
        )
    words = [_words(part, held, f"{where}: {text!r}") for part in ("".join(synonyms), "".join(exclusions))]
    if not name.strip() or (synonyms and not words[0]) or (exclusions and not words[1]):
        raise InputError(
            f"{where}: expected words before and behind each ':' and '; not', got {text!r}; {HINT}"
        )
    return Label(name=_restored(name, held), aliases=words[0], group=group, negatives=words[1])


def _words(part: str, held: Sequence[str], where: str) -> tuple[str, ...]:
    words = split_names(part) if part.strip() else []
    if not all(words):
        raise InputError(f"{where}: a word between two commas is empty; remove a comma")
    return tuple(_restored(word, held) for word in words)


def _restored(word: str, held: Sequence[str]) -> str:
    """A word with its quotes back, or without them where they hold all of it."""
    whole = _HELD.fullmatch(word.strip())
    if whole:
        return tidy_name(held[int(whole[1])][1:-1].replace('""', '"'))
    return tidy_name(_HELD.sub(lambda match: held[int(match[1])], word))


def is_plain(text: str) -> bool:
    """Whether a text is a name and nothing else in this syntax.

    >>> is_plain("ratio 3:4"), is_plain("rock; paper"), is_plain("cup: mug"), is_plain("cup; not vase")
    (True, True, False, False)
    """
    bare = _QUOTED.sub("", text)
    return not (_NOT.search(bare) or _COLON.search(bare) or _HEADER.fullmatch(tidy_name(bare)))


def label_lines(labels: LabelSet) -> str:
    """A label set as the text of a label file, which reads back as the same labels and groups.

    Labels of one group stand together; background words and templates have no place in it.
    """
    rules = {group.name: group for group in labels.groups}
    text, current = list[str](), None
    for label in labels.labels:
        if label.group != current:
            text.append(_header_of(label.group, rules.pop(label.group or "", None)))
            current = label.group
        text.append(label_line(label))
    return "\n".join(text) + "\n"


def label_line(label: Label) -> str:
    """One label as a line.

    >>> label_line(Label(name="cup", aliases=("mug",), negatives=("trophy", "vase")))
    'cup: mug; not trophy, vase'
    """
    line = _quoted(label.name, alone=not label.aliases and not label.negatives)
    if label.aliases:
        line += ": " + ", ".join(map(_quoted, label.aliases))
    return line + ("; not " + ", ".join(map(_quoted, label.negatives)) if label.negatives else "")


def _header_of(name: str | None, rule: LabelGroup | None) -> str:
    parts = [
        name or "",
        *(["one"] if rule and rule.one else []),
        *([f"under {rule.under}"] if rule and rule.under else []),
    ]
    return f"[{', '.join(parts)}]"


def _quoted(word: str, *, alone: bool = False) -> str:
    """A word, in quotes where it would be read as more than a name; commas part nothing where it stands ``alone``."""
    is_one = alone or (len(split_names(word)) == 1 and ";" not in word and not _BARE_NOT.match(word))
    if is_plain(word) and '"' not in word and is_one:
        return word
    doubled = word.replace('"', '""')
    return f'"{doubled}"'

"""Tags back to their places in captions: what a tagger learns from any parser's output.

Most tags stand in the caption word for word or in another number. The rest is learned from the corpus: where "guy"
stands and "person" is asked for again and again, "guy" is a stand-in for it.
"""

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tagalign.tags.lemmas import singular
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.tokens import tokenize

LABELS = ("O", "B-OBJ", "I-OBJ", "B-ATR", "I-ATR", "B-ATL", "I-ATL")
"""Objects; attributes of the next object ("red car") and of one already named ("the car is red")."""

OUT, OBJECT, OBJECT_IN, RIGHT, RIGHT_IN, LEFT, LEFT_IN = range(7)

Words = tuple[str, ...]
StandIns = dict[tuple[str, Words], set[Words]]
"""``(kind, tag) -> word runs`` that stand for the tag in captions."""

_MIN_COUNT, _MIN_SHARE = 3, 0.5  # a run stands for a tag that is missing in at least half of its captions
_MIN_ALIKE, _MIN_SHARE_ALIKE = 0.85, 0.3  # misspellings look like the tag and may be rare
_EDGE_WORDS = frozenset(
    """a an the of in on at is are and with to . , by for from has have his her its it this that there being be
    was next near 's""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Aligned:
    """A caption with a label for every token.

    Attributes:
        tokens: of the caption.
        labels: positions in ``LABELS``.
        missing: ``(kind, tag)`` that found no place.
        replaced: ``(kind, words, tag as asked for)`` of the stand-ins that were used.
    """

    tokens: list[str]
    labels: list[int]
    missing: list[tuple[str, str]]
    replaced: list[tuple[str, Words, str]]


def forms(text: str) -> Words:
    """Tokens in the one form that alignment compares."""
    return tuple(singular(token) for token in tokenize(text))


def align(caption: str, parse: ParsedCaption, stand_ins: StandIns) -> Aligned:
    """Give every token of a caption a label.

    Args:
        caption: as the parser saw it.
        parse: its tags; long ones are placed first. An object takes all its mentions, an attribute the one nearest
            to its object.
        stand_ins: from ``learn_stand_ins``; may be empty.
    """
    task = _Caption(caption)
    missing = list[tuple[str, str]]()
    replaced = list[tuple[str, Words, str]]()
    owners = {attribute: owner for owner, attribute in parse.pairs}
    objects = sorted(dict.fromkeys(parse.objects), key=lambda tag: -len(tag.split()))
    attributes = sorted(dict.fromkeys(parse.attributes), key=lambda tag: -len(tag.split()))
    late = [("object", tag) for tag in objects if not task.place_object(tag, forms(tag))]
    late += [
        ("attribute", tag) for tag in attributes if not task.place_attribute(forms(tag), owners.get(tag, ""))
    ]
    for kind, tag in late:
        runs = sorted(stand_ins.get((kind, forms(tag)), ()), key=lambda run: (-len(run), run))
        for run in runs:
            placed = (
                task.place_object(tag, run, once=True)
                if kind == "object"
                else task.place_attribute(run, owners.get(tag, ""))
            )
            if placed:
                replaced.append((kind, run, tag))
                break
        else:
            missing.append((kind, tag))
    return Aligned(task.tokens, task.labels, missing, replaced)


class _Caption:
    """Tokens, the labels given so far, and where the objects stand."""

    def __init__(self, caption: str) -> None:
        self.tokens = tokenize(caption)
        self.forms = [singular(token) for token in self.tokens]
        self.labels = [OUT] * len(self.tokens)
        self._spans: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def free_places(self, run: Words) -> list[int]:
        """Where a run of words stands among tokens without a label."""
        size = len(run)
        return [
            i
            for i in range(len(self.forms) - size + 1)
            if size
            and self.forms[i] == run[0]
            and tuple(self.forms[i : i + size]) == run
            and not any(self.labels[i : i + size])
        ]

    def place_object(self, tag: str, run: Words, *, once: bool = False) -> bool:
        places = self.free_places(run)
        for start in places[:1] if once else places:
            if not any(self.labels[start : start + len(run)]):  # runs may overlap each other
                self._set(start, len(run), OBJECT)
                self._spans[tag].append((start, start + len(run)))
        return bool(places)

    def place_attribute(self, run: Words, owner: str) -> bool:
        places = self.free_places(run)
        if not places:
            return False
        spans, size = self._spans.get(owner, []), len(run)
        start = min(places, key=lambda i: min((_gap(i, i + size, s, e) for s, e in spans), default=99))
        after = [s - start - size for s, e in spans if s >= start + size]
        before = [start - e for s, e in spans if e <= start]
        # Between two mentions of its object an attribute belongs to the next, unless the last is much nearer.
        forward = not spans or (after and (not before or min(after) <= min(before) + 2))
        self._set(start, size, RIGHT if forward else LEFT)
        return True

    def _set(self, start: int, size: int, label: int) -> None:
        self.labels[start : start + size] = [label] + [label + 1] * (size - 1)


def _gap(start: int, end: int, object_start: int, object_end: int) -> int:
    """Tokens between an attribute and an object; one after its object is two farther."""
    return object_start - end if object_start >= end else start - object_end + 2


def learn_stand_ins(rows: Sequence[tuple[str, ParsedCaption]], *, rounds: int = 2) -> StandIns:
    """Find the word runs that stand for tags which captions do not hold literally.

    Args:
        rows: captions and their tags; a few thousand at least.
        rounds: each uses the stand-ins of the one before.
    """
    stand_ins: StandIns = {}
    for _ in range(rounds):
        seen, together = Counter[Words](), Counter[tuple[str, Words, Words]]()
        for caption, parse in rows:
            aligned = align(caption, parse, stand_ins)
            runs = set(_free_runs(aligned))
            seen.update(runs)
            wanted = {(kind, forms(tag)) for kind, tag in aligned.missing}
            together.update((kind, tag, run) for kind, tag in wanted for run in runs)
        for key, runs in _chosen(seen, together).items():
            stand_ins.setdefault(key, set()).update(runs)
    return stand_ins


def _free_runs(aligned: Aligned) -> Iterator[Words]:
    words = [singular(token) for token in aligned.tokens]
    for size in (1, 2, 3):
        for i in range(len(words) - size + 1):
            if (
                not any(aligned.labels[i : i + size])
                and words[i] not in _EDGE_WORDS
                and words[i + size - 1] not in _EDGE_WORDS
            ):
                yield tuple(words[i : i + size])


def _chosen(seen: Counter[Words], together: Counter[tuple[str, Words, Words]]) -> StandIns:
    """Per tag the runs that are worth it; of runs that share words the best one."""
    scored: dict[tuple[str, Words], dict[Words, float]] = defaultdict(dict)
    for (kind, tag, run), count in together.items():
        share = count / seen[run]
        alike = (
            difflib.SequenceMatcher(None, "".join(run), "".join(tag)).ratio()
            if share >= _MIN_SHARE_ALIKE
            else 0
        )
        if (count >= _MIN_COUNT and share >= _MIN_SHARE) or alike >= _MIN_ALIKE:
            scored[kind, tag][run] = share + (alike if alike > 0.6 else 0) - 0.1 * len(run)
    chosen: StandIns = {}
    for key, runs in scored.items():
        kept: set[Words] = set()
        for run in sorted(runs, key=lambda r: (-runs[r], r)):
            if set(run).isdisjoint(word for other in kept for word in other):
                kept.add(run)
        chosen[key] = kept
    return chosen


def learn_rewrites(aligned: Iterable[Aligned]) -> dict[tuple[str, str], str]:
    """``(kind, words in the caption) -> tag`` for stand-ins that mean one tag more often than themselves."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in aligned:
        replaced = {(kind, run): tag for kind, run, tag in one.replaced}
        for kind, start, end in spans(one.labels):
            run = tuple(singular(token) for token in one.tokens[start:end])
            counts[kind, " ".join(one.tokens[start:end])][replaced.get((kind, run), "")] += 1
    best = {key: count.most_common(1)[0] for key, count in counts.items()}
    return {key: tag for key, (tag, n) in best.items() if tag and n >= 2 and n > counts[key].total() / 2}


def spans(labels: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """``(kind, start, end)`` of each tag in a row of labels."""
    start = 0
    while start < len(labels):
        end = start + 1
        if labels[start] in (OBJECT, RIGHT, LEFT):
            while end < len(labels) and labels[end] == labels[start] + 1:
                end += 1
            yield "object" if labels[start] == OBJECT else "attribute", start, end
        start = end

"""The scene graph of a caption: its objects, their attributes, and relations between two objects.

``SceneGraphParser`` lists tags for a vocabulary; here each verb and preposition is tied to the things it is about, as SPICE
compares captions (Anderson et al., arXiv:1607.08822): "a young girl standing on a court" holds the girl, the court, the girl
as young, the girl as standing, and the girl on the court.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tagalign.tags.alignment import spans
from tagalign.tags.distilled import DistilledParser
from tagalign.tags.lemmas import infinitive
from tagalign.tags.normalize import normalize_repeated, normalize_settings
from tagalign.tags.scene_graph import PREPOSITIONS, is_verb, lonely_action
from tagalign.tags.words import word_set

VERSION = 1
"""Counted up whenever the rules below change a graph."""

_LONGEST = 6  # tokens between two heads; more is another clause
_FILLERS = frozenset(
    """a an the is are was were be been being am has had have his hers her their its some this these those very quite there
    also still just slightly partially together out two three four five six several many other another""".split()  # noqa: SIM905
)
_STOPS = frozenset([",", ".", ";", ":", "!", "?", "or", "but", "(", ")", "/", '"', "&", "-"])
_AND_THEN = frozenset(["and", "while", "as"])  # what follows is said of who acted before
_JOINING = frozenset([",", "and"])
_HOLDING = frozenset(["with", "of"])
_WHO = frozenset(["that", "which", "who"])  # what follows is said of the last thing named
_WITH_VERB = frozenset(["up", "down"])  # "sitting down on": of the verb where another preposition follows
_SIDES = frozenset(["top", "front", "side", "middle", "edge", "back", "corner", "center", "bottom"])


@dataclass(frozen=True, slots=True)
class CaptionGraph:
    """One caption, or several together; names are canonical tags ("cars" is "car").

    Attributes:
        objects: things and places, without repeats.
        attributes: ``(object, attribute)``; verbs without an object are attributes too.
        relations: ``(subject, relation, object)``.
    """

    objects: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    relations: tuple[tuple[str, str, str], ...] = ()

    def tuples(self) -> tuple[tuple[str, ...], ...]:
        """All that the graph says: ``(object,)``, ``(object, attribute)`` and ``(subject, relation, object)``."""
        return (*((name,) for name in self.objects), *self.attributes, *self.relations)


@dataclass(frozen=True, slots=True)
class _Head:
    """A thing of the caption, and the tokens that name it."""

    name: str
    start: int
    end: int


class GraphReader:
    """Reads the graphs of captions.

    Args:
        tagger: finds things and their attributes.
    """

    def __init__(self, tagger: DistilledParser | None = None) -> None:
        self._tagger = tagger or DistilledParser()

    @property
    def settings(self) -> dict[str, object]:
        """Everything that changes a graph."""
        return {**self._tagger.settings, "graph": VERSION, "canonical_form": normalize_settings()}

    def read(self, captions: Sequence[str]) -> list[CaptionGraph]:
        """The graph of each caption; that of an empty caption is empty."""
        return [self._graph(tokens, labels) for tokens, labels in self._tagger.label_tokens(captions)]

    def _graph(self, tokens: Sequence[str], labels: Sequence[int]) -> CaptionGraph:
        heads = self._heads(tokens, labels)
        attributes = [
            (normalize_repeated(name), normalize_repeated(_as_verb(word), "attribute"))
            for name, word in self._tagger.decode(tokens, labels).pairs
        ]
        ties = _Ties()
        gaps = _gaps(heads, tokens, labels)
        for i, (head, words) in enumerate(zip(heads, gaps, strict=True)):
            following = heads[i + 1].name if i + 1 < len(heads) else None
            ends = i + 2 >= len(heads) and not (i + 1 < len(heads) and gaps[i + 1])
            ties.read(head.name, words, following, ends=ends)
        known = {head.name for head in heads}
        told = (one for one in [*attributes, *ties.verbs] if one[0] in known and one[1])
        return CaptionGraph(
            objects=tuple(dict.fromkeys(head.name for head in heads)),
            attributes=tuple(dict.fromkeys(told)),
            relations=tuple(dict.fromkeys(ties.relations)),
        )

    def _heads(self, tokens: Sequence[str], labels: Sequence[int]) -> list[_Head]:
        found = []
        for kind, start, end in spans(labels):
            if kind == "object":
                for name in self._tagger.decode(tokens[start:end], labels[start:end]).objects:
                    if canonical := normalize_repeated(name):
                        found.append(_Head(canonical, start, end))
        return found


def _as_verb(attribute: str) -> str:
    """An attribute that is a verb form in the infinitive: "sitting", "runs"; others as they are."""
    verb = infinitive(attribute)
    return lonely_action(attribute) or (verb if verb in word_set("plain_verbs") else attribute)


class _Ties:
    """Verbs without an object, and relations between neighbouring things, read from left to right.

    A verb behind a thing that a preposition has placed ("a man in a shirt rides"), or behind "and" or "while", is said of
    who the sentence is about; behind "that" or "who" of the thing itself. What follows "of" is a part of what stands before:
    "a plate of food on a table" puts the plate there. Things joined by "and" share what is said of them, and what holds them
    ("with a stove and a sink", but not "a dog on a couch and a cat on a bed").
    """

    def __init__(self) -> None:
        self.verbs = list[tuple[str, str]]()
        self.relations = list[tuple[str, str, str]]()
        self._about: str | None = None  # who a verb is said of; None: the last thing named
        self._whole: str | None = None  # what "of" has made the last thing a part of
        self._shared: tuple[str, str] | None = None  # subject and relation that "and" repeats
        self._joined = list[str]()  # subjects before the last thing, joined with it

    def read(self, head: str, words: list[str] | None, following: str | None, *, ends: bool) -> None:
        """What stands behind a thing.

        Args:
            head: the thing.
            words: from ``_gaps``.
            following: the next thing; None behind the last one.
            ends: whether nothing is said behind the next thing.
        """
        if words is None or len(words) > _LONGEST:
            self._about = self._whole = self._shared = None
            self._joined = []
        elif words and following is not None and all(word in _JOINING for word in words):
            self._join(head, following, ends=ends)
        else:
            self._tie(head, words, following)

    def _join(self, head: str, following: str, *, ends: bool) -> None:
        if self._shared is None:
            self._joined.append(head)
        elif ends or self._shared[1] not in PREPOSITIONS - _HOLDING:
            self.relations.append((*self._shared, following))
        else:
            self._about = self._shared = None

    def _tie(self, head: str, words: list[str], following: str | None) -> None:
        continues = bool(words) and words[0] in _AND_THEN
        if words and words[0] in _WHO:
            self._about = None
        verb, preposition = _split([word for word in words if word not in _AND_THEN | _WHO])
        subject = (self._about if verb or continues else self._whole) or head
        subjects = [*self._joined, subject] if subject == head else [subject]
        self._joined = []
        if verb and (preposition or following is None):
            self.verbs += [(one, verb) for one in subjects]
        relation = preposition or verb
        self._whole = self._shared = None
        if not relation or following is None:
            self._about = None
            return
        self.relations += [(one, relation, following) for one in subjects if one != following]
        self._shared = (subject, relation)
        self._whole = subject if relation == "of" else None
        self._about = self._about or subject


def _gaps(heads: Sequence[_Head], tokens: Sequence[str], labels: Sequence[int]) -> list[list[str] | None]:
    """What is said behind each thing: the words that are no attributes and say something; None where the clause ends.

    Commas stay where they belong to a list, which "and" ends: "plates, cups and a vase".
    """
    found = list[list[str] | None]()
    for i in reversed(range(len(heads))):
        is_last = i + 1 == len(heads)
        stop = len(tokens) if is_last else heads[i + 1].start
        pairs = zip(tokens[heads[i].end : stop], labels[heads[i].end : stop], strict=True)
        words = [word for word, label in pairs if label == 0 and word not in _FILLERS]
        is_listed = words == [","] and bool(found) and found[-1] in ([","], ["and"], [",", "and"])
        ends = next((place for place, word in enumerate(words) if word in _STOPS), None)
        if ends is None or is_listed or words == [",", "and"]:
            found.append(words)
        else:
            found.append(words[:ends] if is_last else None)
    return found[::-1]


def _split(words: Sequence[str]) -> tuple[str, str]:
    """The verb in the infinitive and the preposition of what stands between two things; "" for what is not there.

    A verb with "of" has a measure behind it ("eating a slice of"): the thing itself is its object.

    Example:
        >>> _split(["standing", "on", "top", "of"]), _split(["riding"]), _split(["next", "to"])
        (('stand', 'on top of'), ('ride', ''), ('', 'next to'))
    """
    verb, rest = "", list(words)
    for i, word in enumerate(words):
        if word in PREPOSITIONS or word in _SIDES:
            rest = list(words[i:])
            break
        if is_verb(word) or infinitive(word) != word:
            verb, rest = infinitive(word), list(words[i + 1 :])
            break
    kept = [word for word in rest if word in PREPOSITIONS or word in _SIDES]
    while len(kept) > 1 and kept[0] in _WITH_VERB:
        kept.pop(0)
    preposition = " ".join(kept)
    return (verb, "") if verb and preposition == "of" else (verb, preposition)

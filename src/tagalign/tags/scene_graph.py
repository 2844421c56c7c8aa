"""Objects, scenes, attributes, actions and relations, as Tag2Text wants them.

Head -> object or scene, modifier -> attribute, relation -> action (Huang et al., Tag2Text, section 3.2). Heads and
modifiers come from the distilled tagger; a relation is what stands between two neighbouring heads.
"""

import itertools
from collections.abc import Sequence

from tagalign.tags.alignment import OBJECT, OBJECT_IN, spans
from tagalign.tags.distilled import DistilledParser
from tagalign.tags.lemmas import infinitive, singular
from tagalign.tags.parses import ParsedCaption
from tagalign.tags.words import word_map, word_set

_LONGEST_RELATION = 6  # tokens between two heads; more is another clause
_SKIPPED = frozenset(
    """a an the is are was were be been being am has had its his her their some this that these those very quite while
    together up there also still just slightly partially top""".split()  # noqa: SIM905
)
_STOPS = frozenset([",", ".", ";", ":", "!", "?", "and", "or", "but", "(", ")", "/", '"', "&", "-"])
PREPOSITIONS = frozenset(
    """on in at of with by near behind above below under over beside between around along across against inside outside into
    onto through from to for toward towards off down up next front underneath beneath among atop upon""".split()  # noqa: SIM905
)
_NO_ACTIONS = frozenset(["have", "be", "do", "get", "make", "show", "contain", "see", "look"])


class SceneGraphParser:
    """Objects, scenes, attributes, actions and relations.

    Args:
        tagger: finds heads and modifiers.
    """

    name = "scene-graph"
    fields = ("objects", "attributes", "pairs", "scenes", "actions", "relations")

    def __init__(self, tagger: DistilledParser | None = None) -> None:
        self._tagger = tagger or DistilledParser()

    @property
    def settings(self) -> dict[str, object]:
        """Those of the tagger, and the version of the rules."""
        return {**self._tagger.settings, "parser": self.name, "version": 1}

    def parse(self, captions: Sequence[str]) -> list[ParsedCaption]:
        """Tags of each caption; see ``Parser``."""
        return [self._parse(tokens, labels) for tokens, labels in self._tagger.label_tokens(captions)]

    def _parse(self, tokens: Sequence[str], labels: Sequence[int]) -> ParsedCaption:
        plain = self._tagger.decode(tokens, labels)
        relations = find_relations(tokens, labels)
        actions = [action_of(relation.split(" ")) for _, relation, _ in relations]
        actions += [lonely_action(attribute) for attribute in plain.attributes]
        actions += [action_of(words) for words in _endings(tokens, labels)]
        return ParsedCaption(
            objects=tuple(name for name in plain.objects if not is_scene(name)),
            attributes=plain.attributes,
            pairs=plain.pairs,
            scenes=tuple(name for name in plain.objects if is_scene(name)),
            actions=tuple(dict.fromkeys(action for action in actions if action)),
            relations=relations,
        )


def is_scene(name: str) -> bool:
    """Whether a head names a place: "busy street", "kitchen"."""
    return singular(name.rpartition(" ")[2]) in word_set("scenes")


def find_relations(tokens: Sequence[str], labels: Sequence[int]) -> tuple[tuple[str, str, str], ...]:
    """``(subject, relation, object)`` of neighbouring heads, the relation with its verb in the infinitive.

    Example:
        >>> find_relations(["a", "man", "is", "riding", "a", "horse"], [0, 1, 0, 0, 0, 1])
        (('man', 'ride', 'horse'),)
    """
    heads = [(start, end) for kind, start, end in spans(labels) if kind == "object"]
    found = []
    for (start, end), (next_start, next_end) in itertools.pairwise(heads):
        between = [
            t for t, label in zip(tokens[end:next_start], labels[end:next_start], strict=True) if label == 0
        ]
        relation = _relation(between)
        if relation and next_start - end <= _LONGEST_RELATION:
            found.append((" ".join(tokens[start:end]), relation, " ".join(tokens[next_start:next_end])))
    return tuple(dict.fromkeys(found))


def _relation(between: Sequence[str]) -> str:
    if not between or not _STOPS.isdisjoint(between):
        return ""
    words = [word for word in between if word not in _SKIPPED]
    if not words:
        return ""
    return " ".join([infinitive(words[0]) if is_verb(words[0]) else words[0], *words[1:]])


def is_verb(word: str) -> bool:
    """Whether a word between two heads can be a verb form."""
    if word in PREPOSITIONS:
        return False
    return word in word_map("verbs") or word.endswith(("ing", "ed", "s"))


def action_of(words: Sequence[str]) -> str:
    """The verb of a relation or of a clause's end; "" where there is none."""
    for word in words:
        lemma = infinitive(word)
        if word in PREPOSITIONS or lemma in _NO_ACTIONS:
            continue
        if lemma != word or word in word_set("plain_verbs"):
            return lemma
    return ""


def lonely_action(attribute: str) -> str:
    """The verb of an attribute such as "sitting down"; "" for "striped"."""
    first = attribute.split(" ", 1)[0]
    return infinitive(first) if first.endswith("ing") and infinitive(first) in word_set("plain_verbs") else ""


def _endings(tokens: Sequence[str], labels: Sequence[int]) -> list[list[str]]:
    """What follows the last head of a clause: "a dog runs", "two boys playing"."""
    ends = []
    for position, label in enumerate(labels):
        following = labels[position + 1] if position + 1 < len(labels) else 0
        if label in (OBJECT, OBJECT_IN) and following == 0:
            words = list[str]()
            for token, next_label in zip(tokens[position + 1 :], labels[position + 1 :], strict=True):
                if next_label != 0 or token in _STOPS or len(words) == 3:
                    break
                if token not in _SKIPPED:
                    words.append(token)
            if words and is_verb(words[0]):
                ends.append(words[:1])
    return ends

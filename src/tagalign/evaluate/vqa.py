"""VQA accuracy: answers normalised like the challenge does, compared with ten people."""

import re
from collections.abc import Sequence

from tagalign.errors import InputError

AGREEING = 3  # people who must have said an answer for full marks

NUMBERS = {"none": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5} | {
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
ARTICLES = frozenset({"a", "an", "the"})
_PUNCTUATION = tuple(';/[]"{}()=+\\_-><@`,?!')  # of the official tool, in its order
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")

# words people type without their apostrophe; only those whose plain form is no other English word
_SHORT = """
aint arent cant couldve couldnt couldn'tve couldnt've didnt doesnt dont hadnt hadnt've hadn'tve hasnt havent hed hed've
he'dve hes howd howll hows isnt itd itd've it'dve itll let's maam mightnt mightnt've mightn'tve mightve
mustnt mustve neednt notve oclock oughtnt shant shed've she'dve shouldve shouldnt shouldnt've shouldn'tve somebodyd
somebodyd've somebody'dve somebodyll somebodys someoned someoned've someone'dve someonell someones somethingd
somethingd've something'dve somethingll thats thered thered've there'dve therere theres theyd theyd've they'dve theyll
theyre theyve twas wasnt wed've we'dve weve werent whatll whatre whats whatve whens whered wheres whereve whod whod've
who'dve wholl whos whove whyll whyre whys wont wouldve wouldnt wouldnt've wouldn'tve yall yall'll y'allll yall'd've
y'alld've y'all'dve youd youd've you'dve youll youre youve
""".split()  # noqa: SIM905 - a hundred lines otherwise
_TAILS = ("n't've", "'d've", "n't", "'ve", "'ll", "'re", "'d", "'s", "'m")
_SPECIAL = {
    "aint": "ain't", "maam": "ma'am", "oclock": "o'clock", "let's": "let's", "twas": "'twas",
    "shant": "shan't", "wont": "won't", "cant": "can't", "yall": "y'all", "yall'll": "y'all'll", "y'allll": "y'all'll",
    "yall'd've": "y'all'd've", "y'alld've": "y'all'd've", "y'all'dve": "y'all'd've",
}  # fmt: skip


def _with_apostrophe(short: str) -> str:
    plain = short.replace("'", "")
    for tail in _TAILS:
        bare = tail.replace("'", "")
        if plain.endswith(bare) and len(plain) > len(bare):
            return plain[: -len(bare)] + tail
    return short


CONTRACTIONS = {short: _SPECIAL.get(short) or _with_apostrophe(short) for short in _SHORT}


def normalize_answer(answer: str) -> str:
    """Lower case, punctuation removed, articles dropped, number words as digits, apostrophes put back.

    Example:
        >>> normalize_answer("The Two dogs, dont")
        "2 dogs don't"
    """
    return _words(_strip_punctuation(_one_line(answer)))


def _one_line(answer: str) -> str:
    return answer.replace("\n", " ").replace("\t", " ").strip()


def _strip_punctuation(text: str) -> str:
    out = text
    for mark in _PUNCTUATION:
        # a mark beside a space, or a comma inside a number, goes without a trace; any other parts two words
        if f"{mark} " in text or f" {mark}" in text or _COMMA_IN_NUMBER.search(text):
            out = out.replace(mark, "")
        else:
            out = out.replace(mark, " ")
    return _PERIOD.sub("", out)


def _words(text: str) -> str:
    kept = [str(NUMBERS.get(word, word)) for word in text.lower().split() if word not in ARTICLES]
    return " ".join(CONTRACTIONS.get(word, word) for word in kept)


def vqa_accuracy(answer: str, truths: Sequence[str]) -> float:
    """How many people agree: mean over the answers of ``min(1, others who said the same / 3)``.

    Answers are normalised when people differ, as in the challenge's tool; when all say the same, only white space is.

    Args:
        answer: of the model.
        truths: of people, ten in VQA v2. With a single one the result is 1 or 0.

    Returns:
        In [0, 1].

    Raises:
        InputError: without any answer of people.

    Reference:
        Antol et al., arXiv 1505.00468, with the averaging over subsets of the official tool.
    """
    if not truths:
        raise InputError(
            "expected at least one answer of people, got none; test splits are scored by their server"
        )
    given, wanted = _one_line(answer), [_one_line(truth) for truth in truths]
    if len(set(wanted)) > 1:
        wanted = [_strip_punctuation(truth) for truth in wanted]
        given = _words(_strip_punctuation(given))
    if len(wanted) == 1:
        return float(normalize_answer(given) == normalize_answer(wanted[0]))
    same = [truth == given for truth in wanted]
    matches = sum(same)
    return sum(min(1.0, (matches - own) / AGREEING) for own in same) / len(same)

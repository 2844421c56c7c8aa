"""Proposed labels as a page: how often and how well each fits, and the photos that it fits best."""

from collections.abc import Callable, Sequence

from markupsafe import Markup
from PIL import Image

from tagalign.errors import TagalignError
from tagalign.pages.document import code, document, fold, joined, note, section
from tagalign.pages.pictures import data_uri, figure, gallery
from tagalign.pages.tables import facts, table, track
from tagalign.tasks.suggesting import Proposal

THUMBNAIL = 160

Opener = Callable[[str], Image.Image]


def render_suggestions(
    proposals: Sequence[Proposal],
    *,
    title: str,
    details: Sequence[tuple[str, str]],
    file: str,
    opener: Opener,
) -> str:
    """The page.

    Args:
        proposals: best first; may be empty.
        title: its heading.
        details: what the run was: pairs of a word and a value.
        file: the text of the label file.
        opener: from a key to its image; one that raises shows the name alone.
    """
    lead = f"{len(proposals)} labels that nobody typed, best first. Strike out what you do not want and tag with the rest."
    return document(
        title,
        Markup('<header><h1>{}</h1><p class="lead">{}</p></header>\n').format(title, lead),
        section("The run", facts(details)),
        section(
            "Labels", _overview(proposals), fold("labels.txt, to be edited", code(file)) if proposals else ""
        ),
        joined(section(one.name, note(_facts(one)), _examples(one, opener)) for one in proposals),
    )


def _overview(proposals: Sequence[Proposal]) -> Markup:
    if not proposals:
        return note("No photo could be read, so nothing fits.")
    most = max(one.weight for one in proposals) or 1
    rows = [
        (
            one.name,
            ", ".join(one.aliases),
            f"{one.photos:,}",
            f"{one.score:.2f}",
            track([(one.weight / most, "", "")]),
        )
        for one in proposals
    ]
    return table(("label", "near-synonyms", "photos", "score", "weight"), rows, numbers=(2, 3))


def _facts(one: Proposal) -> str:
    words = [
        f"named by {one.photos:,} {'photo' if one.photos == 1 else 'photos'}, mean score {one.score:.2f}"
    ]
    if one.captions is not None:
        words.append(f"in {one.captions:,} captions")
    if one.aliases:
        words.append(f"also: {', '.join(one.aliases)}")
    return "; ".join(words)


def _examples(one: Proposal, opener: Opener) -> Markup:
    if not one.examples:
        return note("no photo names it among its best")
    return gallery(
        figure(_thumbnail(key, opener), Markup("{:.2f}<br>{}").format(score, key), alt=one.name)
        for key, score in one.examples
    )


def _thumbnail(key: str, opener: Opener) -> str:
    try:
        return data_uri(opener(key), max_side=THUMBNAIL)
    except TagalignError:
        return ""

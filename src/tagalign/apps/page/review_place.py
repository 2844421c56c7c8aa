"""Where a browser is in its review: the photo that it shows, what that was asked with, and which tab it is.

The browser itself holds it, in one text that it sends together with what is checked: a decision is about the photo that the
person saw, whatever the server did since.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from tagalign.apps.page.texts import say
from tagalign.errors import InputError
from tagalign.json_text import json_text


@dataclass(frozen=True, kw_only=True)
class ReviewPlace:
    """What a tab of a browser shows.

    Attributes:
        store: name of what is reviewed; empty for what the page was started with.
        number: of the photo, from 0.
        photo: its key.
        labels: it was asked with.
        method: by name.
        again: whether the model was asked where the results of a run are at hand.
        seen: mark of the decision about the photo that was known then.
        tab: of the browser; it takes back its own decisions only.
    """

    store: str = ""
    number: int = 0
    photo: str = ""
    labels: str = ""
    method: str = ""
    again: bool = False
    seen: str = ""
    tab: str = ""

    def text(self) -> str:
        """As a browser holds it."""
        return json_text(asdict(self))


def place_of(text: str) -> ReviewPlace:
    """A place from its text.

    Raises:
        InputError: if a browser sends anything else.
    """
    try:
        values: Any = json.loads(text)
        found = ReviewPlace(**values)
    except (TypeError, ValueError) as error:
        raise InputError(say("errors.place")) from error
    if any(type(getattr(found, one.name)) is not one.type for one in fields(found)) or found.number < 0:
        raise InputError(say("errors.place"))
    return found


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was checked on a photo and not decided before its page was loaded anew.

    Attributes:
        place: that was shown.
        tags: checked.
        titles: of the masks that were checked.
    """

    place: ReviewPlace
    tags: tuple[str, ...]
    titles: tuple[str, ...]


def draft_of(text: str) -> Draft | None:
    """A draft from the text of a browser; None where there is none, or nothing that could be one."""
    try:
        values = json.loads(text)
        tags, titles = (tuple(map(str, values[name])) for name in ("tags", "titles"))
        return Draft(place=place_of(values["place"]), tags=tags, titles=titles)
    except (TypeError, ValueError, KeyError, InputError):
        return None

"""``tagalign import``: one word chooses what is read."""

from tagalign.cli.verbs.imports.annotations import Annotations, import_annotations
from tagalign.cli.verbs.imports.clip import Clip, import_clip_folder
from tagalign.cli.verbs.imports.tag2text import Tag2text, import_tag2text

ImportSettings = Clip | Tag2text | Annotations


def run(settings: ImportSettings) -> int:
    """Read one kind of thing."""
    if isinstance(settings, Annotations):
        return import_annotations(settings)
    return import_clip_folder(settings) if isinstance(settings, Clip) else import_tag2text(settings)

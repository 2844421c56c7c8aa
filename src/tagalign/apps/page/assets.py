"""Style sheets and scripts of the page, from the files beside it."""

from importlib import resources


def static_text(name: str) -> str:
    """A file of ``static/``."""
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")

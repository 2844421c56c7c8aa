"""``tagalign ask``: the answer to a question about a photo."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tagalign.cli.caption import generator_options
from tagalign.cli.common import ModelFlags, print_json, warn_tiny
from tagalign.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class AskSettings(ModelFlags):
    """Ask a question about a photo and print the answer.

    Example: tagalign ask photo.jpg "what color is the car?" --model my-tag2text
    """

    image: Annotated[Path, tyro.conf.Positional]
    """The photo."""
    question: Annotated[str, tyro.conf.Positional]
    """The question, in quotes."""
    use_tags: bool = True
    """Join the recognised tags to the question."""
    threshold: str | None = None
    """Which tags count as recognised: `absolute:0.5`, `top:5`, ..."""
    beams: int = 3
    """Beam search with so many hypotheses; 1 is greedy."""
    json: bool = False
    """Print a JSON object with the answer and the tags."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.question.strip():
            raise InputError("expected a question such as 'what color is the car?', got an empty one")
        if self.beams < 1:
            raise InputError(f"--beams must be at least 1, got {self.beams}")


def run(settings: AskSettings) -> int:
    """Answer on standard output."""
    warn_tiny(settings.model, "FOLDER with a trained Tag2Text")
    import tagalign
    from tagalign.tasks.answering import BatchAnswerer

    model = tagalign.load(settings.model, **generator_options(settings), num_beams=settings.beams)
    method = model.method
    if not isinstance(method, BatchAnswerer):
        raise InputError(
            f"method {method.method!r} answers no questions; use a Tag2Text model (--method tag2text)"
        )
    image = model.encode_image(settings.image)
    answer = method.answers([image], [settings.question], use_tags=settings.use_tags)[0]
    if settings.json:
        tags = (
            list(method.recognise(image).tags) if settings.use_tags and hasattr(method, "recognise") else []
        )
        print_json(
            {"path": str(settings.image), "question": settings.question, "answer": answer, "tags": tags}
        )
    else:
        print(answer)
    return 0

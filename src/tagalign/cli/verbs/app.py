"""``tagalign app``: the web page."""

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tagalign.backbones.packaged import PACKAGED
from tagalign.cli.shared.choices import Order
from tagalign.cli.shared.look_flow import look_option
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.renamed import Formerly
from tagalign.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import gradio

    from tagalign.apps.page.review_opening import ReviewOpener
    from tagalign.apps.page.review_store import ReviewStore
    from tagalign.apps.page.studio import Studio

EXAMPLES = 6
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PHOTO_LABELS = "person, dog, cat, car, tree, grass, sky, building, road, water"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AppSettings(ModelFlags):
    """Open a web page: drop a photo, type labels, see tags, masks, heat maps; compare methods; review a folder.

    Example: tagalign app --model openai/clip-vit-base-patch16 --review photos/ --labels "dog,grass,sky"
    """

    labels: str | None = None
    """Labels to start with, between commas."""
    examples: Path | None = None
    """A folder of photos to choose from; with `tiny` or `tiny-plain`, drawn scenes are offered."""
    looks: Annotated[tuple[Path, ...], Formerly("look")] = ()
    """Looks at folders (from `tagalign look`) to choose from, for tags that are seen against a folder."""
    review: Path | None = None
    """A folder of photos to review one by one."""
    queue: Path | None = None
    """Results of `tag` or `segment` to review instead: photos most likely to be wrong come first, and the page says how many
    of all tags are right."""
    order: Order = "auto"
    """With --queue: what is most likely wrong; as of `tag`."""
    out: Path | None = None
    """Folder for the decisions of the review and what is exported from them; by default `review`, or that below --queue."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets the network in."""
    port: int = 7860
    """Port to listen on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.port < 65536:
            raise InputError(f"--port must be 1 to 65535, got {self.port}")
        if self.review is not None and self.queue is not None:
            raise InputError("--review takes photos and --queue results of photos; leave out one")
        if self.order != "auto" and self.queue is None:
            raise InputError("--order belongs to --queue; add the results of a run, or leave it out")


def run(settings: AppSettings) -> int:
    """Show the page until Ctrl-C."""
    _check_typed(settings)
    # before gradio is imported: nothing is sent anywhere, nothing is asked for
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the web page", "gradio", "app") from error
    from tagalign.apps.page.page import launch

    page, review = make_page(settings)
    warn_tiny(settings.model)
    print(f"the page is at http://{settings.host}:{settings.port} (Ctrl-C to stop)", file=sys.stderr)
    try:
        launch(page, host=settings.host, port=settings.port, out=None if review is None else review.out)
    except OSError as error:  # gradio's word for a port that is taken
        raise InputError(f"cannot listen on {settings.host}:{settings.port} ({error})") from error
    return 0


def _check_typed(settings: AppSettings) -> None:
    """Refuse what was typed wrongly, before anything heavy is imported."""
    for flag, folder in {"--review": settings.review, "--examples": settings.examples}.items():
        if folder is not None and not folder.is_dir():
            raise InputError(f"{flag} {folder}: expected a folder of photos")
    for look in settings.looks:
        look_option(look)
    if settings.queue is None:
        settings.whole_model_options()
    else:  # results of a run are shown without a model
        from tagalign.tasks.photos.result_labels import result_names

        result_names(settings.queue)


def make_page(settings: AppSettings) -> "tuple[gradio.Blocks, ReviewStore | None]":
    """The page that these flags ask for, and what is reviewed on it."""
    from tagalign.apps.page.page import build_page

    is_tiny = settings.model in PACKAGED
    review = _review(settings)
    labels = settings.labels or (_drawn_names() if is_tiny else PHOTO_LABELS)
    if review is not None and review.queue is not None:
        labels = settings.labels or ", ".join(review.queue.asked)
    page = build_page(
        _studio(settings),
        model=settings.model,
        examples=_examples(settings),
        labels=labels,
        review=review,
        opener=_opener(settings),
        notice=is_tiny,
    )
    return page, review


def _studio(settings: AppSettings) -> "Studio":
    import tagalign
    from tagalign.apps.page.studio import WRITER, Studio, usable_methods
    from tagalign.methods.request import trained_type
    from tagalign.methods.table import DEFAULTS, METHODS, training_free
    from tagalign.tasks.model import Model

    options = {name: value for name, value in settings.whole_model_options().items() if name != "method"}

    def open_model(method: str) -> Model:
        return tagalign.load(settings.model, method=method, **options)

    trained = trained_type(settings.model)
    is_tiny = settings.model in PACKAGED
    first = settings.method or trained or DEFAULTS["segment"]
    # Tag2Text and GroupViT are models of their own: a CLIP may lie below, but it is not what was opened
    rest = [] if trained in {"tag2text", "groupvit"} else list(training_free())
    known = [trained] if trained else []
    packaged = usable_methods(open_model, [WRITER]) if is_tiny else []
    usable = list(dict.fromkeys([first, *known, *rest, *packaged]))
    studio = Studio(
        open_model,
        usable,
        # what is missing for the others is said when one is chosen
        offered=list(dict.fromkeys([*usable, *METHODS])),
        started=settings.method_options(),
        looks={str(look): look for look in settings.looks},
    )
    if settings.queue is None:  # results of a run are shown without a model
        studio.model(first)  # what cannot be opened is said before the page is there
    return studio


def _review(settings: AppSettings) -> "ReviewStore | None":
    if settings.queue is not None:
        from tagalign.apps.page.review_opening import open_run

        return open_run(settings.queue, None if settings.order == "auto" else settings.order, settings.out)
    if settings.review is None:
        return None
    from tagalign.apps.page.review_opening import open_photos

    return open_photos(settings.review, settings.out)


def _opener(settings: AppSettings) -> "ReviewOpener | None":
    """Folders are opened from the page by whoever sits at this machine, and by nobody else on the network."""
    from tagalign.apps.page.review_opening import open_place

    if settings.host not in LOOPBACK:
        return None
    return lambda name: open_place(Path(name).expanduser(), settings.out)


def _examples(settings: AppSettings) -> list[str]:
    if settings.examples is not None:
        from tagalign.apps.page.review_opening import photos_of
        from tagalign.tasks.photos.keys import path_of

        # a browser is sent text
        paths = [name for name in photos_of(settings.examples) if path_of(name) == name]
        return [str(settings.examples.resolve() / name) for name in paths[: 2 * EXAMPLES]]
    return _drawn_scenes() if settings.model in PACKAGED else []


def _drawn_names() -> str:
    """Every kind that is drawn, so that whatever an example shows has its label."""
    from tagalign.data.tiny_world.names import CLASS_SETS

    return ", ".join(CLASS_SETS["all"])


def _drawn_scenes() -> list[str]:
    """Scenes drawn for the occasion: they are what `tiny` knows."""
    from PIL import Image

    from tagalign.data.tiny_world import TinyWorld
    from tagalign.temporary import folder_of_process

    folder = folder_of_process("scenes")
    paths = []
    for i, scene in enumerate(TinyWorld(seed=7, split="test").take(EXAMPLES)):
        path = folder / f"scene {i + 1}.png"
        Image.fromarray(scene.image).save(path)
        paths.append(str(path))
    return paths

"""Shared pieces of the tests: a random CLIP folder, photos with known regions."""

import gc
import inspect
import os
import re
import signal
import sys
import warnings
from collections import Counter
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


# no test of the clock: Hypothesis fails an example of more than 200 ms, which on a busy machine each can be
hypothesis.settings.register_profile("tagalign", deadline=None)
hypothesis.settings.load_profile("tagalign")

NOT_ON_WINDOWS = re.compile(r"SIGKILL|mkfifo|/dev/|os\.fork|rlimit|symlink_to|chmod|geteuid|kills")


def pytest_collection_modifyitems(items):
    """No two of one name, of which several processes would run only one and not say so; files with a slow test first.

    Processes take one file after the other: one that took a minute at the end would leave the others without work.
    """
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"tests share a name: {', '.join(twice)}")
    with_slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in with_slow)
    for item in items if sys.platform == "win32" else ():
        if isinstance(item, pytest.Function) and NOT_ON_WINDOWS.search(inspect.getsource(item.function)):
            item.add_marker(
                pytest.mark.skip(reason="uses what Windows lacks, or allows administrators alone")
            )


def pytest_collection_finish():
    """Millions of objects of modules and tests stay to the end: the collector of garbage need not walk over them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def ctrl_c_as_before():
    """A verb that is interrupted in this process ignores further presses for good; the next test must hear them."""
    before = signal.getsignal(signal.SIGINT)
    yield
    if signal.getsignal(signal.SIGINT) is not before:
        signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def threads_as_before():
    """A verb with ``--threads`` sets those of this process: left at two, each later test waits for the tests beside it."""
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    yield
    if before is not None and torch.get_num_threads() != before:
        torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk():
    """No power is cut: a file need not be on the disk before it gets its name, which takes milliseconds, thousands of times.

    Runs in processes of their own do wait.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which refuses a descriptor that is closed, too
        yield


@pytest.fixture(scope="session", autouse=True)
def cache_root(tmp_path_factory):
    """What is kept between runs never lies in the user's cache; also for what modules and sessions share."""
    root = tmp_path_factory.mktemp("cache")
    before = os.environ.get("TAGALIGN_CACHE")
    os.environ["TAGALIGN_CACHE"] = str(root / "shared")
    yield root
    os.environ.pop("TAGALIGN_CACHE", None)
    if before is not None:
        os.environ["TAGALIGN_CACHE"] = before


@pytest.fixture(autouse=True)
def own_cache(cache_root, request):
    """Nor does a test see what another one kept. Without ``monkeypatch``, which tests over many examples may not use."""
    shared = os.environ["TAGALIGN_CACHE"]
    os.environ["TAGALIGN_CACHE"] = str(cache_root / str(abs(hash(request.node.nodeid))))
    yield
    os.environ["TAGALIGN_CACHE"] = shared


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    """A random CLIP of eight layers, 8-pixel patches, 32-pixel input."""
    from tagalign.testing.clip_folder import make_clip_folder

    return make_clip_folder(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def backbone(clip_folder):
    """The same, opened."""
    from tagalign.backbones.load import load_backbone

    return load_backbone(str(clip_folder))


@pytest.fixture
def unchecked_types():
    """No run-time checks of types: for tests of many values, whose time they would take; small ones check the types."""
    import jaxtyping

    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def photo() -> Image.Image:
    """60 x 44 pixels (width x height): left half red, right half blue, with a little noise."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 40, (44, 60, 3), dtype=np.uint8)
    pixels[:, :30, 0] += 200
    pixels[:, 30:, 2] += 200
    return Image.fromarray(pixels)


@pytest.fixture
def photo_file(photo, tmp_path) -> Path:
    """The photo as a PNG."""
    path = tmp_path / "photo.png"
    photo.save(path)
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real photos and captions beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data at {SHARED}")
    return SHARED


warnings.filterwarnings("ignore", message=".*flex_attention.*")

"""A small companion answers to the name of the default one: no test fetches 350 MB."""

import pytest

from tagalign.backbones.companion_names import DEFAULT
from tagalign.testing.companion_folder import make_companion_folder

OTHER = "other/companion"


@pytest.fixture(scope="session", autouse=True)
def small_companions(tmp_path_factory):
    """Folders by the names that stand for them."""
    from tagalign.methods.proxy import build

    root = tmp_path_factory.mktemp("companions")
    folders = {
        DEFAULT: make_companion_folder(root / "dinov2"),
        OTHER: make_companion_folder(root / "vit", kind="vit", patch_size=4, seed=1),
    }
    load = build.load_companion
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            build, "load_companion", lambda name, **more: load(str(folders.get(name, name)), **more)
        )
        yield folders

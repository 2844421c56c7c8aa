"""A small companion answers to the name of the default one: no test fetches 350 MB."""

import pytest
from every_method import companion_folders


@pytest.fixture(scope="session", autouse=True)
def small_companions(tmp_path_factory):
    """Folders by the names that stand for them."""
    from tagalign.methods.proxy import build

    folders = companion_folders(tmp_path_factory.mktemp("companions"))
    load = build.load_companion
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            build, "load_companion", lambda name, **more: load(str(folders.get(name, name)), **more)
        )
        yield folders

"""Files of images stay inside the folder of results, whatever the image is called."""

from pathlib import Path

import pytest

from tagalign.errors import InputError
from tagalign.export.paths import inside


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("cat.jpg", "out/cat.txt"),
        ("day/cat.tar.gz", "out/day/cat.tar.txt"),
        ("a\\b.png", "out/a/b.txt"),
        (".hidden", "out/.hidden.txt"),
    ],
)
def test_folders_stay_and_the_ending_changes(name, path):
    assert inside(Path("out"), name, ".txt") == Path(path)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up.jpg", "a/../../up.jpg", "a\\..\\..\\up.jpg", "", "C:/x.jpg", "C:\\x.jpg"]
)
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(InputError, match="inside the folder of the images"):
        inside(Path("out"), name, ".txt")

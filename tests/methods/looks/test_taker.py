"""A method that takes a look says so in its options: a variant of it, as a server makes one, keeps the look."""

import pytest

from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.looks.files import write_look
from tagalign.methods.looks.look import Look, Photos
from tagalign.methods.looks.profiles import look_profile
from tagalign.ops.looks.moments import Moments

LABELS = LabelSet(name="custom", labels=(Label(name="dog"), Label(name="car")))
TAKERS = ("clip", "tagclip", "clip-cls", "cls-seg", "gated", "piaa")


@pytest.fixture
def look_for(tmp_path):
    """A look that fits a method; what it learned does not matter here."""

    def written(method):
        look = Look(
            facts=method.look_facts(),
            labels=LABELS,
            profile=look_profile("fixed"),
            photos=Photos(count=1, mark=1),
            moments=Moments.zeros(2),
        )
        write_look(tmp_path, look)
        return tmp_path

    return written


@pytest.mark.parametrize("name", TAKERS)
def test_options_name_the_look_that_was_taken(clip_folder, look_for, name):
    plain = load_method(str(clip_folder), method=name)
    folder = look_for(plain)
    looked = plain.with_look(folder)
    opened = load_method(str(clip_folder), method=name, look=folder)
    assert looked.given == opened.given
    assert looked.options == opened.options
    assert looked.describe() == opened.describe() != plain.describe()
    assert plain.step is None
    assert plain.given.look is None


def test_a_variant_of_a_looked_method_keeps_the_look(clip_folder, look_for):
    plain = load_method(str(clip_folder), method="tagclip")
    looked = plain.with_look(look_for(plain))
    assert looked.with_options(looked.given).step.look.mark() == looked.step.look.mark()

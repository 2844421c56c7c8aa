"""A dropped photo comes as the path of its file, and an error that a person can mend as a message."""

from types import SimpleNamespace

import pytest

pytest.importorskip("gradio")

import gradio as gr

from tagalign.apps.page.photo_input import photo_input, told
from tagalign.errors import InputError


def test_the_component_gives_the_path_and_opens_nothing():
    photo = photo_input(label="Photo")
    assert photo.preprocess(SimpleNamespace(path="/no/such/file.jpg")) == "/no/such/file.jpg"
    assert photo.preprocess(None) is None
    assert photo.label == "Photo"


def test_an_error_that_can_be_mended_is_told_and_others_are_not():
    @told
    def answer(kind):
        raise kind("labels: \udce9 is no text")

    with pytest.raises(gr.Error) as found:
        answer(InputError)
    str(found.value.message).encode()  # a browser takes it
    with pytest.raises(KeyError):
        answer(KeyError)
    assert told(lambda x: x + 1)(1) == 2

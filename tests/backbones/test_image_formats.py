"""Endings that are taken for photos: what Pillow writes under them it can read again, and no document is among them."""

import io

import pytest
from PIL import Image

from tagalign.backbones.image_formats import image_suffixes


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp", ".tif", ".bmp", ".gif", ".mpo"])
def test_an_ending_that_people_have_is_taken_and_readable(suffix):
    assert suffix in image_suffixes()
    kind = Image.registered_extensions()[suffix]
    file = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(file, format=kind)
    assert Image.open(file).size == (3, 2)


@pytest.mark.parametrize("suffix", [".eps", ".pdf", ".ico", ".mpg", ".h5", ".txt", ".json", ""])
def test_vectors_documents_and_movies_are_not_taken(suffix):
    assert suffix not in image_suffixes()


def test_endings_are_lower_case_with_their_dot():
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in image_suffixes())

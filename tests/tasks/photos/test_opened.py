"""The sizes of an opened photo: of the file, of what was decoded, of what the encoder gets."""

import torch

from tagalign.tasks.photos.opened import OpenedPhoto
from tagalign.tasks.photos.source import PhotoSource

SOURCE = PhotoSource(path="a.jpg")


def test_a_photo_that_was_decoded_whole():
    photo = OpenedPhoto(source=SOURCE, size=(30, 40))
    assert (photo.shape, photo.photo_size) == ((30, 40), (30, 40))


def test_one_that_was_shrunk_and_laid():
    photo = OpenedPhoto(source=SOURCE, size=(30, 40), full_size=(300, 400), pixels=torch.zeros(3, 32, 48))
    assert (photo.shape, photo.photo_size) == ((3, 32, 48), (300, 400))

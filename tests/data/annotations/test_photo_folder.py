"""Whatever a tool calls a photo, the right one is found, or it is said why none is."""

import pytest
from annotation_toys import save_photos

from tagalign.data.annotations.photo_folder import PhotoFolder, PhotoNotFound
from tagalign.errors import DataError, InputError

NAMES = (
    "a b.jpg", "a,b.jpg", "a'b\".jpg", "写真 1.jpg", "cafe\u0301.jpg", "50%.jpg", "%41.jpg", "A.jpg", "day 1/x.jpg",
    "day 2/x.jpg",
    "day 2/deep/only.png", "my photo (1).jpg", "a#b.jpg", "a+b.jpg", "photo.v1.jpg",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos")
    save_photos(path, *NAMES, size=(4, 6))
    return PhotoFolder(path)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_leads_to_itself_and_its_windows_path_does(folder, name):
    assert folder.find(name).place == name
    assert folder.find("D:\\work\\photos\\" + name.replace("/", "\\")).place == name
    assert folder.find(f"/home/me/photos/{name}").place == name
    assert folder.find(str(folder.folder / name)).place == name


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("/data/upload/3/0a1b2c3d-a%20b.jpg", "a b.jpg"),
        ("/data/upload/0a1b2c3d-my_photo_1.jpg", "my photo (1).jpg"),
        ("/data/local-files/?d=day%201/x.jpg", "day 1/x.jpg"),
        ("/data/local-files/?d=C:%5Cphotos%5Cday%202%5Cx.jpg", "day 2/x.jpg"),
        ("https://host:8080/files/day%202/x.jpg?X-Amz-Signature=1&a=b", "day 2/x.jpg"),
        ("s3://bucket/some/where/only.png", "day 2/deep/only.png"),
        ("file:///C:/photos/a%2Cb.jpg", "a,b.jpg"),
        ("https://host/50%25.jpg", "50%.jpg"),
        ("https://host/%2541.jpg", "%41.jpg"),
        ("https://host/a%23b.jpg#top", "a#b.jpg"),
        ("http://host/a+b.jpg", "a+b.jpg"),
        ("caf%C3%A9.jpg", "cafe\u0301.jpg"),
    ],
)  # fmt: skip
def test_addresses(folder, name, place):
    assert folder.find(name, is_address=True).place == place


@pytest.mark.parametrize(
    ("name", "place"),
    [("ONLY.PNG", "day 2/deep/only.png"), ("caf\u00e9.JPG", "cafe\u0301.jpg"), ("a b", "a b.jpg"),
     ("train/day 1/x", "day 1/x.jpg"),
     ("photo.v1", "photo.v1.jpg"), ("./day 1//x.jpg", "day 1/x.jpg"), ("a.jpg", "A.jpg")],
)  # fmt: skip
def test_case_unicode_form_and_a_missing_ending_do_not_matter(folder, name, place):
    assert folder.find(name).place == place


@pytest.mark.parametrize(
    "name", ["none.jpg", "", "/", "..", "only.jpg", "data:image/png;base64,AAAA", "https://host/", "http://["]
)
def test_what_is_not_there_is_said(folder, name):
    with pytest.raises(PhotoNotFound):
        folder.find(name)


def test_one_name_in_two_folders_is_nobodys_guess(folder):
    with pytest.raises(PhotoNotFound, match=r"2 photos have this name: day 1/x\.jpg, day 2/x\.jpg"):
        folder.find("x.jpg")
    with pytest.raises(PhotoNotFound):
        folder.find("day 3/x.jpg")


def test_nothing_outside_of_the_folder_is_opened(tmp_path):
    save_photos(tmp_path, "secret.jpg", "in/a.jpg")
    inside = PhotoFolder(tmp_path / "in")
    for name in ("../secret.jpg", str(tmp_path / "secret.jpg"), "..\\secret.jpg", "%2e%2e/secret.jpg"):
        with pytest.raises(PhotoNotFound):
            inside.find(name, is_address=True)


def test_sizes_are_those_of_the_upright_photo(tmp_path):
    save_photos(tmp_path, "flat.jpg", size=(4, 6))
    save_photos(tmp_path, "turned.jpg", size=(4, 6), orientation=6)
    save_photos(tmp_path, "odd.jpg", size=(4, 6), orientation=77)
    photos = PhotoFolder(tmp_path)
    assert [photos.find(n).size for n in ("flat", "turned", "odd")] == [(4, 6), (6, 4), (4, 6)]
    assert [photos.find(n).stored_size for n in ("flat", "turned")] == [(4, 6), (4, 6)]


def test_a_damaged_photo_is_said_and_results_of_ours_are_no_photos(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    save_photos(tmp_path, "out/masks/b.png", "b.png")
    (tmp_path / "out/import.json").write_text("{}")
    save_photos(tmp_path, "masks/b.png")
    (tmp_path / "masks/run-00000-of-00001.json").write_text("{}")
    photos = PhotoFolder(tmp_path)
    with pytest.raises(DataError, match="the photo is damaged"):
        photos.find("a.jpg")
    assert photos.find("elsewhere/b.png").place == "b.png"
    with pytest.raises(InputError, match="expected the folder of the photos"):
        PhotoFolder(tmp_path / "nowhere")

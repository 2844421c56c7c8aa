import os

import pytest

from tagalign.errors import ImageError, InputError
from tagalign.integrations.label_studio.places import LocalPhoto, WebPhoto, photo_of


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "media"
    for path in ("upload/3/a b.jpg", "upload/3/50%25.jpg", "day/x.jpg", "day/é+.jpg"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return root


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/data/upload/3/a%20b.jpg", "upload/3/a b.jpg"),
        ("/data/upload/3/a b.jpg?token=1", "upload/3/a b.jpg"),
        ("upload/3/a b.jpg", "upload/3/a b.jpg"),
        ("/data/upload/3/50%25.jpg", "upload/3/50%25.jpg"),
        ("http://localhost:8080/data/upload/3/a%20b.jpg", "upload/3/a b.jpg"),
        ("/storage-data/uploaded/?filepath=upload/3/a%20b.jpg", "upload/3/a b.jpg"),
        ("/data/local-files/?d=day/x.jpg", "day/x.jpg"),
        ("/data/local-files/?d=day%2F%C3%A9%2B.jpg", "day/é+.jpg"),
        (r"/data/local-files/?d=day\x.jpg", "day/x.jpg"),
        ("day/x.jpg", "day/x.jpg"),
        (r"day\x.jpg", "day/x.jpg"),
        (" day/../day/x.jpg ", "day/x.jpg"),
        (r"C:\day\x.jpg", "day/x.jpg"),
        ("s3://bucket/day/x.jpg", "day/x.jpg"),
    ],
)
def test_photos_are_found_as_label_studio_and_people_write_them(folder, value, path):
    found = photo_of({"image": value}, "image", [folder.parent / "none", folder])
    assert found == LocalPhoto(folder=folder.resolve(), path=path)
    assert found.read(100) == path.encode()


def test_uploads_lie_below_the_folder_of_the_uploads_too(folder):
    found = photo_of({"a": {"b": "/data/upload/3/a b.jpg"}}, "a.b", [folder / "upload"])
    assert found.path == "3/a b.jpg"
    whole = photo_of({"image": str(folder / "day/x.jpg")}, "image", [folder])
    assert whole.path == "day/x.jpg"
    by_file = photo_of({"image": (folder / "day/x.jpg").as_uri()}, "image", [folder])
    assert by_file.path == "day/x.jpg"


@pytest.mark.parametrize(
    "value",
    [
        "../secret.jpg",
        "/data/local-files/?d=../secret.jpg",
        "/data/local-files/?d=%2e%2e%2fsecret.jpg",
        "/data/upload/../../secret.jpg",
        "/data/upload/%2e%2e/%2e%2e/secret.jpg",
        "file:///etc/hostname",
        "/etc/hostname",
        "link.jpg",
        "circle.jpg",
        "pipe.jpg",
        "day",
        "day/none.jpg",
        "day/x.jpg\0",
        "s3://bucket/x.jpg",
        "http://[",
        "",
        "x" * 5000,
    ],
)
def test_nothing_outside_the_folders_and_no_pipe_is_read(folder, value):
    (folder / "link.jpg").symlink_to("../secret.jpg")
    (folder / "circle.jpg").symlink_to("circle.jpg")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.jpg")
    if value == "http://[":
        assert photo_of({"image": value}, "image", [folder]) == WebPhoto(
            address=value
        )  # its fetcher refuses it
        return
    with pytest.raises(InputError, match="image") as refused:
        photo_of({"image": value}, "image", [folder])
    assert "\n" not in str(refused.value)
    assert str(folder) not in str(refused.value)


@pytest.mark.parametrize("data", [{}, {"image": None}, {"image": 3}, {"image": ["a.jpg"]}])
def test_a_task_without_an_address_is_refused(data):
    with pytest.raises(InputError, match=r"data\.image: expected the address of a photo"):
        photo_of(data, "image", [])


def test_an_address_of_the_web_is_left_to_the_fetcher(folder):
    address = "https://example.org/day/x.jpg"
    assert photo_of({"image": address}, "image", [folder]) == WebPhoto(address=address)


@pytest.mark.parametrize(
    "address", ["s3://bucket/no.jpg", "gs://b/no.jpg", "/tasks/1/resolve/?fileuri=czM6Ly9iL25vLmpwZw=="]
)
def test_a_bucket_is_refused_with_what_to_do(folder, address):
    with pytest.raises(InputError, match="photos in a bucket are not fetched; copy the bucket to a folder"):
        photo_of({"image": address}, "image", [folder])


def test_a_file_that_is_too_large_or_gone_is_refused(folder):
    with pytest.raises(ImageError, match=r"day/x\.jpg: a photo of at most 3 bytes"):
        LocalPhoto(folder=folder, path="day/x.jpg").read(3)
    with pytest.raises(ImageError, match=r"day/y\.jpg: cannot be read"):
        LocalPhoto(folder=folder, path="day/y.jpg").read(3)

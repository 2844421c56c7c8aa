"""What a name says, whoever wrote it: the kind of address, and what the photo may be called."""

import base64

import pytest

from tagalign.data.annotations.photo_names import possible_paths, read_name


def signed(address):
    return "/tasks/7/resolve/?fileuri=" + base64.b64encode(address.encode()).decode()


@pytest.mark.parametrize(
    ("name", "kind", "path"),
    [
        ("data:image/png;base64,AAAA", "inline", None),
        ("DATA:image/png;base64,AAAA", "inline", None),
        ("day/a.jpg", "path", "day/a.jpg"),
        ("is it?.jpg", "path", "is it?.jpg"),
        (r"day/a\x0ab.jpg", "path", "day/a\nb.jpg"),
        (r"caf\xe9.jpg", "path", "caf\udce9.jpg"),
        (r"/data/upload/3/a\x0ab.jpg", "upload", "/data/upload/3/a\nb.jpg"),
        ("/home/me/a.jpg", "path", "/home/me/a.jpg"),
        (r"C:\me\a.jpg", "path", "/me/a.jpg"),
        (r"\\server\share\a.jpg", "path", "//server/share/a.jpg"),
        ("/data/upload/3/a%20b.jpg?token=1", "upload", "3/a b.jpg"),
        ("https://studio/sub/data/upload/3/a%20b.jpg?token=1", "upload", "upload/3/a b.jpg"),
        ("upload/3/deep/a.jpg", "upload", "3/deep/a.jpg"),
        ("/storage-data/uploaded/?filepath=upload%2F3%2Fa.jpg", "upload", "upload/3/a.jpg"),
        ("upload/3/0a1b2c3d-a.jpg", "upload", "a.jpg"),
        ("/data/local-files/?d=day%201/a.jpg", "storage", "day 1/a.jpg"),
        ("http://studio/data/local-files?d=C%3A%5Cday%5Ca.jpg", "storage", "/day/a.jpg"),
        ("file:///C:/me/a%20b.jpg", "file", "/C:/me/a b.jpg"),
        ("https://host/a%20b.jpg?sig=1#top", "web", "/a b.jpg"),
        ("http://[", "web", "http://["),
        ("s3://bucket/day/a%20b.jpg", "bucket", "/day/a b.jpg"),
        ("gs://bucket/day/a.jpg", "bucket", "/day/a.jpg"),
        (signed("s3://bucket/day/a.jpg"), "bucket", "/day/a.jpg"),
        ("http://studio/sub" + signed("azure-blob://bucket/day/ä.jpg"), "bucket", "/day/ä.jpg"),
        ("/tasks/7/resolve/?fileuri=never", "path", "/tasks/7/resolve/?fileuri=never"),
    ],
)
def test_kinds(name, kind, path):
    found = read_name(name, is_address=True)
    assert found.kind == kind
    assert (path in found.paths) if path is not None else not found.paths


@pytest.mark.parametrize(
    "name",
    ["", "/", "?", "//", "\\", "%", "://", "s3://", "a\0b", "\ud800.jpg", "\ud800\\x0a", "/data/upload/"],
)
def test_nothing_is_too_odd_to_be_read(name):
    for is_address in (False, True):
        assert all(isinstance(path, str) and path for path in possible_paths(name, is_address=is_address))


def test_a_signed_address_that_holds_a_signed_address_ends():
    name = "s3://bucket/a.jpg"
    for _ in range(10):
        name = "http://studio" + signed(name)
    assert read_name(name).kind == "bucket"

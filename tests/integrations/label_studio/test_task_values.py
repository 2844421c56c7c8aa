"""Keys of a task, as Label Studio reads them."""

import pytest

from tagalign.integrations.label_studio.task_values import task_value

TASK = {"image": "a.jpg", "meta": {"photo": {"url": "b.jpg"}, "list": [1]}, "meta.photo": "c.jpg"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image", "a.jpg"),
        ("meta.photo.url", "b.jpg"),
        ("meta.photo", "c.jpg"),  # a key of its own goes before a path
        ("meta.list.0", None),
        ("image.url", None),
        ("none", None),
    ],
)
def test_dots_lead_into_objects(key, value):
    assert task_value(TASK, key) == value

"""The protocol as results record it: whole, as JSON, and with the numbers of its constants."""

import json

from tagalign.data.tiny_world import CLASS_SETS
from tagalign.experiments import protocol


def test_it_is_json_and_names_what_is_fixed():
    found = protocol.describe()
    assert json.loads(json.dumps(found)) == found
    assert len({found["train_split"], found["validation_split"], found["test_split"]}) == 3
    assert {found["classes"], found["object_classes"]} <= set(CLASS_SETS)
    assert (found["object_tags"], found["attribute_tags"]) == (protocol.OBJECT_TAGS, protocol.ATTRIBUTE_TAGS)
    assert found["profile"] == protocol.PROFILE
    assert found["mode"] == protocol.MODE
    assert "{}" in found["refer_template"]

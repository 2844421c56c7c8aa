"""Options become JSON values, as people type them."""

import dataclasses
import json

from tagalign.methods.describe import describe_options
from tagalign.methods.thresholds import parse_threshold


@dataclasses.dataclass(frozen=True)
class Options:
    profile: str = "fixed"
    layers: tuple[int, ...] = (1, 2)
    threshold: object = None
    share: float = 0.5
    nothing: None = None


def test_thresholds_are_texts_and_tuples_lists():
    found = describe_options(Options(threshold=parse_threshold("relative:0.5")))
    assert found == {
        "profile": "fixed", "layers": [1, 2], "threshold": "relative:0.5", "share": 0.5, "nothing": None,
    }  # fmt: skip
    assert json.loads(json.dumps(found)) == found

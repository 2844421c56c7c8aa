"""A claim that fits."""

import pytest


@pytest.fixture
def good():
    return {
        "paper": "TagAlign", "table": "Table 7", "direction": "tags raise captions", "verdict": "holds",
        "ours": "33.6 to 35.5", "interval": "+1.9 ± 0.7", "seeds": 3, "reason": "", "link": "head-rows.md",
    }  # fmt: skip

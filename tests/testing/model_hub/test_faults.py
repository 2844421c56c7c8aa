"""Which requests a fault strikes."""

import pytest

from tagalign.testing.model_hub.faults import BODY_FAULTS, FAULTS, HubFault

PATH, NAME = "/api/models/lab/model", "lab/model/config.json"


def test_faults_of_contents_strike_contents_alone():
    for kind in FAULTS:
        assert HubFault(kind=kind).strikes(PATH, NAME, has_body=True)
        assert HubFault(kind=kind).strikes(PATH, "", has_body=False) == (kind not in BODY_FAULTS)


@pytest.mark.parametrize(
    ("where", "struck"),
    [
        ("*", True),
        ("lab/model/*", True),
        ("/api/*", True),
        ("*.json", True),
        ("lab/other/*", False),
        ("LAB/*", False),
    ],
)
def test_a_pattern_fits_the_path_or_the_file(where, struck):
    assert HubFault(kind="status", where=where).strikes(PATH, NAME, has_body=True) == struck


def test_no_name_is_no_file():
    assert not HubFault(kind="status", where="").strikes(PATH, "", has_body=False)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"expected a fault of .*, got 'fire'"):
        HubFault(kind="fire")

import pytest

from tagalign.errors import InputError
from tagalign.integrations.fiftyone.outputs import read_outputs


def test_several_outputs_each_once() -> None:
    assert read_outputs("Detections, heatmaps,detections") == ("detections", "heatmaps")


@pytest.mark.parametrize("text", ["", " , ", "masks", "detections;heatmaps"])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(
        InputError, match="outputs: expected classifications, segmentation, detections, heatmaps"
    ):
        read_outputs(text)

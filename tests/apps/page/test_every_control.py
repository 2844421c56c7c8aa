"""No control of the page without a test that uses it in a browser; the list is read from the page as it is built."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")
from page_controls import controls_of_page, controls_said

from tagalign.apps.page.drawn import Drawn
from tagalign.apps.page.page import build_page
from tagalign.apps.page.studio import Studio
from tagalign.methods.table import METHODS
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod

MASK = Drawn(name="dog", color="#123456", mask=np.ones((6, 8), dtype=bool), share=1.0, score=0.5)


@pytest.mark.filterwarnings("ignore")  # gradio warns about coming versions of itself
def test_every_control_is_used_by_a_browser_test(photo_file: Path) -> None:
    studio = Studio(lambda name: Model(StubMethod()), ["stub"], offered=["stub", *METHODS])
    page = build_page(
        studio,
        model="stub",
        examples=[str(photo_file)],
        labels="dog, cat",
        opener=lambda name: None,
        notice=True,
    )
    controls = controls_of_page(page.get_config_file(), MASK)
    tested = controls_said(Path(__file__).parent)
    assert len(controls) > 60
    assert controls - set(tested) == set(), "mark a browser test of each with pytest.mark.controls"
    assert set(tested) - controls == set(), "tests say they use controls that are gone"

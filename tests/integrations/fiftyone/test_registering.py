"""FiftyOne's zoo finds, downloads and loads what ``register`` wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from tagalign.errors import InputError
from tagalign.integrations.fiftyone import zoo
from tagalign.integrations.fiftyone.registering import ZOO, register


@pytest.fixture
def zoo_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fo = pytest.importorskip("fiftyone", reason="the fiftyone extra is not installed")
    monkeypatch.setattr(fo.config, "model_zoo_dir", str(tmp_path))
    return tmp_path


def test_the_zoo_downloads_and_loads(zoo_folder: Path) -> None:
    import fiftyone.zoo as foz

    assert register() == zoo_folder / "tagalign"
    register()  # again, after an update
    assert {"tagalign", "tagalign-tiny"} <= set(foz.list_zoo_models())
    model = foz.load_zoo_model(
        "tagalign-tiny", labels="dog,cat", method="maskclip", outputs="detections", cache=False
    )
    assert json.loads((zoo_folder / "tagalign" / "tagalign-tiny.json").read_text()) == {"model": "tiny"}
    assert model.config.labels == "dog,cat"
    with pytest.raises(InputError, match="no option 'label'; did you mean 'labels'"):
        foz.load_zoo_model("tagalign-tiny", label="dog", cache=False)


def test_the_manifest_names_what_can_be_downloaded() -> None:
    manifest: dict[str, Any] = json.loads((ZOO / "manifest.json").read_text(encoding="utf-8"))
    assert [model["base_name"] for model in manifest["models"]] == list(zoo.MODELS)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tagalign-tiny"):
        zoo.download_model("tagalign-huge", str(tmp_path / "x.json"))

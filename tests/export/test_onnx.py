import json
import logging
import runpy
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
import torch.fx.config
from PIL import Image

from tagalign.backbones.load import load_backbone
from tagalign.backbones.modes import DENSE_MODES
from tagalign.backbones.preprocess import open_image
from tagalign.backbones.protocols import BlockBackbone
from tagalign.errors import InputError
from tagalign.export.onnx import UNTRACED, OnnxReport, _quiet_exporter, export_onnx
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.mode_options import has_own_profile, options_of_mode
from tagalign.methods.dense.options import TagAlignOptions
from tagalign.methods.dense.projector import Projector
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import load_label_set
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.companion_folder import make_companion_folder
from tagalign.testing.stub_method import StubMethod

pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
pytest.importorskip("onnxscript", reason="the onnx extra is not installed")

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_segment.py"
# onnxscript and the exporter of torch 2.13 warn about each other's names
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


def dense(
    backbone: BlockBackbone, mode: str, profile: str = "paper", projector: Projector | None = None
) -> DenseMethod:
    name = mode if projector is None else "tagalign"
    kind = options_of_mode(mode) if projector is None else TagAlignOptions
    # such a mode has profiles of its own, and cuts windows in all but one
    given = kind() if projector is None and has_own_profile(mode) else kind(profile=profile)
    return DenseMethod(backbone, given, method=name, mode=mode, projector=projector)


def trained(backbone: BlockBackbone) -> Projector:
    """Gates that are open, so that the convolutions count."""
    projector = Projector.from_backbone(backbone, num_blocks=2)
    with torch.no_grad():
        for block in projector.blocks:
            block.gate.fill_(0.5)
    return projector


def export(method: DenseMethod, folder: Path, *names: str, int8: bool = False) -> OnnxReport:
    """With run-time type checks off: while it is traced, a graph has symbols where its signatures say int."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        return export_onnx(method, folder, method.encode_labels(load_label_set(list(names))), int8=int8)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def check_embeds(method: DenseMethod, folder: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "encoder.onnx")
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 90, 3), dtype=np.uint8))
    canvas = method.canvas_rule.lay(photo, method.preprocessing)
    outputs = session.run(None, {"pixels": canvas.pixels[None].numpy()})
    encoded = method.encode_canvases([canvas])[0]
    parts = [encoded] if len(outputs) == 1 else [encoded.aligned, encoded.frozen]
    for output, part in zip(outputs, parts, strict=True):
        (view,) = part.views
        ours = view.embeds.unflatten(0, view.grid).permute(2, 0, 1).numpy()
        np.testing.assert_allclose(output[0], ours, atol=1e-4)  # what the export promises


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> BlockBackbone:
    """A CLIP of two layers: each is traced, optimised and written alike, at one second of processor."""
    return load_backbone(str(make_clip_folder(tmp_path_factory.mktemp("clip"), layers=2)))


@pytest.fixture(scope="module")
def exported(backbone: BlockBackbone, tmp_path_factory: pytest.TempPathFactory) -> tuple[DenseMethod, Path]:
    method = dense(backbone, "maskclip")
    folder = tmp_path_factory.mktemp("onnx")
    report = export(method, folder, "dog", "grass", "sky")
    assert report.num_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert report.max_difference <= 1e-4
    return method, folder


def test_patch_embeddings_are_those_of_the_method(exported: tuple[DenseMethod, Path]) -> None:
    check_embeds(*exported)


def test_a_graph_names_no_folder_of_this_machine(exported: tuple[DenseMethod, Path]) -> None:
    content = (exported[1] / "encoder.onnx").read_bytes()
    for folder in (Path(__file__).parents[2], Path(torch.__file__).parent):
        assert str(folder).encode() not in content, folder
    assert not torch.fx.config.do_not_emit_stack_traces  # the process goes on as it was


def test_the_example_segments_without_torch(exported: tuple[DenseMethod, Path], tmp_path: Path) -> None:
    method, folder = exported
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 255, (50, 70, 3), dtype=np.uint8))
    photo.save(tmp_path / "photo.png")
    arguments = [str(EXAMPLE), str(folder), str(tmp_path / "photo.png"), str(tmp_path / "mask.png")]
    code = (
        "import runpy, sys; sys.modules['torch'] = None; "
        f"sys.argv = {arguments!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["dog", "grass", "sky"]
    labels = method.encode_labels(load_label_set(["dog", "grass", "sky"]))
    ours = method.segment(method.encode_images([photo])[0], labels).labels.numpy()
    with Image.open(tmp_path / "mask.png") as mask:
        # Pillow and torch round the last bit of a bilinear weight differently: near ties may tip
        assert (np.asarray(mask) == ours).mean() > 0.995


def odd_photos() -> Iterator[tuple[str, Image.Image]]:
    ramp = np.linspace(0, 1, 35 * 40).reshape(35, 40)
    yield "16 bits", Image.fromarray((ramp * 65535).astype(np.uint16))
    yield "12 of 16 bits", Image.fromarray((ramp * 4095).astype(np.uint16))
    colours = np.random.default_rng(2).integers(0, 255, (35, 40, 4), dtype=np.uint8)
    yield "transparent", Image.fromarray(colours, mode="RGBA")
    yield "transparent grey", Image.fromarray(colours[..., :2].copy(), mode="LA")
    palette = Image.fromarray(colours[..., 0]).convert("P")
    palette.info["transparency"] = 7
    yield "transparent palette", palette
    turned = Image.fromarray(colours[..., :3].copy())
    turned.getexif()[274] = 6
    yield "turned", turned


@pytest.mark.parametrize(("name", "image"), list(odd_photos()), ids=[name for name, _ in odd_photos()])
def test_the_example_opens_photos_as_the_product_does(tmp_path: Path, name: str, image: Image.Image) -> None:
    image.save(tmp_path / "a.png", exif=image.getexif())
    theirs = runpy.run_path(str(EXAMPLE))["open_photo"](tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(theirs), np.asarray(open_image(tmp_path / "a.png")))


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 110


def test_the_folder_says_what_it_was_made_from(exported: tuple[DenseMethod, Path]) -> None:
    method, folder = exported
    config = json.loads((folder / "model.json").read_text())
    assert config["made_from"] == json.loads(json.dumps(method.describe()))
    assert sorted(path.name for path in folder.iterdir()) == ["encoder.onnx", "labels.npz", "model.json"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [one for one in DENSE_MODES if one not in {"maskclip", *UNTRACED}])
def test_every_dense_mode(backbone: BlockBackbone, tmp_path: Path, mode: str) -> None:
    method = dense(backbone, mode)
    export(method, tmp_path, "dog")
    check_embeds(method, tmp_path)


@pytest.mark.slow
def test_a_trained_projector_with_both_maps(backbone: BlockBackbone, tmp_path: Path) -> None:
    method = dense(backbone, "surgery", projector=trained(backbone))
    export(method, tmp_path, "dog")
    check_embeds(method, tmp_path)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("rcs", {"feedback": True}, "finishes an image with the labels in hand; leave feedback out"),
        ("clip", {"positions": "offset"}, "by a rule that a graph of free sizes does not keep"),
        ("clip", {"stitch": True}, "runs the encoder in two parts; leave stitch out"),
        ("pearl", {"profile": "released"}, "windows of 32 pixels are many pictures"),
        ("naclip", {"refine": "tlp"}, "works on the label map of a photo; leave refine out"),
        ("scclip", {}, "mode 'scclip' looks for outliers in a way"),
        ("gated", {}, "method 'gated' cannot be exported: ONNX takes the dense methods"),
    ],
)
def test_what_no_graph_holds_is_refused_and_nothing_appears(
    clip_folder: Path, tmp_path: Path, method: str, options: dict[str, object], message: str
) -> None:
    opened = load_method(str(clip_folder), method=method, device="cpu", **options)
    with pytest.raises(InputError, match=message):
        export_onnx(opened, tmp_path / "out", opened.encode_labels(load_label_set(["dog"])))
    assert not (tmp_path / "out").exists()


def test_a_companion_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    companion = str(make_companion_folder(tmp_path / "dinov2"))
    method = load_method(str(clip_folder), method="proxy", companion=companion, device="cpu")
    with pytest.raises(InputError, match="needs more than its encoder"):
        export_onnx(method, tmp_path, method.encode_labels(load_label_set(["dog"])))


def test_other_methods_are_refused(tmp_path: Path) -> None:
    method = StubMethod()
    with pytest.raises(InputError, match="method 'stub' cannot be exported"):
        export_onnx(method, tmp_path, method.encode_labels(load_label_set(["dog"])))


def test_weights_of_8_bits_are_smaller_and_say_what_they_lose(
    exported: tuple[DenseMethod, Path], tmp_path: Path
) -> None:
    import onnxruntime

    method, full = exported
    low = export(method, tmp_path, "dog", "grass", "sky", int8=True)
    assert low.int8 is not None
    assert json.loads((tmp_path / "model.json").read_text())["int8"] == vars(low.int8)
    assert "int8" not in json.loads((full / "model.json").read_text())
    assert (tmp_path / "encoder.onnx").stat().st_size < (full / "encoder.onnx").stat().st_size
    assert {path.name for path in tmp_path.iterdir()} == {"encoder.onnx", "labels.npz", "model.json"}
    # seven bits of a weight are wrong by 1/256 of the largest at most; a wrong layout would give a cosine near 0
    assert 0.99 < low.int8.cosine < 1
    # counted again from the files, without our sessions
    pixels = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    first, second = (
        onnxruntime.InferenceSession(folder / "encoder.onnx").run(None, {"pixels": pixels})[0]
        for folder in (full, tmp_path)
    )
    assert not np.array_equal(first, second)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.99


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("name", ["torch.onnx", "torch.onnx._internal.exporter._registration"])
def test_what_the_exporter_says_of_itself_is_left_out(name, caplog, recwarn):
    log = logging.getLogger(name)
    with _quiet_exporter():
        log.warning("torchvision is not installed")
        warnings.warn("`isinstance(treespec, LeafSpec)` is deprecated", FutureWarning, stacklevel=1)
        log.error("an error")
    assert [record.getMessage() for record in caplog.records] == ["an error"]
    assert len(recwarn) == 0
    log.warning("after")
    assert caplog.records[-1].getMessage() == "after"

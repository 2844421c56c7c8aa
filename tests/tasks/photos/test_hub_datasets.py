"""Data sets become photos: with a stand-in of the package for what can go wrong, and with the package where it is."""

import io
import json
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.errors import DataError, InputError, MissingExtraError
from tagalign.tasks.photos import hub_datasets
from tagalign.tasks.photos.hub_datasets import hub_photos, parse_hub_dataset
from tagalign.tasks.photos.inputs import Inputs, refuse_missing
from tagalign.tasks.photos.tars import source_of


def photo(seed: int, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (9, 8 + seed, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file := io.BytesIO(), format=kind)
    return file.getvalue()


ROWS = [{"bytes": photo(i, "JPEG" if i % 2 else "PNG"), "path": f"day {i}/cat {i}.bin"} for i in range(5)]


class Feature:
    """A column of images; ``decode=False`` leaves the bytes as they are."""

    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class Rows:
    """A stream, which may break."""

    def __init__(self, rows: list[Any], features: Mapping[str, Any], breaks_at: int | None = None) -> None:
        self.rows, self.features, self.breaks_at = rows, features, breaks_at
        self.skipped = 0

    def select_columns(self, columns: list[str]) -> "Rows":
        return self

    def cast_column(self, column: str, feature: Feature) -> "Rows":
        assert not feature.decode
        return self

    def skip(self, count: int) -> "Rows":
        self.skipped = count
        return self

    def __iter__(self) -> Iterator[Any]:
        for i, row in enumerate(self.rows[self.skipped :], start=self.skipped):
            if i == self.breaks_at:
                raise ConnectionError("the line is dead\nsecond line")
            yield {"image": row, "img": row}


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """The package ``datasets`` with one data set; its attributes are what a test changes."""
    made = SimpleNamespace(
        splits={"train": Rows(ROWS, {"image": Feature(), "label": "text"})}, hash="abc", asked=list[Any]()
    )
    module = ModuleType("datasets")
    module.__spec__ = ModuleSpec("datasets", None)
    module.__version__ = "5.2.0"  # type: ignore[attr-defined]
    module.Image = Feature  # type: ignore[attr-defined]

    def builder(path: str, **how: Any) -> Any:
        made.asked.append((path, how))
        if "missing" in path:
            raise FileNotFoundError("Dataset doesn't exist on the Hub\nor cannot be accessed")
        return SimpleNamespace(hash=made.hash, as_streaming_dataset=lambda: made.splits)

    module.load_dataset_builder = builder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setenv("TAGALIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub_datasets, "PART", 2)
    return made


def test_photos_come_byte_for_byte_under_the_number_of_their_row(package: SimpleNamespace) -> None:
    found = list(Inputs(items=["hf://ours/cats"]))
    assert [source.member for source in found] == [
        f"{i:08d}-cat {i}.{'jpg' if i % 2 else 'png'}" for i in range(5)
    ]
    for source, row in zip(found, ROWS, strict=True):
        raw = Path(source.path).read_bytes()[source.offset :][: source.length]
        assert raw == row["bytes"]
        assert source_of(source.key) == source
    assert package.asked == [("ours/cats", {"name": None})]


def test_what_is_here_is_not_fetched_again(package: SimpleNamespace) -> None:
    first = list(hub_photos("hf://ours/cats"))
    package.splits["train"].breaks_at = 0
    assert list(hub_photos("hf://ours/cats")) == first


def test_another_version_is_fetched_anew(package: SimpleNamespace) -> None:
    first = list(hub_photos("hf://ours/cats"))
    package.hash = "abd"
    package.splits["train"].rows = ROWS[:1]
    assert len(list(hub_photos("hf://ours/cats"))) == 1
    package.hash = "abc"
    assert list(hub_photos("hf://ours/cats")) == first


def test_a_stream_that_breaks_goes_on_where_it_was(package: SimpleNamespace) -> None:
    package.splits["train"].breaks_at = 3
    stream = hub_photos("hf://ours/cats")
    assert [next(stream).member for _ in range(2)] == ["00000000-cat 0.png", "00000001-cat 1.jpg"]
    with pytest.raises(DataError, match=r"broke behind photo 2 \(the line is dead\); the same command"):
        next(stream)
    package.splits["train"].breaks_at = None
    assert len(list(hub_photos("hf://ours/cats"))) == 5
    assert package.splits["train"].skipped == 2


def test_rows_without_a_photo_are_errors_of_their_own(package: SimpleNamespace, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(photo(0))
    odd = [
        "file://" + str(secret),
        str(secret),
        f"file://{secret}::hf://datasets/a/b",
        "zip://a.png::" + str(secret),
    ]
    package.splits["train"].rows = [
        None, {"bytes": None, "path": None}, {"bytes": b"nonsense", "path": "a.png"}, 3,
        *({"bytes": None, "path": path} for path in odd),
    ]  # fmt: skip
    found = list(hub_photos("hf://ours/cats"))
    assert len(found) == 8
    for source in found:
        with pytest.raises(Exception, match="not an image"):
            source.open()
    assert all(
        source.length == 0 for source in found[4:]
    )  # files of this machine are not read for a stranger


def test_a_run_resumes_and_names_its_rows(
    package: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        *("segment", "hf://ours/cats", "--labels", "cat,dog", "--model", "tiny", "--method", "maskclip"),
        *(
            "--out",
            str(tmp_path / "out"),
            "--no-summary",
            "--batch-size",
            "1",
            "--part-size",
            "2",
            "--templates",
            "1",
        ),
    ]
    package.splits["train"].rows = [*ROWS[:3], None, ROWS[4]]
    assert main(command) == 0
    assert "4 masks" in capsys.readouterr().err
    masks = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert masks == [f"{i:08d}-cat {i}.png" for i in (0, 1, 2, 4)]
    (error,) = map(json.loads, (tmp_path / "out" / "errors.jsonl").read_text(encoding="utf-8").splitlines())
    assert error["path"].endswith(".tar/00000003.jpg")
    package.splits["train"].breaks_at = 0  # the second run does not ask for it
    assert main(command) == 0


def test_shards_share_the_rows(package: SimpleNamespace, tmp_path: Path) -> None:
    for i in range(2):
        assert main(["tag", "hf://ours/cats", "--labels", "cat,dog", "--model", "tiny", "--method", "clip", "--no-summary",
                     "--out", str(tmp_path / "out"), "--shard", f"{i}/2", "--templates", "1"]) == 0  # fmt: skip
    counts = [
        len((tmp_path / "out" / f"inputs-0000{i}-of-00002.jsonl").read_text(encoding="utf-8").splitlines())
        for i in range(2)
    ]
    assert counts == [3, 2]


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        ("hf://cifar10", ("cifar10", None, None, None, None)),
        ("hf://a/b:test", ("a/b", None, None, "test", None)),
        ("hf://a/b@v1#c:test:img", ("a/b", "v1", "c", "test", "img")),
        ("hf:///data/set:test", ("/data/set", None, None, "test", None)),
        (r"hf://C:\data\set:test", (r"C:\data\set", None, None, "test", None)),
    ],
)
def test_what_an_input_means(item: str, parts: tuple[str | None, ...]) -> None:
    found = parse_hub_dataset(item)
    assert (found.name, found.revision, found.config, found.split, found.column) == parts


@pytest.mark.parametrize("item", ["hf://", "hf://a:", "hf://a:b:c:d", "hf://a@", "hf://a#", "hf://:test"])
def test_other_forms_are_refused(item: str) -> None:
    with pytest.raises(InputError, match="expected hf://DATASET"):
        parse_hub_dataset(item)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("hf://ours/missing", r"no data set that can be read \(Dataset doesn't exist on the Hub\)$"),
        ("hf://ours/cats:test", "no split 'test'; it has train"),
        ("hf://ours/cats:train:label", "'label' is no column of images; its columns of images are image"),
    ],
)
def test_what_is_not_there_is_said(item: str, said: str, package: SimpleNamespace) -> None:
    with pytest.raises(InputError, match=said):
        list(hub_photos(item))


def test_the_only_split_and_column_need_no_name(package: SimpleNamespace) -> None:
    package.splits = {"all": Rows(ROWS, {"img": Feature()})}
    assert len(list(hub_photos("hf://ours/cats"))) == 5
    package.splits["other"] = package.splits["all"]
    with pytest.raises(InputError, match="no split 'train'; it has all, other"):
        list(hub_photos("hf://ours/cats"))


def test_an_empty_data_set_is_refused(package: SimpleNamespace) -> None:
    package.splits["train"].rows = []
    with pytest.raises(InputError, match="the data set has no row"):
        list(Inputs(items=["hf://ours/cats"]))


def test_a_release_that_runs_code_is_refused(
    package: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["datasets"], "__version__", "3.6.0")
    with pytest.raises(InputError, match=r"needs datasets 4 or newer, here is 3\.6\.0"):
        list(hub_photos("hf://ours/cats"))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.setattr(hub_datasets, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"tagalign\[hf\]"):
        refuse_missing(["hf://ours/cats"])
    with pytest.raises(MissingExtraError, match=r"tagalign\[hf\]"):
        list(hub_photos("hf://ours/cats"))


# --- with the package itself -----------------------------------------------------------------------------------------


def test_a_folder_of_photos_and_a_table_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="the hf extra is not installed")
    monkeypatch.setenv("TAGALIGN_CACHE", str(tmp_path / "cache"))
    folder, table = tmp_path / "photos" / "train", tmp_path / "table"
    folder.mkdir(parents=True)
    table.mkdir()
    for i in range(5):
        (folder / f"cat {i}.png").write_bytes(photo(i))
    paths = [str(path) for path in sorted(folder.iterdir())]
    made = datasets.Dataset.from_dict({"pic": paths}).cast_column("pic", datasets.Image())
    made.to_parquet(table / "test-00000.parquet")
    for item in (f"hf://{tmp_path}/photos", f"hf://{table}:test:pic"):
        found = list(hub_photos(item))
        assert [source.member for source in found] == [f"{i:08d}-cat {i}.png" for i in range(5)]
        for source, path in zip(found, paths, strict=True):
            np.testing.assert_array_equal(np.asarray(source.open()), np.asarray(Image.open(path)))
    with pytest.raises(InputError, match="no data set that can be read"):
        list(hub_photos(f"hf://{tmp_path}/nowhere"))

"""Lists of images as TagCLIP's release writes them, on tags and masks."""

import json

import numpy as np
import pytest

from tagalign.cli.main import main
from tagalign.data.benchmarks import open_benchmark
from tagalign.data.benchmarks.image_list import on_list, read_image_list
from tagalign.errors import InputError


@pytest.fixture
def listed(tmp_path):
    def write(text):
        path = tmp_path / "val.txt"
        path.write_text(text)
        return path

    return write


def test_ids_of_a_list_are_the_tags(voc2007, listed):
    data = open_benchmark("voc2007-tags", voc2007)
    keys = [data.key(i) for i in range(len(data))]
    chosen = read_image_list(listed(f"{keys[1]} 14 8 11\n{keys[0]}.jpg 0\n"))
    found = on_list(data, chosen)
    assert [found.key(i) for i in range(len(found))] == keys[:2]  # the benchmark's order
    assert [np.flatnonzero(found.truth(i)).tolist() for i in range(2)] == [[0], [8, 11, 14]]
    assert found.expected == 2
    assert "val.txt, 2 images" in chosen.mark


def test_names_alone_choose_images_and_keep_the_truth(voc2007, listed):
    data = open_benchmark("voc2007-tags", voc2007)
    found = on_list(data, read_image_list(listed(f"{data.key(1)}\n")))
    assert len(found) == 1
    assert found.truth(0).tolist() == data.truth(1).tolist()


def test_masks_keep_theirs(voc2012, listed):
    data = open_benchmark("voc21", voc2012)
    found = on_list(data, read_image_list(listed(f"{data.key(1)} 14 4\n")))
    assert (len(found), found.key(0), found.expected) == (1, data.key(1), 1)
    assert np.array_equal(found.target(0), data.target(1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty; expected an image name"),
        ("000001 a\n", "line 1: expected a name and ids"),
        ("{key} 1\n{key} 2\n", "line 2: .* stands there twice"),
        ("{key} 1\nnobody 2\n", "1 of its 2 images are not in voc2007-tags, such as nobody"),
        ("{key} 20\n", "label 20, but voc2007-tags has 20 labels"),
    ],
)
def test_another_list_is_refused(voc2007, listed, text, message):
    data = open_benchmark("voc2007-tags", voc2007)
    with pytest.raises(InputError, match=message):
        on_list(data, read_image_list(listed(text.format(key=data.key(0)))))


def test_a_benchmark_of_sentences_takes_no_list(listed, tmp_path, capsys):
    path = listed("000001 1\n")
    asked = ["--model", "tiny", "--image-list", str(path), "--out", str(tmp_path / "out")]
    assert main(["evaluate", "--data", "tiny-world-captions", *asked]) == 2
    assert "--image-list does not act on" in capsys.readouterr().err
    missing = ["--model", "tiny", "--image-list", str(tmp_path / "no.txt"), "--out", str(tmp_path / "out")]
    assert main(["evaluate", "--data", "tiny-world-captions", *missing]) == 2
    assert "missing; expected an image name" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_result_names_its_list(clip_folder, listed, tmp_path):
    from tagalign.data.rehearsal import write_copy

    write_copy("voc2007-tags-all", tmp_path / "voc", images=3)
    data = open_benchmark("voc2007-tags-all", tmp_path / "voc")
    path = listed(f"{data.key(2)} 3\n{data.key(0)} 5 6\n")
    asked = ["--data", "voc2007-tags-all", "--path", str(tmp_path / "voc"), "--image-list", str(path)]
    model = ["--model", str(clip_folder), "--method", "clip-cls", "--out", str(tmp_path / "out")]
    assert main(["evaluate", *asked, *model]) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["settings"]["image_list"].startswith("val.txt, 2 images, ")
    assert result["images"] == 2

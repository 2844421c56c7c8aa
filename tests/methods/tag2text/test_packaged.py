"""The packaged Tag2Text of drawn scenes: small, opens by name, and its captions do what the tags say."""

import json

import pytest
from PIL import Image

import tagalign
from tagalign.cli.main import main
from tagalign.data.tiny_world import OBJECTS, TinyWorld
from tagalign.methods.tag2text.folder import tiny_tag2text_dir
from tagalign.methods.tag2text.tag_names import TagNames

SCENES = 60
NAMES = TagNames(list(OBJECTS))  # knows plurals


@pytest.fixture(scope="module")
def model():
    return tagalign.load("tiny", method="tag2text", device="cpu")


def test_results_name_it_as_it_was_asked_for(model):
    """Not the folder of the package, which is another one on every machine."""
    assert model.describe()["model"] == "tiny"


@pytest.fixture(scope="module")
def scenes():
    """Scenes that it was not trained on, with at least two kinds of objects."""
    drawn = TinyWorld(seed=7, split="test").take(4 * SCENES)
    return [scene for scene in drawn if len(kinds(scene)) >= 2][:SCENES]


@pytest.fixture(scope="module")
def encoded(model, scenes):
    return model.implementation.encode_images([Image.fromarray(scene.image) for scene in scenes])


@pytest.fixture
def photo(scenes, tmp_path):
    path = tmp_path / "scene.png"
    Image.fromarray(scenes[0].image).save(path)
    return path


def kinds(scene):
    return [name for name in scene.tags.names if name in OBJECTS]


def says(text, name):
    return NAMES.find(name)[0] in NAMES.mentioned(text)


def test_it_stays_small():
    assert sum(path.stat().st_size for path in tiny_tag2text_dir().iterdir()) < 8 * 2**20


def test_a_named_object_that_was_not_mentioned_is_mentioned(model, scenes, encoded):
    """At least nine times in ten; a caption guided by one kind alone says what it would have left out."""
    first = [kinds(scene)[0] for scene in scenes]
    bare = model.implementation.captions(encoded, [[name] for name in first])
    cases = []
    for place, (scene, caption) in enumerate(zip(scenes, bare, strict=True)):
        silent = [name for name in kinds(scene)[1:] if not says(caption.text, name)]
        cases += [(place, silent[0])] if silent else []
    assert len(cases) > SCENES // 4
    told = model.implementation.captions(
        [encoded[p] for p, _ in cases], [[first[p], name] for p, name in cases]
    )
    hits = [says(caption.text, name) for caption, (_, name) in zip(told, cases, strict=True)]
    assert sum(hits) >= 0.9 * len(hits)


def test_batched_captions_equal_single_ones(model, encoded):
    together = [caption.text for caption in model.implementation.captions(encoded[:6])]
    assert together == [model.caption(one).text for one in encoded[:6]]
    assert len(set(together)) > 1


def test_the_threshold_decides_which_tags_guide(encoded):
    def captions(threshold):
        opened = tagalign.load("tiny", method="tag2text", device="cpu", threshold=threshold)
        return opened.implementation.captions(encoded[:20])

    many, few = captions(0.2), captions(0.9)
    assert all(set(f.tags) <= set(m.tags) for f, m in zip(few, many, strict=True))
    assert sum(len(m.tags) for m in many) > sum(len(f.tags) for f in few)
    assert [m.text for m in many] != [f.text for f in few]


def test_the_verbs_take_it_by_name(photo, scenes, tmp_path, capsys):
    name = kinds(scenes[0])[0]
    out = ["--out", str(tmp_path / "out")]
    assert main(["caption", str(photo), "--model", "tiny", "--about", name, *out]) == 0
    said = capsys.readouterr()
    assert says(said.out, name)
    assert (
        "use --model FOLDER with a trained Tag2Text" in said.err
    )  # a CLIP, its usual advice, writes no sentence
    assert main(["ask", str(photo), f"is there a {name}?", "--model", "tiny"]) == 0
    assert capsys.readouterr().out.strip() in {"yes", "no"}
    flags = ["--model", "tiny", "--method", "tag2text"]
    tags = ["--out", str(tmp_path / "tags")]
    assert main(["tag", str(photo), "--labels", ",".join(OBJECTS), *flags, *tags]) == 0
    capsys.readouterr()
    index = str(tmp_path / "index")
    assert main(["search", "index", str(photo), "--index", index, *flags]) == 0
    capsys.readouterr()
    assert main(["search", "query", f"a {name}", "--index", index, "--json"]) == 0
    hit = json.loads(capsys.readouterr().out.splitlines()[0])
    assert hit["tags"] == [name]

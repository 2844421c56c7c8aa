"""Every layout opens by its id from the command line, gives the scores of the source, and is fetched once and alone."""

import pytest

NAMES = [
    "main",
    "shards",
    "stale-index",
    "position-ids",
    "float16",
    "bfloat16",
    "both",
    "open-clip",
    "open-clip-custom-text",
    "open-clip-vocabulary",
    "metaclip",
    "open-clip-pickle",
    "legacy-pickle",
    "conversion",
    "conversion-stale",
    "conversion-two-open",
    "conversion-other-title",
    "conversion-other-author",
    "conversion-closed",
    "old-config",
    "filled-dicts",
    "only-dicts",
    "unknown-keys",
    "vocabulary-and-merges",
    "nested-processor",
]
SMALL = (".json", ".txt", ".tsv")
ROUNDED = 1e-6  # the command prints six digits


@pytest.fixture(scope="module")
def expected(source, tmp_path_factory):
    """Scores of the source folder itself, by the Python interface."""
    from PIL import Image

    import tagalign as ta

    model = ta.load(str(source), method="tagclip")
    image = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    tagging = model.tag(model.encode_image(image), model.encode_labels(["dog", "car"]))
    return dict(zip(("dog", "car"), tagging.scores, strict=True))


def test_no_layout_is_left_out(layouts):
    assert sorted(layouts) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_opens_with_equal_scores_and_is_fetched_alone(hub, layouts, expected, tag, name):
    layout = layouts[name]
    id, files = layout.repository.id, layout.repository.main.files
    if layout.is_unknown_pickle:
        assert "--allow-pickle" in tag(id).refusal
        assert not [file for file in hub.log.bytes_sent() if not file.endswith(SMALL)]
    hub.log.clear()
    done = tag(id, *(["--allow-pickle"] if layout.is_unknown_pickle else []))
    assert done.code == 0, done.lines
    for label, score in expected.items():
        assert done.scores[label] == pytest.approx(score, abs=layout.tolerance + ROUNDED)
    sent = {file.removeprefix(f"{id}/"): size for file, size in hub.log.bytes_sent().items()}
    assert {file for file in sent if not file.endswith(SMALL)} == set(layout.weights)
    held = dict(files)
    for pull in layout.repository.pull_requests:
        held = dict(pull.head.files) | held if pull.head else held
    assert sent == {file: held[file].size for file in sent}  # each once, whole
    assert all(count == 1 for count in hub.log.fetches().values())


@pytest.mark.parametrize(
    "name", ["main", "shards", "open-clip", "metaclip", "conversion", "conversion-stale"]
)
def test_a_second_start_fetches_nothing_and_offline_asks_nothing(hub, layouts, tag, tmp_path, name):
    id = layouts[name].repository.id
    first = tag(id)
    hub.log.clear()
    assert tag(id).scores == first.scores
    assert not hub.log.bytes_sent()
    hub.log.clear()
    with hub.client(tmp_path / "home", is_offline=True):
        assert tag(id).scores == first.scores
    assert hub.log.requests == ()


def test_a_stale_conversion_is_passed_over_with_a_word(hub, layouts, tag):
    lines = tag(layouts["conversion-stale"].repository.id).lines
    assert any("refs/pr/1" in line and "passed over" in line for line in lines)


def test_the_first_fetch_says_what_and_how_large_and_where_and_the_licence(hub, layouts, tag, tmp_path):
    lines = tag(layouts["metaclip"].repository.id).lines
    (line,) = [line for line in lines if line.startswith("fetching ")]
    for word in ("facebook/metaclip-b16-400m", "kB", str(tmp_path / "home"), "NO COMMERCIAL USE"):
        assert word in line


def test_a_revision_pins_what_is_read(hub, layouts, tag, offer, good_files):
    id = offer("lab/moved", {})
    first = tag(id)
    repository = hub.repository("model", id)
    old = repository.main.id
    repository.commit({"model.safetensors": b"something else"})
    assert tag(f"{id}@{old}").scores == first.scores
    assert "weights cannot be loaded" in tag(id).refusal
    repository.tags["v1"] = repository.main.parent
    assert tag(f"{id}@v1").scores == first.scores


def test_the_commit_is_written_where_the_result_is(hub, layouts, tag, tmp_path):
    layout = layouts["conversion"]
    tag(layout.repository.id)
    text = (tmp_path / "out-0" / "settings.json").read_text()
    assert layout.repository.main.id in text
    assert layout.repository.pull_requests[0].head.id in text

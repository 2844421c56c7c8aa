"""An image with several captions and no key of their own: each caption meets its own tags, in every container."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagalign.cli.main import main
from tagalign.data.feature_cache import CacheShard, FeatureCache
from tagalign.data.pairs import find_shards, read_pairs
from tagalign.data.tag2text.sources import records_from_pairs
from tagalign.data.tag_join import check_join
from tagalign.data.tag_table import load_tag_table
from tagalign.errors import DataError
from tagalign.tags.vocabulary import TagVocabulary

VOCABULARY = TagVocabulary.of([("object", "cat", 9), ("object", "dog", 5), ("object", "car", 3)])
# two captions of an image stand apart, one comes twice, one differs in blanks alone
CAPTIONS = [
    ("a.jpg", "a cat"), ("b.jpg", "a car"), ("a.jpg", "a dog"), ("b.jpg", "a car"),
    ("c.jpg", "a  dog"), ("c.jpg", "a red thing"),
]  # fmt: skip
IDS = {"a cat": [0], "a dog": [1], "a  dog": [1], "a car": [2], "a red thing": []}
KINDS = ("jsonl", "csv", "tsv", "parquet", "coco", "listed")


def write(folder, kind):
    folder.mkdir()
    rows = [{"image": image, "caption": caption} for image, caption in CAPTIONS]
    path = folder / f"pairs.{ {'coco': 'json', 'listed': 'json'}.get(kind, kind) }"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif kind in ("csv", "tsv"):
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="," if kind == "csv" else "\t")
            writer.writerows([("image", "caption"), *CAPTIONS])
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    elif kind == "coco":
        names = sorted({image for image, _ in CAPTIONS})
        notes = [{"image_id": names.index(image), "caption": caption} for image, caption in CAPTIONS]
        images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
        path.write_text(json.dumps({"images": images, "annotations": notes}))
    else:
        texts = {image: [c for other, c in CAPTIONS if other == image] for image, _ in CAPTIONS}
        path.write_text(json.dumps([{"image": image, "caption": listed} for image, listed in texts.items()]))
    return path


def parse(source, folder):
    """Tag rows and label rows of a source, as the command line writes them."""
    tags, labels, names = folder / "tags", folder / "labels", folder / "v.tsv"
    VOCABULARY.save(names)
    run = ["parse", str(source), "--out", str(tags), "--parser", "rules", "--processes", "1"]
    assert main(run) == 0
    assert main(["label", str(tags), "--vocabulary", str(names), "--out", str(labels)]) == 0
    return tags, labels


@pytest.mark.parametrize("kind", KINDS)
def test_every_caption_has_its_own_tags(tmp_path, kind):
    source = write(tmp_path / kind, kind)
    for place in parse(source, tmp_path):
        table = load_tag_table(place, VOCABULARY)
        found = [
            (pair.key, pair.caption, table.find(pair.key, pair.caption)) for pair in read_pairs([source])
        ]
        assert sorted(found) == sorted((image, text, IDS[text]) for image, text in CAPTIONS)
        check_join(find_shards([source]), table)
        assert table.find("a.jpg", "a sheep") is None  # neither of the two
        assert table.find("b.jpg", "a sheep") == [2]  # all captions of the image say the same


def test_captions_parsed_from_one_container_meet_pairs_of_another(tmp_path):
    _, labels = parse(write(tmp_path / "coco", "coco"), tmp_path)
    table = load_tag_table(labels, VOCABULARY)
    for kind in KINDS:
        source = tmp_path / kind / f"pairs.{kind}" if kind == "coco" else write(tmp_path / kind, kind)
        source = next(iter(source.parent.iterdir()))
        assert all(table.find(p.key, p.caption) == IDS[p.caption] for p in read_pairs([source])), kind


def test_cached_features_keep_their_captions_apart(tmp_path):
    import torch

    _, labels = parse(write(tmp_path / "csv", "csv"), tmp_path)
    table = load_tag_table(labels, VOCABULARY)
    keys, captions = zip(*CAPTIONS, strict=True)
    cache = FeatureCache(tmp_path / "cache", facts={})
    features, texts = torch.zeros(len(keys), 1, 2), torch.zeros(len(keys), 2)
    cache.append(CacheShard(features=features, texts=texts, keys=keys, captions=captions))
    cache.finish((1, 1))
    rows = FeatureCache(tmp_path / "cache", facts={}).pairs(table).labels
    assert [rows.row(i).tolist() for i in range(len(keys))] == [IDS[text] for text in captions]
    (tmp_path / "cache" / "captions-00000.npy").unlink()  # a cache of an older release
    with pytest.warns(UserWarning, match=r"2 of 6 pairs .* without one are 'a\.jpg', 'a\.jpg', 'c\.jpg'"):
        FeatureCache(tmp_path / "cache", facts={}).pairs(table)


def test_records_of_tag2text_have_the_tags_of_each_caption(tmp_path):
    source = write(tmp_path / "coco", "coco")
    _, labels = parse(source, tmp_path)
    records = records_from_pairs(source, labels, VOCABULARY)
    found = {records[i].key: (records[i].captions, records[i].tags) for i in range(len(records))}
    assert found["a.jpg"] == (("a cat", "a dog"), ((0,), (1,)))
    assert found["c.jpg"] == (("a  dog", "a red thing"), ((1,), ()))


def test_labels_of_older_releases_are_refused_only_where_they_cannot_be_told_apart(tmp_path):
    _, labels = parse(write(tmp_path / "csv", "csv"), tmp_path)
    path = labels / "pairs.csv.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["caption_hash"]), path)
    with pytest.raises(DataError, match=r"the key 'a\.jpg' has two tag rows that differ .*make them again"):
        load_tag_table(labels, VOCABULARY)
    pq.write_table(pq.read_table(path).slice(1, 1), path)
    assert load_tag_table(labels, VOCABULARY).find("b.jpg", "any") == [2]

"""A run that streams tars ends bit-identical after a stop, and is not continued on other tars."""

import io
import json
import tarfile

import pytest
import torch
from PIL import Image
from small_tag2text import CAPTIONS, NAMES, as_method, new_model, weights

from tagalign.backbones.preprocess import Preprocessing
from tagalign.data.pairs import find_shards
from tagalign.data.tag2text.batches import PhotoData
from tagalign.data.tag2text.shards import TaggedShards
from tagalign.data.tag2text.stream import RecordStream
from tagalign.errors import InputError
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.plan import Hooks
from tagalign.train.tag2text.plan import Tag2TextPlan
from tagalign.train.tag2text.training import train_tag2text

PLAN = Tag2TextPlan(steps=5, batch_size=4, learning_rate=1e-3, warmup=1, checkpoint_every=2, log_every=1)


def write_tar(path, first):
    with tarfile.open(path, "w") as tar:
        for i in range(first, first + 6):
            photo, caption = io.BytesIO(), CAPTIONS[i % 5]
            Image.new("RGB", (12, 9), (20 * i, 90, 200 - 9 * i)).save(photo, "PNG")
            tags = [n for n, name in enumerate(NAMES) if name in caption]
            record = json.dumps({"caption": [caption], "parse_label_id": [tags]}).encode()
            for name, content in ((f"{i}.png", photo.getvalue()), (f"{i}.json", record)):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def tars(tmp_path):
    (tmp_path / "tars").mkdir()
    for number in range(2):
        write_tar(tmp_path / f"tars/{number}.tar", 6 * number)
    return tmp_path / "tars"


def run(model, tars, *, out_dir=None, **hooks):
    photos = PhotoData(records=(), folder=tars, preprocessing=Preprocessing(image_size=8), workers=1)
    shards = TaggedShards(refs=tuple(find_shards([tars])), num_tags=len(NAMES))
    stream = RecordStream(shards=shards, photos=photos, window=1)
    return train_tag2text(as_method(model), stream, PLAN, out_dir=out_dir, hooks=Hooks(**hooks))


def test_a_stopped_stream_ends_like_a_whole_one(tars, tmp_path):
    whole, resumed = new_model(), new_model(seed=7)
    run(whole, tars)
    stop = StopRequest()

    def ask_after_two(step, _, numbers):
        stop.signal_number = 15 if step == 2 else 0

    assert not run(new_model(), tars, out_dir=tmp_path / "out", stop=stop, progress=ask_after_two).is_finished
    assert run(resumed, tars, out_dir=tmp_path / "out").is_finished
    assert all(torch.equal(value, weights(resumed)[name]) for name, value in weights(whole).items())
    write_tar(tars / "2.tar", 12)
    with pytest.raises(InputError, match="holds a run with images ="):
        run(new_model(), tars, out_dir=tmp_path / "out")

"""The sums of a part lie beside its scores, and a part begins anew after it was written."""

import json

import torch

from tagalign.methods.looks.experts import Experts
from tagalign.ops.looks.experts import TemplateSums
from tagalign.tasks.folder_look.templates import TemplateRows, sums_path

ONE = Experts.of(
    TemplateSums(entropy=torch.ones(2, 3, dtype=torch.float64), pixels=torch.ones(2, 3, dtype=torch.int64))
)


def test_each_part_holds_its_own_photos(tmp_path):
    sink = TemplateRows()
    assert set(sink.table.folders) == {"scores", "templates"}
    for folder in sink.table.folders:
        (tmp_path / folder).mkdir()
    for number, photos in enumerate((2, 1, 0)):
        for _ in range(photos):
            sink.table.total.add(ONE)
        part = tmp_path / f"scores/part-{number}.parquet"
        sink.table.write(part, [])
        if photos:
            assert Experts.from_values(json.loads(sums_path(part).read_text())).patches == (photos,) * 6
        assert sums_path(part).exists() == bool(photos)

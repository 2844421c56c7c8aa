"""Every training has the flags of a run, with the same words."""

import importlib

import pytest

from tagalign.cli.shared.help import settings_kind
from tagalign.cli.verbs.train.run_flags import TrainingRunFlags
from tagalign.cli.verbs.train.trainers import TRAINERS


@pytest.mark.parametrize("module", TRAINERS.values())
def test_every_trainer_takes_them(module):
    kind = settings_kind(importlib.import_module(module).run)
    assert issubclass(kind, TrainingRunFlags)

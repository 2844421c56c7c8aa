"""What a run of TagAlign makes: a projector with its config and numbers, ready to infer or to be written as a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tagalign.backbones.protocols import BlockBackbone
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import TagAlignOptions
from tagalign.methods.dense.projector import Projector
from tagalign.methods.tagalign.folder import TagAlignConfig, save_tagalign
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.checkpoints import read_state
from tagalign.train.loop.resume import best_trainee
from tagalign.train.tagalign.model_card import model_card


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedProjector:
    """What a run made.

    Attributes:
        projector: in evaluation mode, on the device of the run.
        config: of its model folder.
        numbers: the last logged ones (losses, temperatures, images per second).
        steps: optimiser steps done.
        is_finished: False when a stop was requested before the last step.
        settings: everything that shaped the run, ready for JSON.
    """

    projector: Projector
    config: TagAlignConfig
    numbers: Mapping[str, float]
    steps: int
    is_finished: bool
    settings: Mapping[str, Any]

    def method(self, backbone: BlockBackbone, options: TagAlignOptions | None = None) -> DenseMethod:
        """Ready for inference, without a folder; with the profile it was trained with where the options name none."""
        given = options or TagAlignOptions()
        profile: Any = given.profile or self.config.profile
        return DenseMethod(
            backbone,
            replace(given, profile=profile),
            method="tagalign",
            mode=self.config.mode,
            projector=self.projector,
            logit_scale=self.config.logit_scale,
        )


def write_folders(folder: Path, trained: TrainedProjector, vocabulary: TagVocabulary | None) -> None:
    """Write the model folder, and the best checkpoint as one of its own in ``best/``."""
    _write_folder(folder, trained, trained.projector, vocabulary)
    # written on the way, so a run that was killed has it too
    best = folder / "checkpoints" / "best.safetensors"
    if best.exists():
        state = best_trainee(read_state(best).state)
        own = {k.removeprefix("projector."): v for k, v in state.items() if k.startswith("projector.")}
        config = trained.config
        projector = Projector(width=config.width, dim=config.dim, num_blocks=config.num_blocks)
        projector.load_state_dict(own)
        _write_folder(folder / "best", trained, projector, vocabulary)


def _write_folder(
    folder: Path, trained: TrainedProjector, projector: Projector, vocabulary: TagVocabulary | None
) -> None:
    if vocabulary is not None:
        vocabulary.save(folder / "vocabulary.tsv")
    card = model_card(trained.config, trained.settings, trained.numbers)
    save_tagalign(folder, projector, trained.config, settings=trained.settings, card=card)

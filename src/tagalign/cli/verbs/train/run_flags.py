"""Flags of every training: where it runs, how often it saves and writes."""

import dataclasses

from tagalign.cli.shared.choices import DeviceChoice


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingRunFlags:
    """Where a run is computed, its checkpoints and its log."""

    device: DeviceChoice = "auto"
    """Where to; auto is CUDA where there is one."""
    checkpoint_every: int = 500
    """Steps between checkpoints; what a killed run can lose."""
    keep: int = 2
    """Checkpoints that stay."""
    log_every: int = 10
    """Steps between lines of metrics.jsonl."""
    tensorboard: bool = False
    """Also write TensorBoard files."""

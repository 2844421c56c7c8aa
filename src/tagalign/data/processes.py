"""The processes that share the work of a run, as one of them sees them: who reads which part of the data."""

from dataclasses import dataclass, field

import torch

from tagalign.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The processes of a run, told to one of them.

    Attributes:
        rank: of this process.
        size: number of processes.
        device: of this process.
        is_spread: whether the frozen encoder is spread over them, and so answers only when all ask.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    is_spread: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    @property
    def looks(self) -> bool:
        """Whether this process computes validations: the first, and all where the encoder answers only when all ask."""
        return self.is_first or self.is_spread

    def own_share(self, batch_size: int, *, least: int = 1) -> int:
        """Images of a batch that this process takes; every process takes the same number.

        Args:
            batch_size: over all processes.
            least: images a process needs, e.g. 2 where they are compared with each other.

        Raises:
            InputError: if the batch cannot be shared so.
        """
        if batch_size % self.size or batch_size < least * self.size:
            raise InputError(
                f"batch_size {batch_size} cannot be shared by {self.size} process(es); give a multiple, "
                f"at least {least} for each"
            )
        return batch_size // self.size

    def own_rows(self, batch_size: int) -> slice:
        """The rows of a whole batch that are this process's."""
        own = batch_size // self.size
        return slice(self.rank * own, (self.rank + 1) * own)

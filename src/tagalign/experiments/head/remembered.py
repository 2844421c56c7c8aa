"""An encoder that remembers short requests for text: every row of a table asks for the same names and phrases."""

from collections.abc import Sequence
from copy import copy

from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone

LONGEST = 64
"""Prompts of a request that is remembered; captions of whole training sets are not."""


def with_memory(backbone: BlockBackbone) -> BlockBackbone:
    """The same frozen encoder; a request for text that was made before is not encoded again."""
    known: dict[tuple[str, ...], Tensor] = {}

    def encode_text(prompts: Sequence[str], *, batch_size: int = 256) -> Tensor:
        request = tuple(prompts)
        if len(request) > LONGEST:
            return backbone.encode_text(request, batch_size=batch_size)
        if request not in known:
            known[request] = backbone.encode_text(request, batch_size=batch_size)
        return known[request]

    remembering = copy(backbone)
    vars(remembering)["encode_text"] = encode_text  # of this object alone; weights are shared
    return remembering

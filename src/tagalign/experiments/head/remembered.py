"""An encoder that remembers short requests for text and pictures: every row of a table asks for the same ones."""

import hashlib
from collections.abc import Hashable, Sequence
from copy import copy

from torch import Tensor

from tagalign.backbones.protocols import BlockBackbone, DenseFeatures, Mode, Pixels, Resize

LONGEST = 64
"""Prompts or pictures of a request that is remembered; captions of whole training sets are not."""


def with_memory(backbone: BlockBackbone) -> BlockBackbone:
    """The same frozen encoder; a request for text or pictures that was made before is not encoded again.

    What it gives is shared by all who asked: nobody may write into it. Pictures of training go through the encoder itself,
    or memory grows with them.
    """
    texts: dict[tuple[str, ...], Tensor] = {}
    pictures: dict[Hashable, DenseFeatures] = {}

    def encode_text(prompts: Sequence[str], *, batch_size: int = 256) -> Tensor:
        request = tuple(prompts)
        if len(request) > LONGEST:
            return backbone.encode_text(request, batch_size=batch_size)
        if request not in texts:
            texts[request] = backbone.encode_text(request, batch_size=batch_size)
        return texts[request]

    def encode_dense(
        pixels: Pixels, *, mode: str | Mode = "clip", positions: Resize | None = None
    ) -> DenseFeatures:
        if len(pixels) > LONGEST:
            return backbone.encode_dense(pixels, mode=mode, positions=positions)
        content = hashlib.blake2b(pixels.cpu().contiguous().numpy().tobytes()).digest()
        # modes are frozen: equal if alike
        request = (mode, positions, tuple(pixels.shape), pixels.dtype, content)
        if request not in pictures:
            pictures[request] = backbone.encode_dense(pixels, mode=mode, positions=positions)
        return pictures[request]

    remembering = copy(backbone)
    # of this object alone; weights are shared
    vars(remembering).update(encode_text=encode_text, encode_dense=encode_dense)
    return remembering

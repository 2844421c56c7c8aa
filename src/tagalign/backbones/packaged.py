"""The embedded encoders: small CLIPs of drawn scenes, their weights in the package, no download.

They know the drawings of ``tagalign.data.tiny_world`` and nothing else; never use one on photos.
"""

from pathlib import Path

TINY = "tiny"
"""Trained so that its patches tell of their own place."""

TINY_PLAIN = "tiny-plain"
"""Trained on captions and the class token alone, as CLIP was: its patches speak of the whole picture."""

PACKAGED = {TINY: "tiny", TINY_PLAIN: "tiny_plain"}
"""Name to the folder in this package."""


def packaged_dir(name: str = TINY) -> Path:
    """Return the folder of an embedded encoder: config, float16 weights, tokenizer, preprocessing, model card.

    Raises:
        KeyError: if none has that name.
    """
    return Path(__file__).parent / PACKAGED[name]

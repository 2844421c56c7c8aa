"""The embedded tiny CLIP: a small model of drawn scenes, its weights in the package, no download."""

from pathlib import Path


def tiny_clip_dir() -> Path:
    """Return the folder of the packaged tiny CLIP: config, float16 weights, tokenizer, preprocessing, model card.

    It knows the drawings of ``tagalign.data.tiny_world`` and nothing else; never use it on photos.
    """
    return Path(__file__).parent / "tiny"

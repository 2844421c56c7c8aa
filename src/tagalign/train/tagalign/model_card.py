"""The README of a trained folder: what it is, what it was trained on and how, what it must not be used for."""

from collections.abc import Mapping
from typing import Any

from tagalign.methods.tagalign.folder import TagAlignConfig


def model_card(config: TagAlignConfig, settings: Mapping[str, Any], numbers: Mapping[str, float]) -> str:
    """Markdown text; everything in it comes from the run itself."""
    weights = ", ".join(f"{name} {weight:g}" for name, weight in settings["loss_weights"].items())
    teacher = settings.get("teacher_labels")
    taught = (
        ""
        if teacher is None
        else f"\n| distilled | {teacher} labels of a frozen tagger, into {settings['teacher_student']} |"
    )
    sources = "captions alone" if teacher is None else "captions and the scores of a tagger"
    rows = "\n".join(f"| {name} | {value:.5g} |" for name, value in numbers.items())
    return f"""# TagAlign projector

Aligns the patches of a frozen CLIP with words. It holds the trained part alone; the encoder is `{config.backbone}`
(weights `{config.backbone_hash}`), features `{config.mode}`.

```python
import tagalign

model = tagalign.load("FOLDER")
```

| | |
|---|---|
| profile | {settings["profile"]} |
| tag loss | {settings["loss"]} |
| loss weights | {weights} |
| tags | {settings["vocabulary_size"]} (`vocabulary.tsv`) |{taught}
| steps | {settings["steps"]} of {settings["batch_size"]} images |
| learning rate | {settings["learning_rate"]:g}, AdamW |
| seed | {settings["seed"]} |

Last numbers of the run (`metrics.jsonl` has all):

| | |
|---|--:|
{rows}

## Limits

It was trained on {sources} and repeats what they say and leave out. Its use is bound by the licences of the encoder and of
the training images and captions. All settings are in `settings.json`.
"""

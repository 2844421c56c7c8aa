"""A look on disk: ``look.json``, and beside it a file of tensors where a method learned any; see ``docs/formats.md``.

The tensors are written first and under a name of their own, so that the head never names what is not there whole.
"""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from tagalign.atomic import atomic_write, sweep
from tagalign.errors import InputError, TagalignError
from tagalign.json_text import json_text
from tagalign.methods.looks.compounds import Compounds
from tagalign.methods.looks.experts import Experts
from tagalign.methods.looks.head import FORMAT, HEAD, VERSION, missing_look, read_head, unreadable_look
from tagalign.methods.looks.look import Look, Photos
from tagalign.methods.looks.profiles import look_profile
from tagalign.ops.looks.moments import Moments
from tagalign.tags.label_sets import label_set_from


def write_look(folder: Path, look: Look) -> Path:
    """Write a look into a folder; returns the path of its head. What an older look left there is taken away."""
    sweep(folder, [HEAD])
    tensors = _write_tensors(folder, look)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "mark": look.mark(),
        "facts": dict(look.facts),
        "label_set": dataclasses.asdict(look.labels),
        "profile": look.profile.name,
        "photos": {"count": look.photos.count, "mark": look.photos.text()},
        "moments": look.moments.values(),
        "labels": _for_people(look),
        "tensors": tensors,
    }
    if look.compounds is not None:
        content["compounds"] = look.compounds.values()
    if look.experts is not None:
        content["experts"] = look.experts.values()
    with atomic_write(folder / HEAD) as temp:
        temp.write_text(json_text(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    # only now: until the head was replaced, the older head still needed them
    for path in folder.glob("look-*.safetensors"):
        if path.name != tensors:
            path.unlink()
    return folder / HEAD


def _write_tensors(folder: Path, look: Look) -> str | None:
    if not look.tensors:
        return None
    content = save({name: value.contiguous() for name, value in sorted(look.tensors.items())})
    # named by what it holds: the same look written again gives the same folder, and another never overwrites a file in use
    name = f"look-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
    sweep(folder, [name])
    with atomic_write(folder / name) as temp:
        temp.write_bytes(content)
    return name


def _for_people(look: Look) -> list[dict[str, Any]]:
    """Mean and deviation of each label; read by nothing, the exact sums are."""
    rows = zip(look.labels.names, look.moments.mean(), look.moments.deviation(), strict=True)
    return [{"name": name, "mean": round(m, 6), "deviation": round(d, 6)} for name, m, d in rows]


def read_look(path: Path) -> Look:
    """A look from its folder, or its head.

    Raises:
        InputError: if there is none, it is damaged, or another release wrote it.
    """
    head, values = read_head(path)
    try:
        return _look(head, values)
    except FileNotFoundError as error:
        raise missing_look(path, Path(error.filename or head).name) from error
    except TagalignError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise unreadable_look(head, error) from error


def _look(head: Path, values: dict[str, Any]) -> Look:
    labels = label_set_from(values["label_set"])
    look = Look(
        facts=values["facts"],
        labels=labels,
        profile=look_profile(values["profile"]),
        photos=Photos(count=int(values["photos"]["count"]), mark=int(values["photos"]["mark"], 16)),
        moments=Moments.from_values(values["moments"]),
        tensors={} if values["tensors"] is None else load_file(head.parent / values["tensors"]),
        compounds=Compounds.from_values(values["compounds"]) if "compounds" in values else None,
        experts=Experts.from_values(values["experts"]) if "experts" in values else None,
    )
    # an edited look would be applied to other labels without a word
    if look.mark() != values["mark"] or len(look.moments.sums.units) != len(labels):
        raise InputError(f"{head}: changed after it was written; look at the folder again (tagalign look)")
    return look

"""Where compound prompts come from: a list of sentences, or the co-occurrence of labels in tag shards."""

from pathlib import Path

from tagalign.errors import InputError
from tagalign.labels import LabelSet
from tagalign.tags.compound.co_occurrence import prompts_of_shards
from tagalign.tags.compound.membership import members_by_label
from tagalign.tags.text_files import text_lines

MOST_PROMPTS = 4096
"""Each is a column of every photo that is looked at."""


def read_prompts(place: Path, labels: LabelSet) -> tuple[str, ...]:
    """Compound prompts that name at least one label each; without duplicates, in their order.

    Args:
        place: a list, one sentence a line, in a ``.txt`` file; or a tag shard, or a folder of them.
        labels: with their other words.

    Raises:
        InputError: where there is nothing, nothing names a label, or too much does.
        DataError: for shards that cannot be read.
    """
    if not place.exists():
        raise InputError(f"--compounds {place}: no such file or folder; give a list (.txt) or tag shards")
    is_list = place.is_file() and place.suffix.lower() == ".txt"
    given = _lines(place) if is_list else prompts_of_shards(place, labels)
    return usable_prompts(given, labels, f"--compounds {place}")


def usable_prompts(given: tuple[str, ...], labels: LabelSet, where: str) -> tuple[str, ...]:
    """Those that name a label, in their order.

    Raises:
        InputError: where none does, or too many do.
    """
    naming = {i for ids in members_by_label(given, labels) for i in ids}
    prompts = tuple(prompt for i, prompt in enumerate(given) if i in naming)
    if not prompts:
        raise InputError(f"{where}: none of its {len(given)} sentences names one of the labels")
    if len(prompts) > MOST_PROMPTS:
        raise InputError(
            f"{where}: {len(prompts)} prompts name labels, at most {MOST_PROMPTS} can be weighed; give fewer"
        )
    return prompts


def _lines(place: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in text_lines(place) if line.strip()))

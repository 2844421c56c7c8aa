"""The flags that say which labels are meant, in which prompts, and against which words."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tagalign.cli.shared.choices import BackgroundWords, Templates
from tagalign.cli.shared.flag_values import check_text
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.labels import LabelSet


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelFlags:
    """Flags about labels."""

    labels: str | None = None
    """Comma-separated names, or the name of a benchmark's list such as voc20."""
    labels_file: Path | None = None
    """A file with one label per line (labels may hold commas), or a label set in JSON."""

    def check_labels(self) -> None:
        """Refuse no labels and two lists of them; what they are is read later, with much that is imported for it.

        Raises:
            InputError: if none or both flags are given.
        """
        if (self.labels is None) == (self.labels_file is None):
            raise InputError(
                'give labels with --labels "a,b,c" or with --labels-file FILE (exactly one of them)'
            )

    def label_set(self) -> "LabelSet":
        """The labels meant.

        Raises:
            InputError: if none or both flags are given, or the labels cannot be used.
        """
        self.check_labels()
        from tagalign.tags.label_sets import load_label_set

        check_text("--labels", self.labels)
        return load_label_set(self.labels_file if self.labels_file is not None else str(self.labels))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromptFlags(LabelFlags):
    """Flags about prompts, and words that compete."""

    background_words: BackgroundWords | None = None
    """Words that compete and are never answered; by default those of the label set."""
    templates: Templates | None = None
    """Prompts that the labels are put into, a set by name; by default that of the label set, else the method's own."""

    def prompted_labels(self) -> "LabelSet":
        """``label_set`` with these words and prompts in the place of its own."""
        from tagalign.tags.label_sets import background_words, template_set

        labels = self.label_set()
        if self.background_words is not None:
            labels = dataclasses.replace(labels, background=background_words(self.background_words))
        if self.templates is not None:
            labels = dataclasses.replace(labels, templates=template_set(self.templates))
        return labels

    def acting_labels(self, labels: "LabelSet", acts: bool, why: str) -> "LabelSet":
        """The labels; background words that would not act are refused where a flag asks for them, else left out.

        Args:
            labels: of ``prompted_labels``.
            acts: whether the method and the verb use such words.
            why: they do not, and what to do; ends the message.

        Raises:
            InputError: for --background-words that do not act.
        """
        if not labels.background or acts:
            return labels
        if self.background_words is not None:
            raise InputError(f"--background-words {self.background_words} does not act: {why}")
        return dataclasses.replace(labels, background=())

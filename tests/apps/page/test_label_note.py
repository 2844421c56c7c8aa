"""What is said about labels while they are typed: counts by hand, refusals with their line, long lists and files."""

import pytest

pytest.importorskip("gradio", reason="the app extra is not installed")

from tagalign.apps.page.label_note import label_note


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dog, cat", ">2 labels<"),
        ("cup: mug, coffee cup; not vase", ">1 label · 2 other words · 1 excluded word<"),
        ("[pet, one]\ndog\ncat\n[]\nsky", ">3 labels · 1 group<"),
        ("voc20", ">20 labels<"),
        ("", "type at least one label"),
        ("dog\n\ncup: mug; not", "line 3: expected words"),
        ("\n\ncup: mug\nglass: mug", "lines 3 and 4: &#39;mug&#39; is another word"),
        ("dog, dog", "stands twice in the comma list, at 1 and 2"),
        ("[a, under b]\ndog\n[b, under a]\ncat", "in a circle"),
        ("labels.txt", "a file of the machine"),
    ],
)
def test_counts_and_refusals(text, said):
    assert said in label_note(text)
    assert ("refusal" in label_note(text)) == (said[0] != ">" and "file" not in said)


def test_what_is_no_mistake_is_a_note_and_only_the_first_are_shown():
    shown = label_note("cup; not vase\nvase")
    assert shown.startswith('<div class="label-note" aria-live="polite">2 labels · 1 excluded word<ul><li>')
    assert "is a label itself" in shown
    many = "\n".join(f"thing{i}; not thing{i + 1}" for i in range(6))
    assert label_note(many).count("<li>") == 4
    assert "and 2 more" in label_note(many)


def test_names_are_text_and_long_lists_are_counted():
    assert "<script>" not in label_note("<script>; not <b>\n<script>")
    assert "2,500 labels ·" in label_note("\n".join(f"label {i}; not label {i + 1}" for i in range(2_500)))

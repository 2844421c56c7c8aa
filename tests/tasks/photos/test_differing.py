"""What is said of two jobs that are not the same."""

from tagalign.tasks.photos.differing import differing

JOB = {
    "kind": "segment",
    "model": {"weight_hash": "ab", "method": "clip", "model": "tiny", "templates": ("a", "b")},
    "label_set": {"labels": [{"name": "dog", "aliases": []}, {"name": "cat", "aliases": []}]},
}


def changed(**model):
    return JOB | {"model": JOB["model"] | model}


def test_the_same_job_differs_in_nothing():
    assert differing(JOB, JOB | {"model": dict(JOB["model"], templates=["a", "b"])}) == ""


def test_what_people_choose_comes_first_and_the_rest_is_counted():
    other = changed(weight_hash="cd", model="b16", method="surgery", templates=())
    other["label_set"] = {"labels": [{"name": "dog"}]}
    assert (
        differing(JOB, other)
        == "model: 'tiny' there, 'b16' now; method: 'clip' there, 'surgery' now; labels: dog, cat there, dog now, and 2 more"
    )


def test_another_verb_is_said_alone():
    assert differing(JOB, {"kind": "tag", "model": {"model": "b16"}}) == "kind: 'segment' there, 'tag' now"


def test_other_words_of_the_same_labels():
    other = JOB | {"label_set": {"labels": [{"name": "dog", "aliases": ["hound"]}, {"name": "cat"}]}}
    assert differing(JOB, other) == "other words of labels"


def test_long_lists_and_control_characters_do_not_fill_the_line():
    other = JOB | {"label_set": {"labels": [{"name": f"label {i}\n"} for i in range(1000)]}}
    assert len(differing(JOB, other)) < 120
    assert "\n" not in differing(JOB, other)

import pytest

from tagalign.integrations.label_studio.config import ConfigLabel
from tagalign.integrations.label_studio.learned import THRESHOLDS_FILE, LearnedLists, list_key, read_learned
from tagalign.integrations.label_studio.words import ConfigWords

ENTRIES = (
    ConfigWords().asked([ConfigLabel(value="a", shown="dog"), ConfigLabel(value="b", shown="é")]).entries
)


def test_thresholds_come_back_for_the_same_list_and_model(tmp_path):
    made = LearnedLists(mark="m", by_list={list_key(ENTRIES): {"dog": 0.25}})
    made.save(tmp_path)
    found = read_learned(tmp_path, "m")
    assert found == made
    assert found.of(ENTRIES) == {"dog": 0.25}
    assert found.of(ENTRIES[:1]) == {}
    assert [list(one) for one in found.lists()] == [list(ENTRIES)]
    assert read_learned(tmp_path, "another") == LearnedLists(mark="another")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"model": "m", "lists": 3}',
        '{"model": "m", "lists": [{"labels": []}]}',
        '{"model": "m", "lists": [3]}',
    ],
)
def test_a_damaged_file_is_made_again(tmp_path, text):
    (tmp_path / THRESHOLDS_FILE).write_text(text)
    assert read_learned(tmp_path, "m") == LearnedLists(mark="m")

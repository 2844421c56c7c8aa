"""Index files of WordNet, in small: what shares a synset, and what is no WordNet."""

import pytest

from tagalign.errors import InputError
from tagalign.tags.wordnet import read_wordnet

LICENCE = "  1 This software and database is being provided to you\n  2 and more\n"
INDEX = {
    "noun": "couch n 2 2 @ ~ 2 1 04263630 03097362  \nsofa n 1 2 @ ~ 1 1 04263630  \n"
    "cell_phone n 1 1 @ 1 0 02992529  \nmobile_phone n 1 1 @ 1 0 02992529  \ndog n 1 1 @ 1 1 02086723  \n",
    "verb": "couch v 1 2 @ ~ 1 0 00982640  \nrun v 1 0 1 1 04263630  \n",
    "adj": "big a 1 1 & 1 1 01386234  \nlarge a 1 1 & 1 1 01386234  \n",
    "adv": "often r 1 1 ! 1 1 00035775  \n",
}


@pytest.fixture
def folder(tmp_path):
    for part, lines in INDEX.items():
        (tmp_path / f"index.{part}").write_text(LICENCE + lines)
    return tmp_path


def test_words_of_one_synset_are_alike(folder):
    words = read_wordnet(folder)
    assert words.alike("couch", "sofa")
    assert words.alike("sofa", "couch")
    assert words.alike("big", "large")
    assert words.alike("cell phone", "mobile phone")
    assert not words.alike("couch", "dog")


def test_equal_words_are_alike_and_unknown_ones_are_not(folder):
    words = read_wordnet(folder)
    assert words.alike("frobnicator", "frobnicator")
    assert not words.alike("frobnicator", "dog")
    # places count within their part of speech: both stand at 04263630
    assert not words.alike("run", "sofa")


def test_a_dict_below_the_folder_is_found_and_has_the_same_mark(folder, tmp_path_factory):
    above = tmp_path_factory.mktemp("above")
    (above / "dict").symlink_to(folder)
    assert read_wordnet(above).mark == read_wordnet(folder).mark


def test_what_is_no_wordnet_is_refused(tmp_path, folder):
    with pytest.raises(InputError, match=r"expected the files of WordNet, index\.noun first"):
        read_wordnet(tmp_path / "nothing")
    read_wordnet.cache_clear()
    (folder / "index.adv").unlink()
    with pytest.raises(InputError, match=r"index\.adv: cannot be read .*; WordNet has adv words too"):
        read_wordnet(folder)
    (folder / "index.adv").write_text("often r 9 1 ! 1 1 00035775\n")
    with pytest.raises(
        InputError, match=r"index\.adv, line 1: expected a lemma and its synsets, got 'often r 9"
    ):
        read_wordnet(folder)

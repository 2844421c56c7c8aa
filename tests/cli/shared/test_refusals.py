"""What the parser of flags refuses, in one line."""

from tagalign.cli.main import main


def test_options_of_a_refinement_are_pointed_to_where_they_are_given(capsys):
    assert main(["segment", "x.png", "--labels", "dog", "--refine", "tlp:profile=released"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "--option refine=tlp:profile=released" in said[0]

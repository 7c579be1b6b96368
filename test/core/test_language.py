"""Instructions take the words their skill needs and no others."""

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import Instruction


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"skill": "pick", "colour": "red"}, "pick up the red box"),
        ({"skill": "pick", "size": "large"}, "pick up the large box"),
        ({"skill": "place", "size": "small", "bin": "left"}, "put the small box in the left bin"),
        ({"skill": "move", "colour": "blue", "station": "b"}, "move the blue box to station b"),
        ({"skill": "stack", "colour": "blue", "onto": "red"}, "stack the blue box on the red box"),
        ({"skill": "hand_over", "side": "right"}, "hand the bar over to your right hand"),
    ],
)
def test_every_skill_has_a_canonical_sentence(words, sentence):
    assert Instruction(**words).sentence == sentence


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"skill": "juggle"}, "unknown skill 'juggle'; the skills are pick"),
        ({"skill": "pick"}, "'pick' got nothing more; it needs colour or size"),
        ({"skill": "pick", "colour": "red", "bin": "left"}, "'pick' got colour, bin; it needs colour or size"),
        ({"skill": "place", "colour": "red"}, "it needs colour and bin or bin and size"),
        ({"skill": "push", "colour": "mauve", "side": "left"}, "unknown colour 'mauve'; allowed: red"),
        ({"skill": "stack", "colour": "red", "onto": "red"}, "the red box can't stand on itself"),
        ({"skill": "press", "side": "left"}, "'press' got side; it needs nothing more"),
    ],
)
def test_missing_superfluous_and_unknown_words_are_named(words, problem):
    with pytest.raises(ConfigError, match=problem):
        Instruction(**words)

"""Names of colours that nobody taught are read as what people call them, and things are not taken for colours."""

import pytest

from optimus_nodes.core.language import SLOTS, all_instructions, wordings
from optimus_nodes.policy.colour_names import in_plain_colours, kind_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("cobalt", "blue"), ("crimson", "red"), ("jade", "green"), ("lemon", "yellow"), ("lilac", "purple")),
        *(("salmon", "pink"), ("chocolate", "brown"), ("silver", "grey"), ("peach", "orange")),
    ],
)
def test_a_name_means_what_people_call_colours_near_to_it(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("sentence", "plain"),
    [
        ("Grab the crimson cube, please!", "grab the red cube , please !"),
        ("would you get the one which is cobalt", "would you get the one which is blue"),
        ("put the avocado brick on the burnt umber one", "put the green brick on the brown one"),
        ("hoist jade coloured crate", "hoist green coloured crate"),
    ],
)
def test_what_a_thing_is_like_is_said_plainly(sentence: str, plain: str) -> None:
    assert in_plain_colours(sentence) == plain


@pytest.mark.parametrize(
    "sentence",
    [
        "grab the apple",
        "take the apple to station a",
        "Pick up the plum, please",
        "put the scarlet box in the left bin",
        "push the pale blue box to the left",
        "wave",
        "",
    ],
)
def test_things_and_names_that_are_taught_stay_as_they_are(sentence: str) -> None:
    assert in_plain_colours(sentence) == sentence


def test_nothing_that_is_taught_is_changed() -> None:
    every = [sentence for one in all_instructions(tuple(SLOTS)) for sentence in wordings(one)]
    assert [sentence for sentence in every if in_plain_colours(sentence) != sentence] == []

"""What an evaluation asks for, and how sure its answer is."""

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.statistics import wilson_interval
from optimus_nodes.core.suites import meaning_of, tally, trials


def test_trials_depend_on_the_seed_only():
    assert trials("pick_place", 8, 1000) == trials("pick_place", 8, 1000)
    assert trials("pick_place", 8, 1000) != trials("pick_place", 8, 2000)


def test_colours_and_bins_are_balanced():
    asked = [(t.task.colour, t.task.bin) for t in trials("pick_place", 16, 1000)]
    assert len(set(asked)) == 8 and all(asked.count(one) == 2 for one in asked)


def test_a_swapped_sentence_names_another_colour_and_the_same_bin():
    for trial in trials("pick_place", 20, 1000, swap=True):
        assert trial.told.colour != trial.task.colour and trial.told.bin == trial.task.bin
        assert trial.told.colour in trial.sentence and trial.task.colour not in trial.sentence


def test_a_given_sentence_is_used_every_time():
    asked = trials("pick_place", 3, 0, sentence="Put the blue cube into the right bin.")
    assert {(t.told.skill, t.told.colour, t.told.bin) for t in asked} == {("place", "blue", "right")}


def test_a_sentence_nobody_was_taught_is_refused_with_examples():
    with pytest.raises(ConfigError, match="'juggle' is not a sentence the policy was taught; for example 'pick up"):
        meaning_of("juggle")


def test_an_unknown_suite_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="unknown suite 'dance'; the suites are pick_place, pick, home"):
        trials("dance", 1, 0)


def test_no_episodes_is_refused():
    with pytest.raises(ConfigError, match="episodes is 0"):
        trials("pick", 0, 0)


@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"),
    [(40, 50, 0.670, 0.888), (0, 20, 0.0, 0.161), (20, 20, 0.839, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson_intervals_match_published_values(successes, episodes, low, high):
    assert wilson_interval(successes, episodes) == pytest.approx((low, high), abs=1e-3)


def test_tally_counts_per_name():
    assert tally(["a", "b", "a"], [True, False, False])["a"] == {"successes": 1, "episodes": 2}

"""Meanings are numbers that say exactly what an instruction says."""

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import SLOTS, Instruction, all_instructions
from optimus_nodes.core.meaning import MEANING, MEANING_PLACES, MEANING_SIZE, instruction_of, meaning_vector


def test_every_instruction_comes_back_from_its_meaning():
    everything = all_instructions(tuple(SLOTS))
    vectors = np.stack([meaning_vector(one) for one in everything])
    assert vectors.shape == (len(everything), MEANING_SIZE) and vectors.dtype == np.float32
    assert [instruction_of(vector) for vector in vectors] == list(everything)
    assert len(np.unique(vectors, axis=0)) == len(everything)


def test_every_slot_has_one_place_for_each_value_and_nothing_comes_first():
    assert list(MEANING) == ["skill", "colour", "bin", "size", "station", "onto", "side"]
    assert [values[0] for values in list(MEANING.values())[1:]] == [""] * 6
    assert MEANING_PLACES["side"].stop == MEANING_SIZE
    assert meaning_vector(Instruction("wave", side="left")).sum() == len(MEANING)


def test_probabilities_are_read_by_their_largest():
    vector = 0.6 * meaning_vector(Instruction("pick", "red")) + 0.4 * meaning_vector(Instruction("pick", "blue"))
    assert instruction_of(vector) == Instruction("pick", "red")


def test_values_that_make_no_instruction_are_refused():
    vector = meaning_vector(Instruction("home"))
    vector[MEANING_PLACES["colour"]] = [0, 1, 0, 0, 0]
    with pytest.raises(ConfigError, match="'home' got colour; it needs nothing more"):
        instruction_of(vector)


@pytest.mark.parametrize(
    ("vector", "problem"),
    [
        (np.zeros(3), rf"a meaning has shape \(3,\); it must be \({MEANING_SIZE},\)"),
        (np.full(MEANING_SIZE, np.nan), "a meaning is not finite"),
    ],
)
def test_a_vector_that_is_no_meaning_is_refused(vector, problem):
    with pytest.raises(ConfigError, match=problem):
        instruction_of(vector)

"""Sentences and pictures reach the network in one way only, in training and on the robot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from optimus_nodes.core.errors import ContractError
from optimus_nodes.core.language import all_instructions, first_wordings, wordings
from optimus_nodes.policy.preprocess import shrink
from optimus_nodes.policy.tokenizer import MAX_WORDS, Tokenizer, grammar_vocabulary, split


def test_every_sentence_of_the_grammar_fits_without_an_unknown_word() -> None:
    tokenizer = Tokenizer(grammar_vocabulary())
    for instruction in all_instructions():
        for sentence in wordings(instruction):
            assert len(split(sentence)) <= MAX_WORDS
            assert 1 not in tokenizer.encode(sentence)


def test_case_and_punctuation_do_not_matter_and_order_does() -> None:
    tokenizer = Tokenizer(grammar_vocabulary())
    np.testing.assert_array_equal(tokenizer.encode("Pick up the RED box!"), tokenizer.encode("pick up the red box"))
    assert tokenizer.encode("red left").tolist() != tokenizer.encode("left red").tolist()


def test_an_unknown_word_is_marked_and_a_long_sentence_cut() -> None:
    tokenizer = Tokenizer(grammar_vocabulary())
    assert tokenizer.encode("pick up the purple box")[3] == 1
    assert tokenizer.encode("red " * 40).shape == (MAX_WORDS,)
    assert tokenizer.encode("").tolist() == [0] * MAX_WORDS


def test_the_vocabulary_is_the_same_every_time() -> None:
    assert grammar_vocabulary() == grammar_vocabulary()
    assert {"red", "left", "bin", "home"} <= set(grammar_vocabulary())


def test_a_damaged_vocabulary_is_refused() -> None:
    with pytest.raises(ContractError, match=r"the vocabulary starts with \['red', 'box'\]"):
        Tokenizer(["red", "box"])
    with pytest.raises(ContractError, match="repeats a word"):
        Tokenizer([*grammar_vocabulary(), "red"])


def test_pictures_shrink_by_area_and_pass_untouched_at_size() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    small = shrink(picture, 96, 128)
    np.testing.assert_array_equal(small, cv2.resize(picture, (128, 96), interpolation=cv2.INTER_AREA))
    np.testing.assert_array_equal(shrink(small, 96, 128), small)


@pytest.mark.parametrize("shape", [(96, 128), (96, 128, 4)])
def test_something_that_is_no_colour_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match=r"the policy takes \(height, width, 3\) uint8 RGB"):
        shrink(np.zeros(shape, np.uint8), 48, 64)


def test_a_vocabulary_of_few_words_takes_other_wordings_as_the_canonical_one() -> None:
    words = sorted({word for one in all_instructions() for text in first_wordings(one) for word in split(text)})
    tokenizer = Tokenizer(["<pad>", "<unk>", *words])
    red = next(one for one in all_instructions() if one.colour == "red")
    for sentence in wordings(red)[len(first_wordings(red)) :]:
        encoded = tokenizer.encode(sentence)
        assert 1 not in encoded or tokenizer.encode(red.sentence).tolist() == encoded.tolist(), sentence

"""The grammar says one thing in many ways, and what it holds back for evaluation is in no sentence of training."""

import random

import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import (
    SKILLS,
    SLOTS,
    Instruction,
    all_instructions,
    draw_wording,
    find_instruction,
    first_wordings,
    heldout_wordings,
    wordings,
)
from optimus_nodes.core.tasks_suite import task_of
from optimus_nodes.core.wordings import HELDOUT_VALUES, HELDOUT_WORDS, VALUES, WORDS
from optimus_nodes.core.wordings_file import heldout_rows, read_wordings, training_rows, write_wordings
from optimus_nodes.core.wordings_heldout import HELDOUT_TEMPLATES
from optimus_nodes.core.wordings_templates import TEMPLATES

EVERYTHING = all_instructions(tuple(SLOTS))
PICK_RED = Instruction("pick", "red")


def test_without_skills_it_is_what_the_first_policy_was_taught():
    assert len(all_instructions()) == 14 and {one.skill for one in all_instructions()} == set(SKILLS)
    assert "please pick up the red cube" in first_wordings(PICK_RED)
    for one in all_instructions():
        assert set(first_wordings(one)) <= set(wordings(one))


def test_skills_give_every_form_of_themselves():
    assert len(EVERYTHING) == len(set(EVERYTHING)) == 63
    assert Instruction("place", bin="left", size="small") in all_instructions(("place",))
    with pytest.raises(ConfigError, match="unknown skill 'juggle'; the skills are pick"):
        all_instructions(("juggle",))


def test_an_instruction_has_many_wordings_and_the_canonical_one_comes_first():
    for one in EVERYTHING:
        assert wordings(one)[0] == one.sentence == first_wordings(one)[0]
        assert len(wordings(one)) == len(set(wordings(one))) >= 60
        assert len(heldout_wordings(one)) >= 20
        assert not any("{" in text or "  " in text or text != text.strip() for text in wordings(one))


def test_no_sentence_means_two_things():
    for sentences_of in (wordings, heldout_wordings):
        meant = {}
        for one in EVERYTHING:
            for sentence in sentences_of(one):
                assert meant.setdefault(sentence, one) == one, sentence


def test_no_held_out_sentence_is_among_those_of_training():
    training = {sentence for one in EVERYTHING for sentence in wordings(one)}
    assert not training & {sentence for one in EVERYTHING for sentence in heldout_wordings(one)}
    for skill in SLOTS:
        assert not set(TEMPLATES[skill]) & set(HELDOUT_TEMPLATES[skill])


def test_every_held_out_word_is_new_to_training():
    """By the tables, so that it holds for every sentence that training can ever draw."""
    texts = [text for table in (WORDS, VALUES, TEMPLATES) for texts in table.values() for text in texts]
    texts += [text for one in EVERYTHING for text in wordings(one)]
    known = {word for text in texts for word in text.lstrip("!").split()}
    for table in (HELDOUT_WORDS, HELDOUT_VALUES):
        for phrase in (phrase for phrases in table.values() for phrase in phrases):
            assert not set(phrase.split()) <= known, f"{phrase!r} is made of words of training"


def test_sentences_held_out_for_their_words_have_such_a_word():
    heldout = [f" {phrase} " for table in (HELDOUT_WORDS, HELDOUT_VALUES) for t in table.values() for phrase in t]
    for one in EVERYTHING:
        assert all(any(phrase in f" {text} " for phrase in heldout) for text in heldout_wordings(one, "words"))
    assert any("crimson" in text for text in heldout_wordings(PICK_RED, "words"))
    with pytest.raises(ConfigError, match="unknown kind 'verbs' of held-out sentences; the kinds are wordings, words"):
        heldout_wordings(PICK_RED, "verbs")


def test_a_draw_depends_on_the_generator_alone():
    assert [draw_wording(PICK_RED, random.Random(3)) for _ in range(2)] == [
        draw_wording(PICK_RED, random.Random(3))
    ] * 2
    assert len({draw_wording(PICK_RED, random.Random(seed)) for seed in range(50)}) > 40


def test_a_wording_is_found_again_whatever_its_case_and_end():
    assert find_instruction(" Pick up the RED box! ") == PICK_RED
    assert find_instruction("what a nice day") is None


def test_sentences_go_to_a_file_and_back(tmp_path):
    rows = [*heldout_rows(each=2), *training_rows(each=1)]
    assert write_wordings(tmp_path / "w.jsonl", rows) == 63 * 3
    assert read_wordings(tmp_path / "w.jsonl") == [(task_of(one), one, sentence) for one, sentence in rows]
    assert len({task_of(one) for one in EVERYTHING}) == 17


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("pick up", "line 2 is not JSON"),
        ('{"task": "wave"}', "line 2 has task; it must be an object with task, arguments, sentence"),
        ('{"task": "fly", "arguments": {}, "sentence": "x"}', "line 2: task is 'fly'; the tasks are pick_colour"),
        ('{"task": "home", "arguments": {}, "sentence": " "}', "line 2: sentence is ' '; it must be text"),
        ('{"task": "home", "arguments": [], "sentence": "x"}', r"line 2: arguments is \[\]; it must be an object"),
        ('{"task": "wave", "arguments": {"hand": "left"}, "sentence": "x"}', "line 2: arguments has 'hand'; allowed"),
        ('{"task": "wave", "arguments": {"side": "up"}, "sentence": "x"}', "arguments.side is 'up'; allowed: left, r"),
        ('{"task": "wave", "arguments": {}, "sentence": "x"}', "arguments of task wave: 'wave' got nothing more"),
        (
            '{"task": "place_left", "arguments": {"bin": "right", "colour": "red"}, "sentence": "x"}',
            "task place_left says",
        ),
        ('{"task": "pick_size", "arguments": {"colour": "red"}, "sentence": "x"}', "are those of pick_colour, not of"),
    ],
)
def test_a_bad_line_is_named_with_its_field(tmp_path, line, problem):
    (tmp_path / "w.jsonl").write_text('{"task": "home", "arguments": {}, "sentence": "go home"}\n' + line + "\n")
    with pytest.raises(ConfigError, match=problem):
        read_wordings(tmp_path / "w.jsonl")


def test_a_file_that_is_missing_or_empty_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none.jsonl cannot be read"):
        read_wordings(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(ConfigError, match=r"empty.jsonl holds no sentences"):
        read_wordings(tmp_path / "empty.jsonl")

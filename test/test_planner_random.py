"""The offline planner and words that nobody thought of: nothing crashes, and nothing is done that was not said."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_planner_offline import BLIND, EVERYTHING, SCENE, sentences, talk

from optimus_nodes.core.language import SLOTS, all_instructions, first_wordings
from optimus_nodes.core.planner import PlanContext
from optimus_nodes.core.world import World
from optimus_nodes.planner.lexicon import verbs
from optimus_nodes.planner.words import normalise

TOLD = sorted(
    {(sentence, one) for one in all_instructions(tuple(SLOTS)) for sentence in first_wordings(one)},
    key=lambda pair: pair[0],
)


HOME = {"home", "rest", "position", "pose", "posture"}  # the only orders without a verb, as "initial posture"
any_wording = st.sampled_from([p for p in TOLD if p[1].skill in ("place", "home", "press", "point") and not p[1].size])


@settings(max_examples=40, deadline=None)
@given(st.lists(any_wording, min_size=1, max_size=5), st.sampled_from((" and then ", ", then ", "; ", ". ", " and ")))
def test_wordings_in_a_row_mean_their_steps_in_order(pairs, joint):
    world, wanted = BLIND, []
    text = joint.join(sentence for sentence, _ in pairs)
    for _, instruction in pairs:
        if instruction.skill != "place" or instruction.sentence not in wanted:  # a box is where it goes already
            wanted.append(instruction.sentence)
    proposal = EVERYTHING.plan(text, PlanContext(world))
    if proposal.status == "refused":
        assert "out of" in proposal.say
    else:
        assert sentences(proposal) == "; ".join(wanted)


@given(st.text(max_size=200))
@example("INITIAL POSTURE")
@example("default")
def test_junk_never_crashes_and_never_becomes_steps(text):
    proposal = EVERYTHING.plan(text, PlanContext(SCENE))
    assert proposal.say
    parts = normalise(text)
    ordered = any(verbs().longest(parts, at)[1] for at in range(len(parts))) or HOME.intersection(parts)
    assert proposal.steps == () or ordered


VOCABULARY = sorted(
    {word for sentence, _ in TOLD for word in sentence.split()}
    | {"it", "and", "then", ",", "there", "too", "not", "one", "other", "purple", "from", "a", "don't", "stop", "no"}
)


@given(st.lists(st.sampled_from(VOCABULARY), max_size=14), st.lists(st.sampled_from(VOCABULARY), max_size=5))
def test_shuffled_words_never_crash_and_steps_only_name_what_was_said(parts, more):
    for proposal in talk(" ".join(parts), " ".join(more)):
        for one in proposal.steps:
            thing = SCENE.find(one.step.thing)
            assert thing is None or thing.kind == "box"
    if {"not", "purple", "don't"}.intersection(parts):
        assert talk(" ".join(parts))[0].steps == ()


@given(st.lists(st.sampled_from([*VOCABULARY, "either one", "the other one", "both", "yes"]), min_size=1, max_size=6))
def test_a_talk_about_a_bench_with_nothing_on_it_never_crashes(parts):
    said = [" ".join(parts), *parts, "either one"]
    assert all(proposal.say for proposal in talk(*said, world=World((), SCENE.places)))


@given(st.sampled_from([sentence for sentence, _ in TOLD]), st.integers(0, 12), st.text("bdfghjkqvwxz", min_size=4))
def test_one_unknown_word_anywhere_and_nothing_is_carried_out(sentence, where, word):
    parts = sentence.split()
    parts.insert(min(where, len(parts)), word)
    assert EVERYTHING.plan(" ".join(parts), PlanContext(SCENE)).steps == ()

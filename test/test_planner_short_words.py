"""Words that say nothing by themselves: again, yes, no. What they mean is in what was said before."""

from __future__ import annotations

import pytest

from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.planner import PlanContext, PlanProposal
from optimus_nodes.core.world import World, after, assumed_world
from optimus_nodes.planner.offline import OfflinePlanner

PLANNER = OfflinePlanner(tuple(SLOTS))


def talk(*texts: str) -> PlanProposal:
    """What is proposed for the last of `texts`; every plan before it was carried out."""
    world: World = assumed_world(tuple(SLOTS))
    context = PlanContext(world)
    for text in texts:
        proposal = PLANNER.plan(text, context)
        for step in proposal.steps:
            world = after(step.step, world)
        context = PlanContext(world, proposal.memory, proposal.pending)
    return proposal


@pytest.mark.parametrize("again", ["again", "Try again.", "do it again", "go on"])
def test_what_was_asked_last_is_done_again(again: str) -> None:
    proposal = talk("wave with your left hand", again)
    assert [step.sentence for step in proposal.steps] == ["wave with your left hand"]
    assert talk(again).say == "There is nothing yet that I could do again."


def test_what_is_done_already_is_not_done_again() -> None:
    proposal = talk("put the red box in the left bin", "do it again")
    assert proposal.status != "plan" and "left bin" in proposal.say


@pytest.mark.parametrize("word", ["no", "No!", "nope"])
def test_a_no_to_a_robot_that_moves_stops_it(word: str) -> None:
    context = PlanContext(assumed_world(tuple(SLOTS)), doing="pick up the red box")
    assert PLANNER.plan(word, context).status == "stop"


@pytest.mark.parametrize("word", ["yes", "no", "no thanks"])
def test_an_answer_to_no_question_is_no_order(word: str) -> None:
    assert talk(word).say == "I did not ask anything."


DONE = ("put the red box in the left bin", "wave with your left hand", "put the blue box in the right bin")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What did you just put in the bin?", "The blue box, in the right bin."),
        ("what have you put into the left bin", "The red box, in the left bin."),
        ("what did you put in the bin on the right", "The blue box, in the right bin."),
    ],
)
def test_it_remembers_what_it_put_where(question: str, answer: str) -> None:
    context = PlanContext(assumed_world(tuple(SLOTS)), done=DONE)
    assert PLANNER.plan(question, context).say == answer
    nothing = PLANNER.plan(question, PlanContext(assumed_world(tuple(SLOTS)), done=DONE[1:2]))
    assert nothing.say == "I have not put anything there yet."

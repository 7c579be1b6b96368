"""No plan leaves the planner with anything that is not in the catalogue and the scene."""

import pytest

from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.plan_gate import objection
from optimus_nodes.core.plan_runner import PlanRules
from optimus_nodes.core.plan_session import PlanSession
from optimus_nodes.core.planner import PlannedStep, PlanProposal
from optimus_nodes.core.world import Step, Thing, World, assumed_world

SKILLS = tuple(SLOTS)
WORLD = World(
    (Thing("red_box", colour="red"), Thing("blue_box", colour="blue", place="left_bin")), ("left_bin", "right_bin")
)
PICK = PlannedStep(Step("pick", "red_box"), "pick up the red box")
PLACE = PlannedStep(Step("place", "red_box", "right_bin"), "put the red box in the right bin")


def test_steps_of_the_catalogue_about_things_in_sight_pass():
    assert objection((PICK, PLACE), WORLD, SKILLS) == ""
    assumed = assumed_world(SKILLS)
    assert objection((PlannedStep(Step("pick"), "pick up the small box"),), assumed, SKILLS) == ""


@pytest.mark.parametrize(
    ("steps", "skills", "named"),
    [
        ((PICK,), ("home",), "not learned to pick"),
        ((PlannedStep(Step("throw", "red_box"), "throw the red box"),), SKILLS, "not learned to throw"),
        ((PlannedStep(Step("pick", "red_box"), "pick up the red box; rm -rf /"),), SKILLS, "not what I say"),
        ((PlannedStep(Step("pick", "red_box"), "swing both arms as fast as you can"),), SKILLS, "not what I say"),
        ((PlannedStep(Step("pick"), "pick up the small box"),), SKILLS, "not what I say|can't see"),
        ((PlannedStep(Step("pick", "person"), "pick up the person"),), SKILLS, "can't see person"),
        ((PICK, PlannedStep(Step("pick", "blue_box"), "pick up the blue box")), SKILLS, "out of the left bin"),
        ((PlannedStep(Step("place", "red_box", "window"), "put the red box in the window"),), SKILLS, "no place"),
        ((PlannedStep(Step("wave", side="left"), "wave with your left hand"),) * 21, SKILLS, "at most 20"),
    ],
)
def test_everything_else_is_named_and_refused(steps, skills, named):
    with pytest.raises(AssertionError, match=named):
        assert not objection(steps, WORLD, skills), objection(steps, WORLD, skills)


def test_a_session_starts_nothing_that_is_objected_to():
    session = PlanSession(PlanRules(), world=WORLD, skills=SKILLS)
    _, request = session.ask("throw it", 0.0)
    session.answer(request, PlanProposal("plan", "Sure!", (PlannedStep(Step("throw", "red_box"), "throw it"),)), 0.1)
    said, (ended,) = session.drain()
    assert session.runner.task.sentence == "" and not ended.success
    assert "not learned to throw" in said[0] and "Sure" not in said[0]

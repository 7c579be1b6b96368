"""What the judge of a plan believes: the scene, never the robot's words."""

from __future__ import annotations

import numpy as np

from optimus_nodes.core.captions import caption, step_lines
from optimus_nodes.core.judge import PlanJudge
from optimus_nodes.core.plan import Plan, PlanState, PlanStep, StepState
from optimus_nodes.core.tasks_body import Body
from optimus_nodes.core.values import SceneObject, SceneState

RED, BLUE = "put the red box in the left bin", "put the blue box in the right bin"


def scene(red: str = "station_a", blue: str = "station_b", held_by: str = "") -> SceneState:
    def box(colour: str, place: str, hand: str = "") -> SceneObject:
        upright = np.array([1.0, 0.0, 0.0, 0.0])
        size = np.full(3, 0.05)
        return SceneObject(f"box_{colour}", "box", colour, "small", np.zeros(3), upright, size, place, hand)

    return SceneState(0.0, 1, (box("red", red, held_by), box("blue", blue)))


def plan(*states: StepState, number: int = 1) -> Plan:
    steps = tuple(PlanStep(sentence, state) for sentence, state in zip((RED, BLUE), states))
    return Plan(number, "put the boxes away", steps, PlanState.RUNNING)


def test_a_step_is_done_when_the_box_is_in_the_bin() -> None:
    judge = PlanJudge(scene())
    judge.on_plan(plan(StepState.RUNNING))
    assert judge.verdicts(scene(red="left_bin")) == [(RED, True, "")]


def test_what_the_robot_claims_does_not_count() -> None:
    judge = PlanJudge(scene())
    judge.on_plan(plan(StepState.RUNNING))
    judge.on_plan(plan(StepState.DONE))
    assert judge.verdicts(scene()) == [(RED, False, "box_red is in station_a")]
    assert not judge.verdicts(scene(red="left_bin", held_by="left"))[0][1]


def test_a_box_that_was_taken_out_again_is_not_in_the_bin() -> None:
    judge = PlanJudge(scene())
    judge.on_plan(plan(StepState.RUNNING, StepState.PENDING))
    judge.on_scene(scene(red="left_bin"))
    judge.on_plan(plan(StepState.DONE, StepState.RUNNING))
    verdicts = judge.verdicts(scene(red="floor", blue="right_bin"))
    assert [done for _, done, _ in verdicts] == [False, True]


def test_a_step_that_never_began_is_not_done() -> None:
    judge = PlanJudge(scene())
    judge.on_plan(plan(StepState.RUNNING, StepState.PENDING))
    assert judge.verdicts(scene(red="left_bin", blue="right_bin"))[1] == (BLUE, False, "it was never begun")


def test_without_a_plan_nothing_was_done() -> None:
    assert PlanJudge(scene()).verdicts(scene(red="left_bin")) == []


def test_the_caption_shows_the_sentence_and_the_step() -> None:
    running = Plan(1, "x", (PlanStep(RED, StepState.DONE), PlanStep(BLUE, StepState.RUNNING, 0.5)), PlanState.RUNNING)
    first, second = caption("put both away", running, 12.3)
    assert first == '"put both away"'
    assert second == f" 12.3 s  step 2/2: {BLUE}  50 %"
    assert caption("go", Plan(1, "go", (), PlanState.DONE, "I am done."), 1.0)[1].endswith("done: I am done.")
    assert caption("", None, 0.0)[0] == "waiting for an instruction"
    assert len(caption("x" * 200, None, 0.0)[0]) == 90


def test_every_step_has_a_line_with_its_state() -> None:
    steps = (PlanStep(RED, StepState.FAILED, 0.3, "I dropped it"), PlanStep(BLUE))
    assert step_lines(Plan(1, "x", steps, PlanState.FAILED)) == [
        f"  1. [ failed] {RED} - I dropped it",
        f"  2. [   wait] {BLUE}",
    ]


def steps_of(*told: tuple[str, StepState]) -> Plan:
    return Plan(1, "go", tuple(PlanStep(sentence, state) for sentence, state in told), PlanState.RUNNING)


def waving(y: float) -> Body:
    return Body(np.zeros(14), {"left": np.array([0.3, y, 1.4])}, {}, {"left": 1.2})


def test_a_hand_that_waved_on_the_way_has_waved_though_it_is_home_now() -> None:
    judge, wave = PlanJudge(scene()), "wave with your left hand"
    judge.on_plan(steps_of((wave, StepState.RUNNING), ("go home", StepState.PENDING)))
    for y in (0.0, 0.1, 0.0, 0.1, 0.0, 0.1, 0.0):
        judge.on_scene(scene(), waving(y))
    judge.on_plan(steps_of((wave, StepState.DONE), ("go home", StepState.RUNNING)))
    assert [done for _, done, _ in judge.verdicts(scene(), Body(np.zeros(14)))] == [True, True]
    assert [done for _, done, _ in judge.verdicts(scene(), Body(np.full(14, 0.3)))] == [True, False]


def test_a_step_about_what_is_not_there_was_not_done() -> None:
    judge = PlanJudge(scene())
    judge.on_plan(steps_of(("open the drawer", StepState.RUNNING)))
    assert judge.verdicts(scene()) == [("open the drawer", False, "it speaks of what is not in this scene")]


def test_a_sentence_nobody_knows_cannot_be_judged() -> None:
    judge = PlanJudge(scene())
    judge.on_plan(steps_of(("dance", StepState.RUNNING)))
    assert judge.verdicts(scene()) == [("dance", False, "the simulator cannot judge this step")]

"""When to record: plans become episodes, and what led to a mishap is kept."""

from __future__ import annotations

from optimus_nodes.core.episode import Outcome
from optimus_nodes.core.plan import Plan, PlanState, PlanStep, StepState
from optimus_nodes.core.recording import Begin, End, KeepPast, Note, RecordingRules


def plan(state: PlanState, step: StepState, *, number: int = 1, reason: str = "", say: str = "") -> Plan:
    return Plan(number, "wave", (PlanStep("wave the hand", step, 0.0, reason),), state, say)


RUNNING = plan(PlanState.RUNNING, StepState.RUNNING)
DONE = plan(PlanState.DONE, StepState.DONE, say="Done.")
FAILED = plan(PlanState.FAILED, StepState.FAILED, reason="it took longer than 30 s", say="I could not wave.")


def test_a_plan_becomes_an_episode_that_ends_a_little_after_it():
    rules = RecordingRules(tail=0.5)
    orders = rules.on_plan(RUNNING, False, 10.0)
    assert orders[0] == Begin("wave")
    assert Note("task", "running: wave the hand") in orders
    assert rules.on_plan(RUNNING, True, 11.0) == []
    assert Note("task", "done: wave the hand") in rules.on_plan(DONE, True, 12.0)
    assert rules.tick(12.4) == []
    assert rules.tick(12.5) == [End(Outcome(True, "", "planner"))]
    assert rules.tick(13.0) == []


def test_a_failed_plan_is_kept_with_its_reason():
    rules = RecordingRules(tail=0.0)
    rules.on_plan(RUNNING, False, 1.0)
    rules.on_plan(FAILED, True, 2.0)
    assert rules.tick(2.0) == [End(Outcome(False, "it took longer than 30 s", "planner"))]


def test_an_instruction_that_replaces_another_begins_a_new_episode():
    rules = RecordingRules()
    rules.on_plan(RUNNING, False, 1.0)
    orders = rules.on_plan(plan(PlanState.RUNNING, StepState.RUNNING, number=2), True, 2.0)
    assert isinstance(orders[0], End) and orders[0].outcome.success is False
    assert orders[1] == Begin("wave")


def test_a_plan_that_had_ended_before_the_recorder_began_is_no_episode():
    assert RecordingRules().on_plan(DONE, False, 1.0) == []


def test_an_episode_that_a_person_began_is_not_ended_by_a_plan():
    rules = RecordingRules(tail=0.0)
    orders = rules.on_plan(RUNNING, True, 1.0)
    assert not any(isinstance(order, Begin) for order in orders)
    rules.on_plan(DONE, True, 2.0)
    assert rules.tick(3.0) == []


def test_the_past_is_kept_when_the_stop_is_pressed_outside_an_episode():
    rules = RecordingRules()
    assert isinstance(rules.on_emergency_stop(True, False)[0], KeepPast)
    assert rules.on_emergency_stop(True, False) == []
    assert rules.on_emergency_stop(False, True) == [Note("emergency_stop", "released")]
    assert rules.on_emergency_stop(True, True) == [Note("emergency_stop", "pressed")]


def test_the_past_is_kept_when_a_plan_fails_that_is_not_recorded():
    rules = RecordingRules(follow_plans=False)
    rules.on_plan(RUNNING, False, 1.0)
    orders = rules.on_plan(FAILED, False, 2.0)
    assert orders[-1] == KeepPast("wave", Outcome(False, "I could not wave.", "planner"))


def test_a_person_taking_over_and_giving_back_is_noted():
    rules = RecordingRules()
    rules.on_owner("policy", True)
    assert rules.on_owner("teleop", True) == [Note("intervention", "a person took over")]
    assert rules.on_owner("policy", True) == [Note("intervention", "given back: policy")]
    assert rules.on_owner("none", True) == []

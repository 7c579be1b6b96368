"""A small model may only choose among plain orders made of what was said, and what they can't tell is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.planner import PlanContext
from optimus_nodes.core.world import Thing, World
from optimus_nodes.planner.chat import Message, ModelError
from optimus_nodes.planner.offline import OfflinePlanner
from optimus_nodes.planner.retell import FORMS, NONE, RetellingPlanner, clauses, orders

SKILLS = tuple(SLOTS)
WORLD = World(
    (
        Thing("red_box", colour="red", size="large", place="station_a"),
        Thing("blue_box", colour="blue", size="small", place="station_b"),
        Thing("drawer", "drawer", state="closed"),
        Thing("button", "button"),
        Thing("bar", "bar"),
    ),
    ("left_bin", "right_bin", "station_a", "station_b"),
)


class Chooser:
    """Takes the first order that has the wanted words in it, or replies with `raw`."""

    name = "double"

    def __init__(self, *wanted: str, raw: str = "") -> None:
        self._wanted, self._raw, self.asked = wanted, raw, 0

    def reply(self, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> str:
        self.asked += 1
        choices = [item["enum"] for item in schema["properties"]["orders"]["prefixItems"]]
        chosen = [next((o for o in some if word in o), NONE) for some, word in zip(choices, self._wanted, strict=True)]
        return self._raw or json.dumps({"orders": chosen})


def plan(text: str, model: Chooser):
    return RetellingPlanner(model, SKILLS).plan(text, PlanContext(WORLD))


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("chuck the crimson cube into the left basket", ["put the red box in the left bin"]),
        ("pop the navy block onto the scarlet one", ["stack the blue box on the red box"]),
        ("get the tiny one over to area b", ["move the small box to station b"]),
        ("take the blue one with your left hand", ["pick up the blue box with your left hand"]),
    ],
)
def test_of_what_was_said_nothing_is_left_out_and_nothing_is_added(clause: str, found: list[str]) -> None:
    assert orders(clause, SKILLS) == found


def test_only_skills_of_the_policy_can_be_chosen() -> None:
    assert orders("take the red one", ("home", "pick")) == ["pick up the red box"]
    assert orders("take the red one", ("home",)) == ["go home"]


def test_a_sentence_is_parted_into_what_may_be_single_orders() -> None:
    assert clauses("Take the red box, then wave. Finally go home") == ["take the red box", "wave", "go home"]
    assert len(clauses(" and ".join(["wave"] * 20))) == 6


@pytest.mark.parametrize("skill", SKILLS)
def test_every_order_is_understood_without_a_model(skill: str) -> None:
    text = FORMS[skill].format(thing="the red box", onto="the blue box", side="left", station="b", hand="")
    proposal = OfflinePlanner(SKILLS).plan(text, PlanContext(WORLD))
    assert proposal.understood, proposal.say


def test_what_was_chosen_becomes_steps_about_things_in_sight() -> None:
    proposal = plan("chuck the crimson cube into the left basket, then say hello with the left", Chooser("put", "wave"))
    assert [step.sentence for step in proposal.steps] == ["put the red box in the left bin", "wave with your left hand"]


@pytest.mark.parametrize(
    "text", ["if the drawer is open, wave", "take all but the red one", "take two boxes", "don't take the red box"]
)
def test_what_plain_orders_cannot_tell_is_refused_unasked(text: str) -> None:
    model = Chooser("pick")
    proposal = plan(text, model)
    assert (proposal.status, proposal.understood, model.asked) == ("refused", False, 0)


def test_none_of_the_orders_is_a_refusal() -> None:
    proposal = plan("paint the red box", Chooser("paint"))
    assert (proposal.status, proposal.understood, proposal.steps) == ("refused", False, ())


@pytest.mark.parametrize("raw", ["{}", "wave", '{"orders": ["rm -rf /"]}', '{"orders": []}', '{"orders": 3}'])
def test_a_reply_that_was_not_on_offer_is_an_error(raw: str) -> None:
    with pytest.raises(ModelError, match="no orders it could choose from"):
        plan("take the red box", Chooser("pick", raw=raw))


def test_a_stop_needs_no_model() -> None:
    model = Chooser()
    assert plan("stop", model).status == "stop" and model.asked == 0

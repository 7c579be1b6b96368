"""The grammar: what the skills make of it, that it is JSGF, and that the planner knows what can be heard."""

from __future__ import annotations

import random
import re

import pytest

from optimus_nodes.core.language import SLOTS
from optimus_nodes.core.planner import PlanContext, is_stop
from optimus_nodes.core.wordings import FIRST_TEMPLATES
from optimus_nodes.core.world import World
from optimus_nodes.planner.offline import OfflinePlanner
from optimus_nodes.speech import grammar

ALL = tuple(SLOTS)


def test_it_speaks_of_the_skills_it_is_given_only() -> None:
    words = grammar.vocabulary(grammar.rules(("press", "wave")))
    assert {"press", "wave", "button"} <= words
    assert not {"drawer", "sort", "bar"} & words


def test_every_skill_can_be_asked_for_in_its_canonical_words() -> None:
    table = grammar.rules(ALL)
    for skill in ALL:
        assert FIRST_TEMPLATES[skill][0] in table[skill]


def test_the_grammar_is_jsgf_whose_rules_are_all_there() -> None:
    lines = grammar.jsgf(grammar.rules(ALL, ("optimus",))).splitlines()
    assert lines[:2] == ["#JSGF V1.0;", "grammar heard;"]
    made = {re.match(r"(?:public )?<(\w+)> = .+;$", line)[1] for line in lines[2:]}  # type: ignore[index]
    used = {name for line in lines[2:] for name in re.findall(r"<(\w+)>", line.split("=", 1)[1])}
    assert used - {"NULL"} <= made
    assert sum(line.startswith("public ") for line in lines) == 1


@pytest.mark.parametrize("start", ["orders", "turn"])
def test_what_can_be_heard_the_planner_understands(start: str) -> None:
    """It may ask back or refuse; that it does not know the words would make the grammar a trap."""
    table, rng = grammar.rules(ALL), random.Random(3)
    planner, strange = OfflinePlanner(ALL), []
    for _ in range(300):
        text = grammar.draw(table, rng, start)
        if not planner.plan(text, PlanContext(World())).understood:
            strange.append(text)
    assert len(strange) <= 3, strange


def test_every_stop_of_the_grammar_stops() -> None:
    assert all(is_stop(text) for text in grammar.STOPS)


def test_examples_speak_of_each_skill_and_call_by_turns() -> None:
    said = grammar.examples(("press", "wave", "pick"), ("optimus", "robot"))
    assert said == grammar.examples(("press", "wave", "pick"), ("optimus", "robot"))
    assert said.startswith("Optimus, p") and ". Robot, " in said and said.count("Optimus, ") == 2
    assert grammar.examples(("open",), ()) == "open the drawer."

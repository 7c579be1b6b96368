"""When the instructions of the bench count as done, and what goes wrong on the way."""

from dataclasses import replace

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import Instruction
from optimus_nodes.core.tasks import TaskJudge, instruction_done, why_not_done
from optimus_nodes.core.tasks_body import Body
from optimus_nodes.core.values import SceneObject, SceneState

UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
TOPPLED = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])
SMALL, LARGE = np.array([0.045, 0.045, 0.06]), np.array([0.056, 0.056, 0.075])
TOP = -0.10


def thing(name, kind, at, size=SMALL, word="", **rest):
    return SceneObject(name, kind, name.removeprefix("box_"), word, np.array(at, float), UPRIGHT, size, **rest)


def on_bench(x, y, size):
    return (x, y, TOP + size[2] / 2)


START = SceneState(
    0.0,
    0,
    (
        thing("box_red", "box", on_bench(0.28, 0.30, SMALL), SMALL, "small", place="station_a"),
        thing("box_blue", "box", on_bench(0.28, -0.30, SMALL), SMALL, "small", place="station_b"),
        thing("box_green", "box", on_bench(0.35, 0.22, LARGE), LARGE, "large", place="station_a"),
        thing("bar", "bar", (0.27, 0.0, TOP + 0.0225), np.array([0.045, 0.18, 0.045])),
        thing("button", "button", (0.46, -0.31, -0.06)),
        thing("drawer", "drawer", (0.5, 0.32, -0.06), state=0.10),
        thing("distractor_0", "distractor", (0.4, -0.2, -0.07)),
    ),
)


def after(name, dx=0.0, dy=0.0, dz=0.0, start=START, **changes):
    """`start` with one thing moved and changed."""
    old = start.find(name)
    new = replace(old, position=old.position + np.array([dx, dy, dz]), **changes)
    return SceneState(1.0, 0, tuple(new if o.name == name else o for o in start.objects))


def verdict(instruction, *frames, start=START):
    """Why it is not done after the `frames`, each a scene, a body, or both."""
    judge = TaskJudge(instruction, start)
    for frame in frames:
        scene, body = frame if isinstance(frame, tuple) else (frame, Body())
        judge.see(scene, body)
    return judge.why_not()


MOVE = Instruction("move", "red", station="b")
PUSH = Instruction("push", "red", side="left")
OVER = Instruction("hand_over", side="right")
STACK = Instruction("stack", "red", onto="green")
ON_GREEN = {"dx": 0.07, "dy": -0.08, "dz": 0.075, "place": ""}


@pytest.mark.parametrize(
    ("instruction", "now", "wrong"),
    [
        (MOVE, after("box_red", dy=-0.5, place="station_b"), ""),
        (MOVE, after("box_red", dy=-0.5, place="station_b", orientation=TOPPLED), "box_red has toppled over"),
        (MOVE, after("box_red", dy=-0.5, place="station_b", held_by="right"), "box_red is still in the right hand"),
        (MOVE, START, "box_red is in station_a"),
        (STACK, after("box_red", **ON_GREEN), ""),
        (STACK, after("box_red", **(ON_GREEN | {"dx": 0.11})), "not on box_green"),
        (STACK, after("box_red", **(ON_GREEN | {"dz": 0.12})), "not on box_green"),
        (STACK, after("box_red", **ON_GREEN, held_by="left"), "box_red is still in the left hand"),
        (PUSH, after("box_red", dy=0.06), ""),
        (PUSH, after("box_red", dy=0.03), "box_red went 3.0 cm to the left, not 5"),
        (PUSH, after("box_red", dy=-0.06), "box_red went -6.0 cm to the left"),
        (Instruction("push", "red", side="right"), after("box_red", dy=-0.06), ""),
        (PUSH, after("box_red", dy=0.06, orientation=TOPPLED), "box_red has toppled over"),
        (Instruction("press"), after("button", state=1.0), ""),
        (Instruction("press"), START, "the button was not pressed"),
        (Instruction("close"), after("drawer", state=0.01), ""),
        (Instruction("close"), START, "the drawer is still open by 10 cm"),
        (Instruction("open"), after("drawer", state=0.03), "the drawer is open by 3 cm, not 8"),
        (Instruction("open"), after("drawer", state=0.09), ""),
        (Instruction("sort", "red"), after("box_red", place="left_bin"), ""),
        (Instruction("sort", "red"), after("box_red", place="right_bin"), "box_red is in right_bin"),
        (Instruction("sort", "green"), after("box_green", place="right_bin"), ""),
        (Instruction("pick", size="large"), after("box_green", dz=0.1, place="", held_by="left"), ""),
        (Instruction("pick", size="large"), after("box_red", dz=0.05, held_by="left"), "box_green is in station_a"),
        (Instruction("pick", "red"), after("box_red", held_by="left"), "box_red is in the left hand, but not lifted"),
        (Instruction("place", bin="left", size="large"), after("box_green", place="left_bin"), ""),
    ],
)
def test_the_end_of_a_task_is_judged_and_explained(instruction, now, wrong):
    said = verdict(instruction, now)
    assert wrong in said and (said == "") is (wrong == "")
    assert instruction_done(instruction, START, now) is (wrong == "")
    if wrong:
        assert wrong in why_not_done(instruction, now, START)


def test_a_box_that_was_lifted_was_not_pushed():
    lifted = after("box_red", dz=0.05, held_by="left", place="")
    assert verdict(PUSH, lifted, after("box_red", dy=0.06)) == "box_red was lifted by 5 cm instead of pushed"


def test_the_bar_is_handed_over_when_the_other_hand_had_it_and_this_one_alone_has_it_now():
    in_left, in_both, in_right = (after("bar", dz=0.1, held_by=side) for side in ("left", "both", "right"))
    assert verdict(OVER, in_left, in_both, in_right) == ""
    assert verdict(OVER, in_left, in_both) == "the bar is in both hands"
    assert verdict(OVER, in_left, START) == "the bar is in no hand"
    assert verdict(OVER, in_right) == "the left hand never held the bar"


def test_on_the_bench_a_box_that_fell_was_not_put_down():
    high, low = (after("box_red", dz=dz, place="", held_by="left") for dz in (0.15, 0.01))
    assert verdict(Instruction("put_down"), low, START, start=high) == ""
    assert verdict(Instruction("put_down"), high, START, start=high) == "the box was dropped from 15 cm"
    assert verdict(Instruction("put_down"), low, start=high) == "the box is not standing on the bench"


def tips(left, right=(0.2, -0.4, 0.1)):
    return Body(fingertips={"left": np.array(left), "right": np.array(right)})


def test_pointing_needs_a_fingertip_close_above_the_named_box_and_nearer_than_to_any_other():
    red = Instruction("point", "red")
    assert verdict(red, (START, tips((0.27, 0.31, 0.03)))) == ""
    assert instruction_done(red, START, START, body=tips((0.27, 0.31, 0.03)))
    assert "no index finger points at box_red" in verdict(red, (START, tips((0.27, 0.31, 0.15))))
    assert "no index finger points at box_red" in verdict(red, (START, tips((0.315, 0.26, -0.01))))
    assert "box_red was moved by 3 cm" in verdict(red, (after("box_red", dx=0.03), tips((0.31, 0.31, 0.0))))
    assert not instruction_done(red, START, START)


def waving(side, y, z=0.5):
    hands = {"left": np.array([0.2, 0.3, 0.0]), "right": np.array([0.2, -0.3, 0.0])}
    hands[side] = np.array([0.2, y, z])
    return START, Body(hands=hands, shoulders={"left": 0.4, "right": 0.4})


def test_waving_is_two_swings_of_the_named_hand_above_its_shoulder():
    path = [*np.linspace(0.3, 0.4, 5), *np.linspace(0.4, 0.3, 5)] * 2
    left = Instruction("wave", side="left")
    assert verdict(left, *[waving("left", y) for y in path]) == ""
    assert "swung 1 times" in verdict(left, *[waving("left", y) for y in path[:10]])
    assert "swung 0 times" in verdict(left, *[waving("left", y, z=0.3) for y in path])
    assert "swung 0 times" in verdict(left, *[waving("left", 0.3 + 0.02 * (k % 2)) for k in range(20)])
    assert verdict(left, *[waving("right", -y) for y in path]) == "the right hand waved"


def test_a_task_fails_when_something_else_was_moved_or_fell():
    pressed = after("button", state=1.0)
    assert verdict(Instruction("press"), after("box_blue", dx=0.09, start=pressed)) == ""
    moved = after("box_blue", dx=0.12, start=pressed)
    assert verdict(Instruction("press"), moved) == "box_blue, which was not asked for, was moved by 12 cm"
    fell = after("distractor_0", place="floor", start=pressed)
    assert verdict(Instruction("press"), fell) == "distractor_0 fell off the bench"


def test_in_the_scene_of_boxes_only_the_end_counts():
    boxes = SceneState(0.0, 0, START.objects[:3])
    now = after("box_blue", dx=0.3, start=after("box_red", place="left_bin", start=boxes))
    assert verdict(Instruction("place", "red", "left"), now, start=boxes) == ""


def test_a_size_that_several_boxes_have_is_refused():
    with pytest.raises(ConfigError, match="the small box means the only one of its size, but scene 0 has 2"):
        TaskJudge(Instruction("pick", size="small"), START)

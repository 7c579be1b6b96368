"""`optimus plan`: a world from a file, a plan as one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimus_nodes.cli.main import main
from optimus_nodes.core.errors import ConfigError
from optimus_nodes.planner.documents import read_world

WORLD = {
    "objects": [
        {"name": "red_box_1", "kind": "box", "colour": "red", "size": "large", "place": "station_a"},
        {"name": "red_box_2", "color": "red", "size": "small", "place": "table"},
        {"name": "blue_box_1", "colour": "blue", "size": "small", "place": None},
    ],
    "places": ["left_bin", "right_bin", "station_a", "station_b"],
    "holding": {"left": None, "right": None},
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    file = tmp_path / "world.json"
    file.write_text(json.dumps(WORLD))
    return file


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["plan", *words])
    return ended.value.code, capsys.readouterr()


def test_a_plan_is_one_line_of_json_with_the_things_it_is_about(world, capsys):
    code, said = run(capsys, "put all red boxes in the left bin, then wave", "--world", str(world), "--json")
    (line,) = said.out.splitlines()
    plan = json.loads(line)
    assert (code, plan["status"]) == (0, "plan")
    assert plan["steps"] == [
        {
            "skill": "place",
            "arguments": {"object": "red_box_1", "colour": "red", "size": "large", "bin": "left"},
            "sentence": "put the large box in the left bin",
        },
        {
            "skill": "place",
            "arguments": {"object": "red_box_2", "colour": "red", "size": "small", "bin": "left"},
            "sentence": "put the small red box in the left bin",
        },
        {"skill": "wave", "arguments": {"side": "right"}, "sentence": "wave with your right hand"},
    ]


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("put the red box in the left bin", "question", 0),
        ("how many boxes are there?", "answer", 0),
        ("pick up the purple box", "refused", 1),
        ("stop", "stop", 0),
    ],
)
def test_what_is_no_plan_has_no_steps(world, capsys, text, status, code):
    got, said = run(capsys, text, "--world", str(world), "--json")
    plan = json.loads(said.out)
    assert (got, plan["status"], plan["steps"]) == (code, status, [])
    assert plan["say"]


def test_people_read_a_list_and_need_no_world(capsys):
    code, said = run(capsys, "put the red box in the left bin and go home")
    assert code == 0
    assert said.out.splitlines()[1:] == ["1. put the red box in the left bin", "2. go to the home position"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"places": ["left_bin"]}, "red_box_1 is in 'station_a', which is no place or object here; places: left_bin"),
        ({"holding": {"left": "spoon"}}, "the left hand holds 'spoon', which is none of the objects: red_box_1"),
        ({"objects": [{"name": "a"}, {"name": "a"}]}, "two things or places are called 'a'"),
        ({"objects": [{"name": "a", "size": "huge"}]}, "objects.0.size: Input should be '', 'small' or 'large'"),
        ({"objects": [{"name": "a", "weight": 3}]}, "objects.0.weight: Extra inputs are not permitted"),
        ({"objects": [{"name": "rm -rf /; $(x)"}]}, "objects.0.name: String should match pattern"),
        ({"things": []}, "things: Extra inputs are not permitted"),
    ],
)
def test_a_world_that_makes_no_sense_is_refused_with_file_and_entry(world, change, words):
    world.write_text(json.dumps(WORLD | change))
    with pytest.raises(ConfigError) as refused:
        read_world(world)
    assert str(world) in str(refused.value)
    assert words in str(refused.value)


def test_a_missing_or_broken_file_is_said_plainly(tmp_path, capsys):
    code, said = run(capsys, "wave", "--world", str(tmp_path / "none.json"))
    assert code == 2 and "none.json can't be read: No such file or directory" in said.err
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match="broken.json, the whole: Invalid JSON"):
        read_world(tmp_path / "broken.json")


def test_what_is_held_is_in_no_place(world):
    world.write_text(json.dumps(WORLD | {"holding": {"left": "red_box_1", "right": None}}))
    seen = read_world(world)
    assert (seen.left, seen.right, seen.find("red_box_1").place) == ("red_box_1", "", "")

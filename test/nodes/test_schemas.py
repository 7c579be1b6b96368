"""Message definitions for recordings: other programs parse them, and read our bytes with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from optimus_humanoid.msg import Plan, PlanStep, TactileArray
from rclpy.serialization import serialize_message
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CameraInfo, JointState
from std_msgs.msg import Header

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.dataset.mcap_log import McapLog
from optimus_nodes.ros.schemas import schema_text


def test_the_text_holds_the_definition_and_all_it_is_made_of_once() -> None:
    name, text = schema_text(Plan)
    assert name == "optimus_humanoid/msg/Plan"
    rest = text.split("=" * 80 + "\n")[1:]
    assert [part.split("\n")[0] for part in rest] == [
        "MSG: std_msgs/Header",
        "MSG: builtin_interfaces/Time",
        "MSG: optimus_humanoid/PlanStep",
    ]
    assert "PlanStep[] steps" in text and "uint8 CANCELLED=3" in text


def test_a_message_without_a_definition_here_is_named() -> None:
    class Missing:
        __module__ = "sensor_msgs.msg._missing"

    with pytest.raises(ConfigError, match="sensor_msgs/msg/Missing has no definition here; looked for .*make env"):
        schema_text(Missing)


@pytest.mark.parametrize(
    ("message", "check"),
    [
        (JointState(name=["a"], position=[1.0], velocity=[2.0], effort=[3.0]), lambda m: m.effort.tolist() == [3.0]),
        (TactileArray(name=["thumb"], force=[0.5]), lambda m: (m.name, m.force.tolist()) == (["thumb"], [0.5])),
        (Plan(instruction="go", steps=[PlanStep(sentence="x")]), lambda m: m.steps[0].sentence == "x"),
        (
            CameraInfo(header=Header(frame_id="head"), width=640),
            lambda m: (m.width, m.header.frame_id) == (640, "head"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_rosbags_parses_the_text_and_reads_our_bytes_with_it(tmp_path: Path, message: object, check) -> None:
    with McapLog(tmp_path / "a.mcap") as log:
        channel = log.channel("/topic", *schema_text(type(message)))
        log.write(channel, 1, 1, serialize_message(message))
    with AnyReader([tmp_path / "a.mcap"], default_typestore=get_typestore(Stores.EMPTY)) as bag:
        ((connection, _, raw),) = bag.messages()
        assert check(bag.deserialize(raw, connection.msgtype))

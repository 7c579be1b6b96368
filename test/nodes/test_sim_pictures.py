"""The cameras of the simulator show the instant that their stamp says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import Image, JointState
from sim_bench import ALL, ROBOT, URDF, Bench, Heard, Mover, wait_for

from optimus_nodes.cli.companion import Companion
from optimus_nodes.ros import convert


@pytest.fixture
def fewer_states(tmp_path: Path) -> Iterator[Companion]:
    """Listens to a simulator that sends joint states at 100 Hz: at 250 a slow machine misses too many to compare."""
    with Bench(tmp_path) as bench:
        bench.start("sim_node", "seed:=3", "joint_rate:=100.0")
        listener = bench.listen()
        wait_for(listener.simulator_is_there, listener, 30.0, "start of sim_node")
        yield listener


def test_a_picture_shows_the_instant_of_its_stamp(fewer_states: Companion) -> None:
    """The picture is compared with one drawn here from the joint state that has the same stamp."""
    from optimus_nodes.sim.render import SceneRenderer
    from optimus_nodes.sim.world import PhysicsSnapshot, SimWorld

    listener = fewer_states
    listener.reset_scene(3)
    states = Heard(listener, JointState, "joint_states", ALL)
    pictures = Heard(listener, Image, "wrist_left/image_raw", ALL)
    mover, deadline = Mover(listener), time.monotonic() + 30.0
    by_stamp: dict[int, JointState] = {}
    comparable: list[tuple[int, int, Image]] = []  # stamp and that of a state 0.1 s later, ms
    while len(comparable) < 10 and time.monotonic() < deadline:  # on a busy machine few are drawn
        mover.move(1.5)
        by_stamp = {round(stamp * 1000): message for stamp, (_, message) in zip(states.stamps(), states)}
        stamped = [(round(stamp * 1000), picture) for stamp, (_, picture) in zip(pictures.stamps(), pictures)]
        later = {key: next((k for k in range(key + 100, key + 120) if k in by_stamp), 0) for key, _ in stamped}
        comparable = [(key, later[key], one) for key, one in stamped if key in by_stamp and later[key]]
    states.end()
    pictures.end()
    world = SimWorld(ROBOT, URDF)
    world.reset(3)
    world.step(500)
    renderer = SceneRenderer(world, ["wrist_left"])
    joints = [int(world.model.joint(name).qposadr[0]) for name in ROBOT.joint_names]

    def difference(picture: Image, key: int) -> float:
        qpos = world.data.qpos.copy()
        qpos[joints] = by_stamp[key].position
        drawn = renderer.render("wrist_left", PhysicsSnapshot(key / 1000.0, qpos))
        return float(np.abs(drawn.astype(int) - convert.image_from_msg(picture)[0].astype(int)).mean())

    exact = [difference(picture, key) for key, _, picture in comparable]
    late = [difference(picture, key) for _, key, picture in comparable]
    renderer.close()
    assert len(exact) >= 10
    assert np.median(exact) < 0.2 * np.median(late)
    assert max(exact) < 2.0

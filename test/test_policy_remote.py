"""A policy on another machine answers like one at home; a lost link means no chunks, never a wrong one."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from fakes import PerfectRobot, chunk_of, fake_robot, no_gravity
from websockets.sync.client import connect
from websockets.sync.server import Server

from optimus_nodes.core.contract import PolicyContract
from optimus_nodes.core.errors import ContractError, DeviceError
from optimus_nodes.core.joint_controller import JointControlConfig, JointController
from optimus_nodes.core.robot import CameraSpec, RobotSpec
from optimus_nodes.core.values import Observation, PolicyOutput
from optimus_nodes.policy import remote
from optimus_nodes.policy.remote import RemotePolicy, pack, unpack
from optimus_nodes.policy.remote_server import policy_server
from optimus_nodes.policy.worker import PolicyWorker

pytestmark = pytest.mark.alone

ROBOT = replace(
    fake_robot(3),
    cameras=(CameraSpec("head", "head_optical_frame", 32, 24, 20.0, 60.0),),
    tactile_pads=("left", "right"),
)
CONTRACT = PolicyContract("fake", "0" * 64, ROBOT.joint_names, ROBOT.tactile_pads, (("head", 12, 16),), 0.05, 16, 0.1)


class Echo:
    """Answers with the joints as they are, brightened by the picture's mean; counts its resets."""

    policy_id, step_dt, contract = "echo", 0.05, CONTRACT

    def __init__(self) -> None:
        self.resets, self.seen = 0, []

    def reset(self) -> None:
        self.resets += 1

    def infer(self, observation: Observation) -> PolicyOutput:
        self.seen.append(observation)
        if observation.sentence == "nonsense":
            raise ContractError("nonsense is no instruction")
        if observation.sentence == "slow":
            time.sleep(1.0)
        shift = observation.images["head"].mean() / 1000.0
        return PolicyOutput(np.tile(observation.position + shift, (16, 1)), 0.25)


@contextmanager
def serving(policy: Echo, port: int = 0) -> Iterator[tuple[Server, str]]:
    server = policy_server(lambda: policy, port=port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join()


def observation(stamp: float = 1.0, sentence: str = "pick up the red box") -> Observation:
    image = np.full((24, 32, 3), 100, np.uint8)
    return Observation(stamp, {"head": image}, np.array([0.1, 0.2, 0.3]), np.zeros(3), np.ones(2), sentence)


def eventually(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_it_answers_as_if_it_were_here() -> None:
    served = Echo()
    with serving(served) as (_, address):
        policy = RemotePolicy(address, ROBOT)
        answer = policy.infer(observation())
        np.testing.assert_array_equal(answer.positions, Echo().infer(observation()).positions)
        assert answer.progress == 0.25 and policy.policy_id == "echo" and policy.contract == CONTRACT
        policy.infer(observation(1.05))
        policy.reset()
        policy.infer(observation(1.1))
        assert served.resets == 2 and policy.round_trip.count == 3
        seen = served.seen[-1]
        assert seen.stamp == 1.1 and seen.images["head"].shape == (12, 16, 3), (
            "pictures are shrunk before they are sent"
        )
        np.testing.assert_array_equal(seen.tactile, np.ones(2))
        policy.close()


def test_pictures_may_be_sent_as_jpeg() -> None:
    served = Echo()
    with serving(served) as (_, address):
        policy = RemotePolicy(address, ROBOT, jpeg=90)
        policy.infer(observation())
        assert np.abs(served.seen[0].images["head"].astype(int) - 100).max() <= 2
        policy.close()


@pytest.mark.parametrize(
    ("robot", "text"),
    [
        (
            replace(ROBOT, joint_names=("j0", "j1", "elbow")),
            r"joints \['j2'\] are in policy echo at ws://.* not in robot",
        ),
        (replace(ROBOT, cameras=()), "camera 'head': policy echo at ws://.* needs it"),
        (replace(ROBOT, name="other"), "does not fit robot other:\n  robot: policy echo at ws://"),
    ],
)
def test_a_policy_for_another_robot_is_refused_with_the_names(robot: RobotSpec, text: str) -> None:
    with serving(Echo()) as (_, address), pytest.raises(ContractError, match=text):
        RemotePolicy(address, robot)


def test_another_version_is_refused_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Echo()) as (_, address):
        with connect(address) as link:
            link.send(pack({"kind": "hello", "version": 99}))
            assert unpack(link.recv())[0]["text"] == "it speaks version 99, this server speaks 1"
        monkeypatch.setattr(remote, "VERSION", 2)
        with pytest.raises(ContractError, match="refuses: it speaks version 2, this server speaks 1"):
            RemotePolicy(address, ROBOT)


def test_what_the_policy_refuses_is_told() -> None:
    with serving(Echo()) as (_, address):
        policy = RemotePolicy(address, ROBOT)
        with pytest.raises(ContractError, match="the policy at ws://.* refuses: nonsense is no instruction"):
            policy.infer(observation(sentence="nonsense"))
        assert policy.infer(observation()).progress == 0.25
        policy.close()


def test_an_answer_that_takes_too_long_is_not_waited_for() -> None:
    with serving(Echo()) as (_, address):
        policy = RemotePolicy(address, ROBOT, timeout=0.1)
        with pytest.raises(DeviceError, match="no answer from the policy at ws://"):
            policy.infer(observation(sentence="slow"))
        with pytest.raises(DeviceError, match=r"no link to the policy at ws://.*; next try in 0\.[0-2] s"):
            policy.infer(observation())


def test_without_a_server_it_says_where_it_looked() -> None:
    with serving(Echo()) as (_, address):
        pass
    with pytest.raises(DeviceError, match=f"no answer from the policy at {re.escape(address)}: .*refused"):
        RemotePolicy(address, ROBOT)


def test_a_frame_of_somebody_else_is_refused() -> None:
    for frame in (b"", b"GET / HTTP/1.1", "text", pack({}, {"a": np.zeros(3)})[:-1], pack({}) + b"x"):
        with pytest.raises(DeviceError, match="a frame that no policy's server or client of version 1 sends"):
            unpack(frame)


class Robot:
    """A controller with a robot that obeys, and a policy's worker whose chunks it gets."""

    def __init__(self, policy: RemotePolicy) -> None:
        self.controller = JointController(ROBOT, JointControlConfig(), no_gravity)
        self.body, self.now, self.chunks = PerfectRobot(np.zeros(3)), 0.0, []
        self.worker = PolicyWorker(
            policy, lambda seen, output, task: self.chunks.append((seen.stamp, output.positions))
        )
        self.tick()

    def tick(self) -> None:
        self.command = self.controller.tick(self.now, self.now, self.body.state(self.now))
        self.body.apply(self.command)
        self.now += 0.004

    def turn(self) -> int:
        """A tenth of a second: one observation, its answer if there is one, and the ticks; returns the answers."""
        before = len(self.chunks) + self.worker.unanswered
        self.worker.submit(replace(observation(self.now), position=np.zeros(3)), 0)
        eventually(lambda: len(self.chunks) + self.worker.unanswered > before)
        new, self.chunks[:] = list(self.chunks), []
        for stamp, rows in new:
            self.controller.on_chunk(
                chunk_of(ROBOT, rows + np.linspace(0.2, 1.0, 16)[:, None], stamp), self.now, self.now
            )
        for _ in range(25):
            self.tick()
        return len(new)


def test_a_killed_server_leaves_the_robot_holding_and_a_new_one_moves_it_again() -> None:
    """The chunks stop, the controller brakes and holds, the worker lives on and finds the server that comes back."""
    with serving(Echo()) as (server, address):
        port = server.socket.getsockname()[1]
        policy = RemotePolicy(address, ROBOT)
        robot = Robot(policy)
        assert [robot.turn() for _ in range(4)] == [1, 1, 1, 1]
        assert robot.command.velocity.any() and not robot.worker.trouble
        policy._link.socket.shutdown(2)  # as when the other machine loses its power
    assert [robot.turn() for _ in range(8)] == [0] * 8
    assert not robot.command.velocity.any() and robot.controller.status().holding
    assert "the policy at ws://" in robot.worker.trouble
    robot.worker.check()
    with serving(Echo(), port):
        policy._try_at = 0.0
        assert robot.turn() == 1 and not robot.worker.trouble
        robot.worker.close()
        policy.close()

"""vla_node as a process over real DDS: it answers to a task, and says what it lacks instead of guessing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from learning_fakes import small_trainer
from optimus_humanoid.msg import ActionChunk, TactileArray, Task
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image, JointState
from synthetic_data import make_data_set

from optimus_nodes.cli.environment import free_domain
from optimus_nodes.core import plan, values
from optimus_nodes.learning.data import Mixture, read_data_set
from optimus_nodes.learning.export import export_training
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import convert, qos

ROOT = Path(__file__).resolve().parents[2]
ROBOT, _ = load_robot("optimus")
CAMERAS = ("wrist_left", "wrist_right", "head")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained policy for the real robot, with pictures of half the size."""
    folder = tmp_path_factory.mktemp("vla")
    make_data_set(folder / "d", episodes=4, length=2, shrink=2, robot=ROBOT)
    trainer = small_trainer(Mixture([read_data_set(str(folder / "d"), folder / "cache")]), folder / "w", robot=ROBOT)
    export_training(trainer, folder / "untrained")
    return folder / "untrained"


def start(bundle: Path, domain: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    command = [sys.executable, "-m", "optimus_nodes.vla_node", "--ros-args", "-p", f"bundle:={bundle}"]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


class World:
    """Everything vla_node listens to, 20 times a second, and what it says. `silent`: topics left out."""

    def __init__(self, bundle: Path) -> None:
        self.domain = free_domain()
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        self._context = Context()
        rclpy.init(context=self._context, domain_id=self.domain)
        self._node = rclpy.create_node("world", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        publish = self._node.create_publisher
        self._joints = publish(JointState, "joint_states", qos.STATE)
        self._touch = {side: publish(TactileArray, f"tactile/{side}_hand", qos.SENSOR) for side in ("left", "right")}
        self._images = {name: publish(Image, f"{name}/image_raw", qos.IMAGE) for name in CAMERAS}
        self._task = publish(Task, "task", qos.LATCHED)
        self.chunks: list[values.ActionChunk] = []
        self.said, self.figures, self.silent, self.now = "", {}, set[str](), 10.0
        self._node.create_subscription(ActionChunk, "action_chunk", self._on_chunk, qos.COMMAND)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)
        self._process = start(bundle, self.domain)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def give(self, task_id: int, sentence: str) -> None:
        self._task.publish(convert.task_to_msg(plan.Task(task_id, sentence), self.now))

    def instant(self) -> None:
        """One twentieth of a second."""
        self.now = round(self.now + 0.05, 3)
        still = np.zeros(len(ROBOT.joint_names))
        if "joints" not in self.silent:
            state = values.JointState(self.now, ROBOT.home, still, still)
            self._joints.publish(convert.joint_state_to_msg(state, ROBOT))
        for side, publisher in self._touch.items():
            pads = [name for name in ROBOT.tactile_pads if name.startswith(side)]
            publisher.publish(convert.tactile_to_msg(self.now, pads, np.zeros(len(pads)), ""))
        for name in CAMERAS:
            if name not in self.silent:
                camera = ROBOT.camera(name)
                pixels = np.full((camera.height, camera.width, 3), 90, np.uint8)
                self._images[name].publish(convert.image_to_msg(pixels, self.now, camera.frame))
        end = time.monotonic() + 0.05
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited in vain; it says: {self.said}"
            assert self._process.poll() is None, self._process.communicate()
            self.instant()

    def _on_chunk(self, message: ActionChunk) -> None:
        self.chunks.append(convert.action_chunk_from_msg(message))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for name, _, text, figures in convert.diagnostics_from_msg(message):
            if name == "vla: policy":
                self.said, self.figures = text, figures


@pytest.fixture(scope="module")
def world(bundle: Path) -> Iterator[World]:
    world = World(bundle)
    try:
        world.until(lambda: world.said == "ok", 60.0)
        yield world
    finally:
        world.close()


def test_it_answers_to_a_task_with_chunks_of_the_moment_it_saw(world: World) -> None:
    world.give(7, "pick up the red box")
    world.until(lambda: len(world.chunks) >= 3)
    chunk = world.chunks[-1]
    assert chunk.names == ROBOT.joint_names and chunk.positions.shape == (16, 72)
    assert chunk.task_id == 7 and chunk.policy_id == "untrained" and chunk.step_dt == 0.05
    assert chunk.stamp == chunk.observation_stamp
    assert world.now - 1.0 < chunk.stamp <= world.now
    assert 0.0 <= chunk.progress <= 1.0
    world.until(lambda: world.figures.get("task") == "pick up the red box" and float(world.figures["chunks"]) >= 3)
    assert float(world.figures["inference_p50_ms"]) > 0.0


def test_without_a_sentence_it_is_silent(world: World) -> None:
    world.give(8, "")
    world.until(lambda: world.figures.get("task_id") == "8")
    world.chunks.clear()
    for _ in range(10):
        world.instant()
    assert world.chunks == []


@pytest.mark.parametrize(
    ("silent", "says"),
    [
        ("wrist_left", "the picture of camera wrist_left is"),
        ("head", "no picture from camera head for"),
        ("joints", "no joint_states for"),
    ],
)
def test_what_is_missing_stops_the_chunks_and_is_named(world: World, silent: str, says: str) -> None:
    world.give(9, "go home")
    world.until(lambda: world.chunks and world.chunks[-1].task_id == 9)
    world.silent = {silent}
    world.until(lambda: world.said.startswith(says))
    world.chunks.clear()
    for _ in range(8):
        world.instant()
    assert world.chunks == []
    world.silent = set()
    world.until(lambda: world.chunks and world.said == "ok")


def test_a_picture_nobody_can_read_is_counted_and_left_out(world: World) -> None:
    before = int(world.figures["inputs_refused"])
    message = convert.image_to_msg(np.zeros((4, 4, 3), np.uint8), world.now, "")
    message.encoding = "bayer_rggb16"

    def is_counted() -> bool:  # a good picture right after it may take its place before the node looks
        world._images["head"].publish(message)
        return int(world.figures["inputs_refused"]) > before

    world.until(is_counted)


def test_a_bundle_for_another_urdf_ends_the_node_with_the_reason(bundle: Path, tmp_path: Path) -> None:
    for name in ("policy.onnx", "policy.yaml"):
        (tmp_path / name).write_bytes((bundle / name).read_bytes())
    content = yaml.safe_load((tmp_path / "policy.yaml").read_text())
    content["contract"]["urdf_sha256"] = "f" * 64
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(content))
    process = start(tmp_path, free_domain())
    try:
        _, text = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 2
    assert f"policy bundle {tmp_path} does not fit robot optimus" in text
    assert "urdf_sha256: bundle" in text and "was made with ffffffffffff, robot optimus" in text

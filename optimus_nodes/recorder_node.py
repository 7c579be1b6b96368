"""Turns everything the robot does into a data set: LeRobotDataset v3 and an MCAP file per episode.

In: every sensor, command and plan. Out: recorder/state, /diagnostics. Each instruction becomes an episode; services
recorder/start, stop, cancel and label do it by hand. While nothing is recorded the last seconds are kept, and saved
when the emergency stop is pressed or a plan fails. A full disk or a lost stream ends the recording, never the robot.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from optimus_humanoid.msg import RecorderState
from rclpy.node import Node

from optimus_nodes.core.episode import recording_contract
from optimus_nodes.core.recording import RecordingRules
from optimus_nodes.core.robot import RobotSpec
from optimus_nodes.dataset.heap import few_heaps
from optimus_nodes.dataset.recorder import Recorder
from optimus_nodes.dataset.store import Store
from optimus_nodes.robot.load import load_robot
from optimus_nodes.ros import qos, recorder_inputs
from optimus_nodes.ros.diagnostics import ERROR, OK, WARN, Health, Reporter
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.recorder_loop import Pose, RecorderLoop
from optimus_nodes.ros.recorder_params import RecorderParams
from optimus_nodes.ros.recorder_services import RecorderServices
from optimus_nodes.ros.runtime import run


def body_pose(robot: RobotSpec, urdf: str) -> Pose:
    """Forward kinematics, whose library is loaded only where there is a simulator."""
    from optimus_nodes.robot.body_pose import BodyPose

    return BodyPose(robot, urdf)


class RecorderNode(Node):
    """The shell around Recorder and RecordingRules."""

    def __init__(self, load: Callable[[str], tuple[RobotSpec, str]] = load_robot) -> None:
        super().__init__("recorder")
        params = declare(self, RecorderParams)
        robot, urdf = load(params.robot)
        self._folder = Path(params.folder).expanduser().resolve()
        say = self.get_logger().info
        store = Store(self._folder, recording_contract(robot, params.fps), say)
        self._recorder = Recorder(
            store,
            params.store,
            recorder_inputs.channels(self),
            recorder_inputs.video_channels(self, robot),
            {camera.name: camera.frame for camera in robot.cameras},
            say,
            urdf,
            recorder_inputs.LATCHED,
            {camera.name: camera.rate_hz for camera in robot.cameras},
        )
        rules = RecordingRules(params.follow_plans, params.tail)
        self._loop = RecorderLoop(self._recorder, rules, robot, params.site, say, lambda: body_pose(robot, urdf))
        self._end_listening = recorder_inputs.listen(self, robot, self._loop)
        self._state = self.create_publisher(RecorderState, "recorder/state", qos.LATCHED)
        self._asked = RecorderServices(self, self._loop)
        self.create_timer(0.5, self._publish)
        self._reporter = Reporter(self, self._health, "recording")
        say(f"recording into {self._folder}, which holds {store.episodes} episodes")

    def destroy_node(self) -> None:
        """Save what is being recorded first."""
        self._end_listening()
        self._loop.close()
        super().destroy_node()

    def _publish(self) -> None:
        self._loop.check()
        recorder = self._recorder
        missing = recorder.missing()
        message = RecorderState(folder=str(self._folder), episodes=recorder.store.episodes, seconds=recorder.seconds)
        message.instruction, message.message = recorder.instruction, self._loop.message
        message.state = RecorderState.RECORDING if recorder.recording else RecorderState.READY
        if recorder.problem:
            message.state, message.message = RecorderState.STOPPED, recorder.problem
        elif missing:
            message.state, message.message = RecorderState.WAITING, f"nothing on {', '.join(missing)} yet"
        self._state.publish(message)

    def _health(self) -> Health:
        recorder = self._recorder
        values = {
            "episodes": recorder.store.episodes,
            "refused": recorder.dropped,
            "pictures_skipped": self._loop.skipped,
        }
        if recorder.problem:
            return Health(ERROR, recorder.problem, values)
        missing = recorder.missing()
        return Health(WARN, f"nothing on {', '.join(missing)} yet", values) if missing else Health(OK, "ok", values)


def main() -> int:
    """Entry point."""
    few_heaps()
    return run(RecorderNode)


if __name__ == "__main__":
    sys.exit(main())

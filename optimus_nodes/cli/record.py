"""`optimus record`: records demonstrations by keyboard, or one episode by its options."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer
from optimus_humanoid.msg import RecorderState
from optimus_humanoid.srv import LabelEpisode, StartRecording, StopRecording
from rclpy.task import Future
from std_srvs.srv import Trigger

from optimus_nodes.cli.companion import Companion
from optimus_nodes.cli.environment import enter_graph_environment, graph_environment
from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.ros import qos
from optimus_nodes.teleop.keyboard import Keyboard

HELP = """\
r  record        s  stop: success     f  stop: failure (asks why)     u  stop: nobody knows
c  cancel: set aside this take        l  note on the time line        i  new instruction        q  quit"""
SAVED, NOT_SAVED = 0, 1
_STATES = {0: "waiting", 1: "ready", 2: "RECORDING", 3: "stopped"}


def record(
    folder: Annotated[Path, typer.Argument(help="Data set; made when there is none.")] = Path("data/recordings"),
    instruction: Annotated[str, typer.Option(help="What is demonstrated, in words.")] = "",
    seconds: Annotated[float, typer.Option(help="Record one episode of this length, without a keyboard.")] = 0.0,
    failure: Annotated[str, typer.Option(help="With --seconds: it failed, and why. Otherwise it counts as done.")] = "",
    operator: Annotated[str, typer.Option(help="Who moves the robot: teleop, policy or script.")] = "teleop",
    site: Annotated[str, typer.Option(help="Where the robot is.")] = "",
    domain: Annotated[int | None, typer.Option(help="ROS domain of the robot; default: ROS_DOMAIN_ID or 0.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --seconds: print one line of JSON.")] = False,
) -> int:
    """Record what the robot does. Uses the recorder that is running, or starts one for FOLDER.

    Keys: r record, s success, f failure, u unknown, c cancel, l note, i instruction, q quit.
    """
    enter_graph_environment(domain)
    with Companion() as companion, _OwnRecorder(domain) as own:
        desk = RecordingDesk(companion, instruction, operator, site)
        if not companion.wait(lambda: desk.state is not None, 4.0):
            own.start(folder)
            if not companion.wait(lambda: desk.state is not None or own.ended, 20.0) or own.ended:
                raise DeviceError(f"the recorder did not start: {own.said()}")
            companion.spin(0.5)
            if companion.node.count_publishers("recorder/state") > 1:  # the robot's own came up meanwhile
                own.stop()
                desk.state = None
                companion.wait(lambda: desk.state is not None, 5.0)
        elif (
            desk.state is not None and Path(desk.state.folder) != folder.resolve() and folder != Path("data/recordings")
        ):
            raise ConfigError(
                f"a recorder is running already and records into {desk.state.folder}, not into {folder}; use "
                "that folder, or start the graph with --set recorder.folder=FOLDER"
            )
        if seconds > 0.0:
            return _once(desk, seconds, failure, as_json)
        return _by_keyboard(desk)


class RecordingDesk:
    """The services of recorder_node, for one person."""

    def __init__(self, companion: Companion, instruction: str, operator: str, site: str) -> None:
        self._companion, self.instruction, self._operator, self._site = companion, instruction, operator, site
        self.state: RecorderState | None = None
        node = companion.node
        self._start = node.create_client(StartRecording, "recorder/start")
        self._stop = node.create_client(StopRecording, "recorder/stop")
        self._cancel = node.create_client(Trigger, "recorder/cancel")
        self._label = node.create_client(LabelEpisode, "recorder/label")
        node.create_subscription(RecorderState, "recorder/state", self._on_state, qos.LATCHED)

    def spin(self, seconds: float) -> None:
        """Take in messages."""
        self._companion.spin(seconds)

    def ready(self, timeout: float) -> bool:
        """Wait until every stream is there."""
        return self._companion.wait(lambda: self.state is not None and self.state.state == RecorderState.READY, timeout)

    def start(self) -> Any:
        """Begin an episode."""
        request = StartRecording.Request(instruction=self.instruction, operator_kind=self._operator, site=self._site)
        return self._ask(self._start, request)

    def stop(self, success: bool | None, reason: str = "") -> Any:
        """End and save it."""
        kinds = StopRecording.Request
        outcome = {True: kinds.SUCCESS, False: kinds.FAILURE, None: kinds.UNKNOWN}[success]
        return self._ask(self._stop, kinds(outcome=outcome, reason=reason))

    def cancel(self) -> Any:
        """Set it aside."""
        return self._ask(self._cancel, Trigger.Request())

    def note(self, text: str) -> Any:
        """Put a note on the time line of the running or the last episode."""
        return self._ask(self._label, LabelEpisode.Request(episode=-1, note=text))

    def _ask(self, client: Any, request: Any) -> Any:
        if not self._companion.wait(client.service_is_ready, 5.0):
            raise DeviceError("the recorder does not answer; is it running in this ROS domain?")
        future: Future = client.call_async(request)
        if not self._companion.wait(future.done, 15.0):
            raise DeviceError("the recorder did not answer within 15 s; is the disk hanging?")
        return future.result()

    def _on_state(self, message: RecorderState) -> None:
        self.state = message


class _OwnRecorder:
    """A recorder of this command's own, when none is running; it ends with the command."""

    def __init__(self, domain: int | None) -> None:
        self._domain = domain
        self._process: subprocess.Popen[str] | None = None

    def start(self, folder: Path) -> None:
        words = ["--ros-args", "-r", "__node:=recorder", "-p", f"folder:={json.dumps(str(folder))}"]
        command = [sys.executable, "-m", "optimus_nodes.recorder_node", *words, "-p", "follow_plans:=false"]
        environment = graph_environment(self._domain) if self._domain is not None else None
        self._process = subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE)

    @property
    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def said(self) -> str:
        """The last thing it said before it ended."""
        if self._process is None or not self.ended or self._process.stderr is None:
            return "it sends no recorder/state"
        return self._process.stderr.read().strip().splitlines()[-1:][0]

    def stop(self) -> None:
        """End it; without effect when none was started."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(15.0)

    def __enter__(self) -> _OwnRecorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _once(desk: RecordingDesk, seconds: float, failure: str, as_json: bool) -> int:
    desk.ready(10.0)
    answer = desk.start()
    if answer.success:
        desk.spin(seconds)
        answer = desk.stop(not failure, failure)
    result = {"success": answer.success, "message": answer.message, "episode": getattr(answer, "episode", -1)}
    print(json.dumps(result) if as_json else answer.message)
    return SAVED if answer.success else NOT_SAVED


def _by_keyboard(desk: RecordingDesk) -> int:
    keyboard = Keyboard()
    if not keyboard.there:
        raise ConfigError("there is no keyboard here (standard input is no terminal); record with --seconds instead")
    print(HELP, flush=True)

    def line(question: str) -> str:
        nonlocal keyboard
        keyboard.close()
        try:
            return input(question).strip()
        finally:
            keyboard = Keyboard()

    def new_instruction() -> None:
        desk.instruction = line("\ninstruction: ")

    def begin() -> Any:
        if not desk.instruction:
            new_instruction()
        return desk.start()

    actions: dict[str, Callable[[], Any]] = {
        "r": begin,
        "s": lambda: desk.stop(True),
        "f": lambda: desk.stop(False, line("\nwhy did it fail? ") or "no reason given"),
        "u": lambda: desk.stop(None),
        "c": desk.cancel,
        "l": lambda: desk.note(line("\nnote: ")),
        "i": new_instruction,
    }
    try:
        while True:
            for key in keyboard.pressed():
                if key == "q":
                    return SAVED
                if key in actions and (answer := actions[key]()) is not None:
                    print(f"\r\033[K{answer.message}", flush=True)
            desk.spin(0.1)
            _show(desk)
    except KeyboardInterrupt:
        return SAVED
    finally:
        keyboard.close()
        print()


def _show(desk: RecordingDesk) -> None:
    state = desk.state
    if state is None:
        return
    what = state.instruction or desk.instruction or "no instruction yet (i)"
    if state.state in (RecorderState.WAITING, RecorderState.STOPPED):
        what = state.message
    blink = "●" if state.state == RecorderState.RECORDING and int(time.time() * 2) % 2 else " "
    text = f"{blink} {_STATES[state.state]} {state.seconds:5.1f} s  {state.episodes} episodes  {what}"
    print(f"\r\033[K{text[:118]}", end="", flush=True)

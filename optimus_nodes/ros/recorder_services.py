"""The services of recorder_node: recorder/start, recorder/stop, recorder/cancel and recorder/label."""

from __future__ import annotations

from collections.abc import Callable

from optimus_humanoid.srv import LabelEpisode, StartRecording, StopRecording
from rclpy.node import Node
from std_srvs.srv import Trigger

from ..core.episode import Outcome
from ..core.errors import OptimusError
from ..dataset.recorder import Recorder
from .recorder_loop import RecorderLoop, describe

_UNKNOWN, _YES, _NO = StopRecording.Request.UNKNOWN, StopRecording.Request.SUCCESS, StopRecording.Request.FAILURE
_SUCCESS = {_UNKNOWN: None, _YES: True, _NO: False}
_NOTHING = "no episode is running"


class RecorderServices:
    """Asks the recorder's own thread; every answer says in words what happened."""

    def __init__(self, node: Node, loop: RecorderLoop) -> None:
        self._loop = loop
        node.create_service(StartRecording, "recorder/start", self._on_start)
        node.create_service(StopRecording, "recorder/stop", self._on_stop)
        node.create_service(Trigger, "recorder/cancel", self._on_cancel)
        node.create_service(LabelEpisode, "recorder/label", self._on_label)

    def _on_start(self, request: StartRecording.Request, response: StartRecording.Response) -> StartRecording.Response:
        def start(recorder: Recorder) -> str:
            return recorder.start(self._loop.info(request.instruction, request.operator_kind or "teleop", request.site))

        response.success, response.message = self._answer(start, f"recording: {request.instruction}")
        return response

    def _on_stop(self, request: StopRecording.Request, response: StopRecording.Response) -> StopRecording.Response:
        response.episode = -1

        def stop(recorder: Recorder) -> str:
            outcome = Outcome(_SUCCESS.get(request.outcome), request.reason, "person")
            self._loop.forget_plan()
            saved = recorder.stop(outcome)
            if saved is None:
                return recorder.problem or _NOTHING
            response.episode, response.message = saved.episode, describe(recorder, outcome)
            return ""

        response.success, text = self._answer(stop)
        response.message = text or response.message
        return response

    def _on_cancel(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        def cancel(recorder: Recorder) -> str:
            self._loop.forget_plan()
            place = recorder.cancel()
            response.message = f"set aside in {place}"
            return "" if place else _NOTHING

        response.success, text = self._answer(cancel)
        response.message = text or response.message
        return response

    def _on_label(self, request: LabelEpisode.Request, response: LabelEpisode.Response) -> LabelEpisode.Response:
        def label(recorder: Recorder) -> str:
            if recorder.recording and request.episode < 0:
                recorder.event("label", "; ".join(text for text in (request.note, request.reason) if text))
                return ""
            episode = recorder.store.episodes - 1 if request.episode < 0 else request.episode
            recorder.store.label(episode, _SUCCESS.get(request.outcome), request.reason, request.note)
            return ""

        response.success, response.message = self._answer(label, "noted")
        return response

    def _answer(self, question: Callable[[Recorder], str], done: str = "") -> tuple[bool, str]:
        """(whether it was done, what is wrong or `done`)."""

        def safely(recorder: Recorder) -> str:
            try:
                return question(recorder)
            except OptimusError as error:
                return str(error)

        try:
            problem = self._loop.ask(safely)
        except OptimusError as error:
            problem = str(error)
        return not problem, problem or done

"""The execute_instruction action around a dialogue that knows requests by number, not goals.

Goals end through `ServerGoalHandle.execute` with a result that is known already. No coroutine waits for
the end of a plan: rclpy's EventsExecutor would spin on it.
"""

from __future__ import annotations

from collections.abc import Callable

from optimus_humanoid.action import ExecuteInstruction
from optimus_humanoid.msg import Plan
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from ..core.plan_session import Ended
from . import convert


class PlanServer:
    """Keeps the goals that are asked for or under way.

    Args:
        ask: takes a goal's instruction and returns the number its request goes under.
        cancel: stops the request of that number.
    """

    def __init__(self, node: Node, ask: Callable[[str], int], cancel: Callable[[int], None]) -> None:
        self._ask, self._cancel = ask, cancel
        self._goals: dict[int, ServerGoalHandle] = {}
        self._ended: list[tuple[Ended, float]] = []
        self._server = ActionServer(
            node,
            ExecuteInstruction,
            "execute_instruction",
            execute_callback=lambda goal: ExecuteInstruction.Result(),  # goals bring their own, see `_finish`
            handle_accepted_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )

    def feedback(self, request: int, plan: Plan) -> None:
        """Tell the client of `request`, if it came as a goal, how its plan stands."""
        if request in self._goals:
            self._goals[request].publish_feedback(ExecuteInstruction.Feedback(plan=plan))

    def end(self, ended: Ended, stamp: float) -> None:
        """Note that a request has ended; its client hears of it in the next `flush`."""
        self._ended.append((ended, stamp))

    def flush(self) -> None:
        """Send results. Not from within a goal's own callback: only after it does a goal count as cancelling."""
        ended, self._ended = self._ended, []
        for one, stamp in ended:
            goal = self._goals.pop(one.request_id, None)
            if goal is not None:
                self._finish(goal, one, stamp)

    def _on_goal(self, goal: ServerGoalHandle) -> None:
        self._goals[self._ask(goal.request.instruction)] = goal

    def _on_cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        for number, known in self._goals.items():
            if known.goal_id == goal.goal_id:
                self._cancel(number)
                return CancelResponse.ACCEPT
        return CancelResponse.REJECT

    @staticmethod
    def _finish(goal: ServerGoalHandle, ended: Ended, stamp: float) -> None:
        result = ExecuteInstruction.Result(success=ended.success, message=ended.message)
        if ended.plan is not None:
            result.plan = convert.plan_to_msg(ended.plan, stamp)

        def end(handle: ServerGoalHandle) -> ExecuteInstruction.Result:
            if ended.success:
                handle.succeed()
            elif handle.is_cancel_requested:
                handle.canceled()
            else:
                handle.abort()
            return result

        goal.execute(end)

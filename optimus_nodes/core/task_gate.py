"""Which task's chunks may move the robot: none that ran before this controller lived."""

from __future__ import annotations

from .errors import CommandError
from .sign_of_life import SignOfLife


class TaskGate:
    """After a restart the policy may still be following a task nobody has confirmed; it must be given anew.

    Chunks with `task_id` 0 belong to no task (scripts, tests) and always pass.
    """

    def __init__(self) -> None:
        self._heard = self._lost = False
        self._id, self._repeats = -1, SignOfLife()
        self._void: int | None = None
        self.running = False  # the planner's last word was a task, not its end

    def on_task(self, task_id: int, sentence: str, monotonic: float = 0.0) -> None:
        """A task was announced or repeated; the first one heard is void if it was already running."""
        if not self._heard and sentence:
            self._void = task_id
        self._heard, self._lost, self.running = True, False, bool(sentence)
        self._repeats.heard(monotonic, again=task_id == self._id)
        self._id = task_id

    def hangs(self, monotonic: float, silence: float) -> bool:
        """Whether a sender that repeats its task says nothing any more, in the middle of one: for `silence` s, or for
        longer if it is slower."""
        return self.running and self._repeats.silent(monotonic, silence)

    def on_sender_lost(self) -> None:
        """Nobody is left who could take the task back. A living planner repeats it: a false alarm heals itself."""
        self._lost = True
        self._repeats.forget()

    def check(self, task_id: int) -> None:
        """Raises CommandError `owner` when chunks of this task may not move the robot."""
        if task_id != 0 and self._lost:
            raise CommandError("owner", f"a chunk follows task {task_id}, but the planner that gave it is gone")
        if task_id != 0 and task_id == self._void:
            raise CommandError(
                "owner",
                f"a chunk follows task {task_id}, which was running before joint_control began; "
                "the robot holds until it is told anew",
            )

"""Looks and thinks for the planner's node: the look by callbacks, the thinking in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TypeVar

from rclpy.node import Node

from ..core.plan_session import Request
from ..core.planner import Planner, PlanProposal
from ..core.scene import scene_named
from ..core.view import Eyes, View
from ..core.world import World
from ..planner.eyes import ColourEyes
from ..planner.params import PlannerParams
from ..robot.load import load_robot
from ..robot.viewpoint import Viewpoint
from .one_look import OneLook

T = TypeVar("T")
Looker = Callable[[Callable[[View | None], None]], object]


class Thinker:
    """Answers requests one by one, in any order. `eyes` and `look`: None where nobody looks at the scene.

    `look(then)` fetches a view and calls `then` with it, or with None when there is none: then the scene is believed
    to be as it was.
    """

    def __init__(self, planner: Planner, eyes: Eyes | None = None, look: Looker | None = None) -> None:
        self._planner, self._eyes, self._look = planner, eyes, look
        self._answers: SimpleQueue[tuple[Request, PlanProposal | Exception]] = SimpleQueue()
        self._sights: SimpleQueue[tuple[int, World | Exception]] = SimpleQueue()

    @property
    def looks(self) -> bool:
        """Whether it can look at the scene."""
        return self._look is not None

    def look(self, number: int) -> None:
        """Begin to look at the scene; what is seen comes out of `sights` with this number."""
        if self._look is not None:
            self._look(lambda view: threading.Thread(target=self._see, args=(number, view), daemon=True).start())

    def sights(self) -> Iterator[tuple[int, World]]:
        """What was seen since the last call. Raises what went wrong in the eyes."""
        for number, seen in _drained(self._sights):
            if isinstance(seen, Exception):
                raise seen
            yield number, seen

    def begin(self, request: Request) -> None:
        """Begin to think about it; never waits."""
        if self._look is None:
            self._start(request, None)
        else:
            self._look(lambda view: self._start(request, view))

    def answers(self) -> Iterator[tuple[Request, PlanProposal | Exception]]:
        """What was thought of since the last call. A request comes back with the scene that was seen for it."""
        return _drained(self._answers)

    def _start(self, request: Request, view: View | None) -> None:
        threading.Thread(target=self._think, args=(request, view), daemon=True).start()

    def _see(self, number: int, view: View | None) -> None:
        try:
            if self._eyes is not None and view is not None:
                self._sights.put((number, self._eyes.look(view)))
        except Exception as error:  # raised in the node's own thread
            self._sights.put((number, error))

    def _think(self, request: Request, view: View | None) -> None:
        try:
            if self._eyes is not None and view is not None:
                request = replace(request, context=replace(request.context, world=self._eyes.look(view)))
            self._answers.put((request, self._planner.plan(request.text, request.context)))
        except Exception as error:  # handed to the node's own thread, which knows what to do
            self._answers.put((request, error))


def _drained(queue: SimpleQueue[T]) -> Iterator[T]:
    try:
        while True:
            yield queue.get_nowait()
    except Empty:
        return


def thinker_for(node: Node, planner: Planner, params: PlannerParams) -> Thinker:
    """One that looks before it thinks, where the parameters name the scene to look at."""
    if not params.scene:
        return Thinker(planner)
    robot, urdf = load_robot(params.robot)
    viewpoint = Viewpoint(robot, urdf)

    def look(then: Callable[[View | None], None]) -> OneLook:
        return OneLook(node, robot, viewpoint, then, params.look_timeout)

    return Thinker(planner, ColourEyes(scene_named(params.scene).moved(*robot.bench)), look)

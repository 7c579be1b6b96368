"""The dialogue around plans: who asked for what, what to remember, what to say, what became of it.

Values in, values out; every `now` is one monotonic time in seconds. The node asks the planner,
which may be slow, between `ask` and `answer`; a newer request or a stop makes a late answer void.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from .conversation import Conversation
from .hand_orders import HandOrders, without_care
from .intent import Memory
from .language import SLOTS
from .outcome import VISIBLE, mended, missing
from .plan import Plan, PlanState, StepState
from .plan_gate import objection
from .plan_runner import REPLACED, REPLACED_SAY, STOPPED, PlanRules, PlanRunner, Speech
from .planner import Pending, PlanContext, PlannedStep, PlanProposal, is_stop
from .saying import capital
from .world import Step, World, after, assumed_world, sentence_for, why_not

REMEMBERED = 50  # steps that were done
PUTTING_AWAY = ("place", "move", "sort")
POSING = ("wave", "press", "point")  # what shows in the hand only: as long as it is there, the policy holds it for done


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask the planner."""

    id: int
    text: str
    context: PlanContext
    gently: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a request: `message` in plain words, and the plan as it ended if there was one."""

    request_id: int
    success: bool
    message: str
    plan: Plan | None = None


class PlanSession:
    """One request and one plan at a time; the newest request wins. `world`: what is in sight, as far as it is known.

    `skills`: what the policy in use can do; a plan with anything else is refused whoever made it. `looks`: somebody can
    look at the scene; after each step `wants_look` says when, and `saw` takes what was seen. `hands` takes what is said
    to the hands themselves.
    """

    def __init__(
        self,
        rules: PlanRules,
        first_id: int = 1,
        planning_timeout_s: float = 20.0,
        world: World | None = None,
        skills: Collection[str] = tuple(SLOTS),
        looks: bool = False,
        hands: HandOrders | None = None,
    ) -> None:
        self.runner = PlanRunner(rules, first_id, looks)
        self.hands = hands or HandOrders()
        self._looked_for = 0
        self._timeout, self._skills = planning_timeout_s, skills
        self._last_request = 0
        self._asked: Request | None = None
        self._asked_at = 0.0
        self._owner = 0
        self._steps: tuple[PlannedStep, ...] = ()
        self.world = world or assumed_world(skills)
        self._memory = Memory()
        self._pending: Pending | None = None
        self._done: deque[PlannedStep] = deque(maxlen=REMEMBERED)
        self._conversation = Conversation()
        self._finished: set[int] = set()
        self._trouble = ""
        self._speech: list[str] = []
        self._ended: list[Ended] = []

    def drain(self) -> tuple[Speech, tuple[Ended, ...]]:
        """What to say and which requests ended since the last call, in order."""
        out = tuple(self._speech), tuple(self._ended)
        self._speech, self._ended = [], []
        return out

    @property
    def current(self) -> int:
        """Id of the request whose plan is under way, 0 when none is."""
        return self._owner

    def context(self) -> PlanContext:
        doing = self.runner.task.sentence
        said = self._conversation
        return PlanContext(
            self.world,
            self._memory,
            self._pending,
            doing,
            tuple(step.sentence for step in self._done),
            self._trouble,
            said.turns,
            said.summary,
        )

    def ask(self, text: str, now: float) -> tuple[int, Request | None]:
        """Take words from a person: the id they go under, and what to ask the planner (None: nothing).

        A stop takes effect here, before any planner.
        """
        self._last_request += 1
        plain, gently = without_care(text)
        request = Request(self._last_request, plain, self.context(), gently)
        if is_stop(text):
            message = self._stop(text)
            self._conversation.add(text, message, "stop")
            self._ended.append(Ended(request.id, True, message))
            return request.id, None
        self._drop_asked(REPLACED)
        if self._answer_for_hands(request):
            return request.id, None
        self._asked, self._asked_at = request, now
        return request.id, request

    def _answer_for_hands(self, request: Request) -> bool:
        """Whether nobody needs to plan: an order to a hand was taken or refused, or care that the robot can't take."""
        forbidden = STOPPED if self.runner.emergency_stopped else ""
        done, message = self.hands.answer(request.text, self.world, request.gently, forbidden)
        if message:
            if done:
                self._after(self.runner.cancel(REPLACED, REPLACED_SAY))
            self._conversation.add(request.text, message, "answer" if done else "refused")
            self._say((message,))
            self._ended.append(Ended(request.id, done, message))
        return bool(message)

    def answer(self, request: Request, proposal: PlanProposal, now: float) -> None:
        """Take the planner's proposal for `request`, whose world is what is in sight now.

        Void when the request is no longer the newest.
        """
        if self._asked is None or self._asked.id != request.id:
            return
        self._asked = None
        self.world = request.context.world
        if problem := objection(proposal.steps, self.world, self._skills):
            proposal = PlanProposal("refused", problem, memory=request.context.memory)
        self._memory, self._pending = proposal.memory, proposal.pending
        self._conversation.add(request.text, proposal.say, proposal.status)
        if proposal.status == "stop":
            self.cancel()
        if proposal.status != "plan":
            self._say((proposal.say,))
            self._ended.append(Ended(request.id, proposal.status in ("answer", "stop"), proposal.say))
            return
        if not self.runner.emergency_stopped:
            self._after(self.runner.cancel(REPLACED, REPLACED_SAY))
        steps = self._told_apart(proposal.steps)
        speech = self.runner.start(request.text, [step.sentence for step in steps], proposal.say, now)
        self._say(speech)
        if not self.runner.running:
            self._ended.append(Ended(request.id, False, speech[0]))
            return
        self._owner, self._steps, self._finished, self._trouble = request.id, steps, set(), ""
        self.hands.begin(request.gently, bool(self.world.held))

    def fail(self, request: Request, reason: str) -> None:
        """The planner could not answer at all."""
        if self._asked is not None and self._asked.id == request.id:
            self._asked = None
            self._conversation.add(request.text, reason, "failed")
            self._say((reason,))
            self._ended.append(Ended(request.id, False, reason))

    def on_progress(self, task_id: int, progress: float, now: float) -> None:
        self._after(self.runner.on_progress(task_id, progress, now))

    def on_emergency_stop(self, pressed: bool) -> None:
        if pressed:
            self._drop_asked("the emergency stop was pressed")
        self._after(self.runner.on_emergency_stop(pressed))

    def on_part_lost(self, part: str) -> None:
        self._after(self.runner.on_part_lost(part))

    def wants_look(self) -> int:
        """Once whenever what a step has done is to be looked at, the number of that look; else 0."""
        number = self.runner.task.id
        if not self.runner.checking or self._looked_for == number:
            return 0
        self._looked_for = number
        return number

    def saw(self, look: int, seen: World, now: float) -> None:
        """What look number `look` has shown: go on, try again, or give up politely. An old look is void."""
        if not self.runner.checking or look != self.runner.task.id:
            return
        step, why = self._steps[self.runner.step].step, self.runner.checking
        wrong = missing(step, self.world, seen)
        if why != "done" and step.skill not in VISIBLE:
            wrong = why
        if not wrong:
            self._go_on(seen, now)
            self.world = seen
            return
        self.world = seen
        planned = self._mended(step, seen) if step.skill in VISIBLE else ()
        if planned:
            self._try_again(planned, wrong, now)
        else:
            self._after(self.runner.give_up(wrong, now, self._others(step, seen)))

    def _go_on(self, seen: World, now: float) -> None:
        """The step that was looked at is done; after the last one, put away again what was lost on the way."""
        lost = self._lost(seen)
        for number, wrong in lost.items():
            if planned := self._mended(self._steps[number].step, seen):
                self._try_again(planned, wrong, now, done=True)
                return
        for number, wrong in lost.items():
            self.runner.lose(number, wrong)
        self._after(self.runner.confirm(now))

    def _mended(self, step: Step, seen: World) -> tuple[PlannedStep, ...]:
        """What does `step` after all, beginning in `seen`; nothing when that is impossible, forbidden or too often."""
        steps = mended(step, seen) if self.runner.may_try_again else ()
        planned = tuple(PlannedStep(one, sentence_for(one, seen)) for one in steps)
        return () if objection(planned, seen, self._skills) else planned

    def _try_again(self, planned: tuple[PlannedStep, ...], wrong: str, now: float, done: bool = False) -> None:
        """Do `planned` instead of the step that was looked at, or after it when it is `done`."""
        at = self.runner.step
        self._steps = (*self._steps[: at + done], *planned, *self._steps[at + 1 :])
        say = f"{capital(wrong)}. I try again."
        self._after(self.runner.again([one.sentence for one in planned], say, now, done))

    def _lost(self, seen: World) -> dict[int, str]:
        """After the last step: the steps whose thing was put away and is seen elsewhere now, and what is wrong."""
        plan, found = self.runner.plan, dict[int, str]()
        if plan is None or self.runner.step < len(self._steps) - 1:
            return found
        for number, planned in enumerate(self._steps[: self.runner.step]):
            step, later = planned.step, [one.step.thing for one in self._steps[number + 1 :]]
            put_away = plan.steps[number].state is StepState.DONE and step.skill in PUTTING_AWAY
            in_sight = step.thing not in later and seen.find(step.thing) is not None
            if put_away and in_sight and (wrong := missing(step, self.world, seen)):
                found[number] = wrong
        return found

    def _others(self, failed: Step, seen: World) -> tuple[int, ...]:
        """Later steps of the plan that put away other things, which can be done although `failed` could not."""
        found: list[int] = []
        if failed.skill in PUTTING_AWAY:
            for number in range(self.runner.step + 1, len(self._steps)):
                step = self._steps[number].step
                other = step.skill in PUTTING_AWAY and step.thing != failed.thing
                if other and not why_not(step, seen):
                    found.append(number)
                    seen = after(step, seen)
        return tuple(found)

    def tick(self, now: float) -> None:
        if self._asked is not None and now - self._asked_at > self._timeout:
            self.fail(self._asked, f"I could not work out what to do within {self._timeout:g} s.")
        self._after(self.runner.tick(now))

    def cancel(self, request_id: int = 0) -> None:
        """Stop what is asked or done for `request_id` (0: whatever it is). The robot holds at once."""
        if self._asked is not None and request_id in (0, self._asked.id):
            self._drop_asked("I stopped.")
        if request_id in (0, self._owner):
            self._after(self.runner.cancel())

    def _told_apart(self, steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
        """`steps`, which the gate let pass, with "go home" before each that is like the one before it to the policy.

        Not while something may be in a hand, which would open.
        """
        last, world = self._done[-1].step if self._done else None, self.world
        found: list[PlannedStep] = []
        for one in steps:
            home = Step("home")
            if one.step == last and one.step.skill in POSING and home.skill in self._skills and not world.held:
                found.append(PlannedStep(home, sentence_for(home, world)))
            found.append(one)
            last, world = one.step, after(one.step, world)
        return tuple(found)

    def _stop(self, text: str) -> str:
        """Stop everything and return what was said about it."""
        self._pending = None
        running = self.runner.running
        message = "I stopped." if running or self._asked is not None else "I am not doing anything."
        if re.search(r"\b(and|then)\b", text.lower()):
            message += " Tell me again what to do next."
        self._drop_asked(message)
        self._after(self.runner.cancel(say=message))
        if not running:
            self._say((message,))
        return message

    def _say(self, speech: Speech) -> None:
        self._speech.extend(text for text in speech if text)

    def _drop_asked(self, reason: str) -> None:
        if self._asked is not None:
            self._ended.append(Ended(self._asked.id, False, reason))
            self._asked = None

    def _remember(self, done: PlannedStep) -> None:
        """A step was done. Of a world that nobody looks at only the hands are known."""
        self._done.append(done)
        then = after(done.step, self.world)
        self.world = replace(then, things=self.world.things) if self.world.assumed else then

    def _after(self, speech: Speech) -> None:
        """Say it, remember what was done, and end the request when its plan has ended."""
        self._say(speech)
        plan = self.runner.plan
        if not self._owner or plan is None:
            return
        for number, step in enumerate(plan.steps):
            if step.state is StepState.DONE and number not in self._finished:
                self._remember(self._steps[number])
                self._finished.add(number)
        if plan.state is not PlanState.RUNNING:
            if plan.state is not PlanState.DONE:
                self._trouble = next((step.reason for step in plan.steps if step.reason), "")
            self._ended.append(Ended(self._owner, plan.state is PlanState.DONE, plan.say, plan))
            self._owner = 0


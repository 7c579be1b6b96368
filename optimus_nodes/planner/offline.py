"""A planner without a model: a small grammar that either understands every word or asks.

It never guesses. A plan comes out only when each clause names a skill, a box and a bin the robot
has; otherwise the person hears which piece is missing or what the robot can do instead. What only the
bench knows (push, stack, the drawer, ...) it understands in the sentences that policies are taught.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.language import BINS, Instruction, find_instruction
from ..core.planner import PlanContext, PlanProposal, is_stop
from .clauses import ABILITIES, COLOUR_LIST, WHICH_BOX, Clause, Place, Thing, Unclear, read_clause
from .params import FIRST_SKILLS
from .words import COLOUR_WORDS, clauses, normalise

MAX_LETTERS = 1000
MAX_STEPS = 20
MAX_REPLIES = 4
WHICH_BIN = "Which bin, left or right?"
_GREETING = "Hello! "
_HELP = frozenset(
    ("help", "what can you do", "what do you know", "who are you", "what are you", "what can i say", "how do you work")
)


class OfflinePlanner:
    """The `Planner` that needs no model and no network. `skills`: what the policy in use can do."""

    def __init__(self, skills: Sequence[str] = FIRST_SKILLS) -> None:
        self._skills = frozenset(skills)

    def plan(self, text: str, context: PlanContext) -> PlanProposal:
        """Steps, a question, or a plain refusal. Takes well under a millisecond; never raises."""
        said = normalise(text)
        if is_stop(said):
            return PlanProposal("stop", "I stopped.")
        if len(said) > MAX_LETTERS:
            return PlanProposal("refused", f"That is too long for me: {len(said)} letters, at most {MAX_LETTERS}.")
        answer = _chat(said, context)
        if answer:
            return PlanProposal("answer", answer, (), context.question_about)
        taught = find_instruction(said)
        if taught is not None and taught.skill in self._skills - set(FIRST_SKILLS):
            return _plan((taught,))
        asked = context.question_about
        about = said
        try:
            read = _read(said)
            resolver = _Resolver(context)
            if asked and _is_reply(read) and asked.count("\n") < MAX_REPLIES:
                about = f"{asked}\n{said}"
                earlier, *replies = about.split("\n")
                resolver.replies = [_read(reply)[0] for reply in replies]
                read = _read(earlier)
            steps = resolver.steps(read)
        except Unclear as unclear:
            if taught is not None and taught.skill in self._skills:
                return _plan((taught,))
            return PlanProposal(unclear.status, unclear.say, (), about if unclear.status == "question" else asked)
        return _plan(steps)


def _plan(steps: tuple[Instruction, ...]) -> PlanProposal:
    return PlanProposal("plan", f"I will {', then '.join(step.sentence for step in steps)}.", steps)


def _chat(said: str, context: PlanContext) -> str:
    """The answer to small talk, "" for anything else."""
    words = " ".join("".join(c if c.isalnum() else " " for c in said).split())
    if not words:
        return f"I heard nothing. {ABILITIES}"
    if words in _HELP:
        return ABILITIES
    if words in ("hello", "hi", "hey", "hello robot", "good morning"):
        return _GREETING + ABILITIES
    if words in ("thanks", "thank you", "well done", "good"):
        return "You are welcome."
    if words in ("what are you doing", "what are you doing now", "status"):
        return f"My task now: {context.doing}." if context.doing else "I am not doing anything."
    if words in ("what colours do you know", "what colors do you know", "which colours do you know"):
        return f"I know {COLOUR_LIST}."
    return ""


def _read(said: str) -> list[Clause]:
    parts = clauses(said)
    if len(parts) > 1 and parts[-1][0] == "stop":
        parts = parts[:-1]  # "... and then stop": it stops after the last step anyway
    read = [clause for part, joined in parts if (clause := read_clause(part, joined)) is not None]
    if not read:
        raise Unclear(f"I did not understand that. {ABILITIES}")
    return read


def _is_reply(read: Sequence[Clause]) -> bool:
    """True for a fragment that only fills a gap: "the red one", "left"."""
    return len(read) == 1 and not read[0].verb and not read[0].down


class _Resolver:
    """Turns clauses into instructions: carries the verb over, finds what "it" is, fills gaps with replies."""

    def __init__(self, context: PlanContext) -> None:
        self._context = context
        asked = [COLOUR_WORDS[w] for w in context.question_about.split() if w in COLOUR_WORDS]
        self._before = asked[-1] if asked else context.last_colour
        self._verb = self._colour = self._side = self._held = ""
        self.replies: list[Clause] = []  # fragments that answered questions about the instruction
        self._found: list[Instruction] = []

    def steps(self, read: Sequence[Clause]) -> tuple[Instruction, ...]:
        for i, clause in enumerate(read):
            shared = next((c.place for c in _coordinated(read[i + 1 :]) if c.place), None)
            self._add(clause, shared)
        if len(self._found) > MAX_STEPS:
            raise Unclear(f"That is too much at once: {len(self._found)} steps, at most {MAX_STEPS}.")
        return tuple(self._found)

    def _add(self, clause: Clause, shared: Place | None) -> None:
        verb = clause.verb or self._verb
        if verb == "home":
            if not clause.verb:
                raise _lost()
            self._found.append(Instruction("home"))
        elif verb == "pick" and clause.thing is None:
            raise _lost()
        elif not verb:
            raise Unclear(self._what_to_do(clause.thing), "question")
        elif verb == "pick" and not (clause.place and clause.place.moving):
            self._pick(clause)
        elif clause.place.table if clause.place else clause.down:
            self._put_down(clause)
        else:
            self._place(clause, shared)
        self._verb = verb

    def _pick(self, clause: Clause) -> None:
        colour = self._which(clause.thing)
        if clause.place and not clause.place.table:
            say = f"put the {colour} box in the {clause.place.side if clause.place.side in BINS else 'left'} bin"
            raise Unclear(f'I cannot take a box out of a bin. To put it in one, say "{say}".')
        if self._held:
            raise Unclear(f"I hold one box at a time: say where the {self._held} box goes before the {colour} one.")
        self._held = colour
        self._found.append(Instruction("pick", colour))

    def _put_down(self, clause: Clause) -> None:
        if clause.place and clause.place.source:
            raise _lost()
        named = clause.thing.colour if clause.thing else ""
        held = self._held or self._context.held
        if named and named != held:
            known = f"I hold the {held} box" if held else f"I have not picked up the {named} box"
            raise Unclear(f"I can only put down a box that I hold, and {known}.")
        self._held = ""
        self._found.append(Instruction("put_down"))

    def _place(self, clause: Clause, shared: Place | None) -> None:
        if clause.place and clause.place.source:
            raise _lost()
        colour = self._which(clause.thing)
        place = clause.place or shared
        side = place.side if place else (self._side if clause.again else "")
        if side in ("same", "other"):
            side = {"same": self._side, "other": _opposite(self._side)}[side]
        side = side or self._reply_side()
        if not side:
            raise Unclear(WHICH_BIN, "question")
        if self._found and self._found[-1] == Instruction("pick", colour):
            self._found.pop()  # putting a box in a bin begins with picking it up
        self._held, self._side = "", side
        self._found.append(Instruction("place", colour, side))

    def _which(self, thing: Thing | None) -> str:
        """The colour of the box meant.

        "It" is the box spoken of last, earlier instructions included; "the box" is one of this
        instruction, or the one in the hand.
        """
        pronoun, definite = thing is None or thing.pronoun, thing is not None and thing.definite
        colour = thing.colour if thing else ""
        if not colour and (pronoun or definite):
            colour = self._colour
        colour = colour or next((r.thing.colour for r in self.replies if r.thing and r.thing.colour), "")
        if not colour and pronoun:
            colour = self._before
        if not colour and definite:
            colour = self._context.held
        if not colour:
            raise Unclear(WHICH_BOX, "question")
        self._colour = colour
        return colour

    def _reply_side(self) -> str:
        return next((r.place.side for r in self.replies if r.place and r.place.side in BINS), "")

    def _what_to_do(self, thing: Thing | None) -> str:
        colour = thing.colour if thing else ""
        it = f"the {colour} box" if colour else "that"
        return f"What should I do with {it}: pick it up, or put it in the left or the right bin?"


def _coordinated(rest: Sequence[Clause]) -> list[Clause]:
    """The clauses that share verb and bin with the one before: "(put the red) and the blue box in the left bin"."""
    shared: list[Clause] = []
    for clause in rest:
        if clause.verb or not clause.joined:
            break
        shared.append(clause)
    return shared


def _lost() -> Unclear:
    return Unclear(f"I did not understand all of that. {ABILITIES}")


def _opposite(side: str) -> str:
    return {"left": "right", "right": "left"}.get(side, "")

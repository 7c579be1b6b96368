"""Reads clause after clause: a verb, what it is about and where to, or what goes on with the verb before."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from ..core.grounding import NOTICE
from ..core.intent import Condition, Intent, Selector
from ..core.language import SIDES
from . import lexicon as lex
from .conditions import read_condition
from .fragments import PUT, fill
from .phrases import Cursor, Place, Unclear, read_place, read_things
from .words import skip_afterwards, skip_politeness

_LET_GO = ("let it go", "let go of it", "let go", "release it", "release")
_SHUT = ("shut", "closed", "close", "in", "back in")
_OPENED = ("open", "out")
_NEVER = ("don't", "do not", "never", "must not", "stop trying to")
_HOME = re.compile(
    r"(go|return|move|come|get|drive)?( back)?( to)?( the| your| its)?"
    r" ?(home|rest|starting|start|neutral|initial|default)( position| pose| posture)?( again)?|rest your arms|home"
)


class Orders:
    """The intents found so far, and the verb that a clause without one goes on with."""

    def __init__(self, cursor: Cursor, skills: Collection[str]) -> None:
        self._cursor, self._skills = cursor, skills
        self.found: list[Intent] = []
        self._can: frozenset[str] = frozenset()
        self._last_condition: Condition | None = None

    def clause(self) -> None:
        """Read one clause and add what it means."""
        cursor = self._cursor
        hand = skip_politeness(cursor)
        if self.found and cursor.take(*lex.CORRECTING):
            self._correct()
            return
        condition = read_condition(cursor, self._last_condition)
        begun = len(self.found)
        if cursor.sees(*_NEVER):
            raise Unclear("All right, I leave that.", "answer")
        if not cursor.done:
            self._order()
        if condition is None:
            condition = read_condition(cursor, self._last_condition)
        self._last_condition = condition
        times = lex.TIMES.get(cursor.take(*lex.TIMES), 1)
        named = [replace(one, side=hand) if hand and not one.side else one for one in self.found[begun:]]
        self.found[begun:] = [replace(one, condition=condition) for one in named] * times
        if cursor.sees(*lex.ENDLESS):
            raise Unclear("That would never end. Tell me how often.")
        if cursor.sees(*lex.UNKNOWN_PLACES):
            raise Unclear(f'I know no place called "{cursor.rest}".')
        skip_afterwards(cursor)
        if not cursor.done and not cursor.sees(",", ";", ".", ":", "!", "?", *lex.THEN):
            raise Unclear(f'I did not understand "{cursor.rest}".')

    def _correct(self) -> None:
        """ "no, the right bin": the last intent with another thing or place."""
        cursor = self._cursor
        cursor.take(",")
        start = cursor.at
        last = self.found.pop()
        cursor.take(*lex.TOWARDS)
        place, things = read_place(cursor), [last.what]
        if place is not None and place.kind == "thing":
            things, place = [place.what], None
            if cursor.take(*lex.TOWARDS):
                place = read_place(cursor)
        if place is None and things == [last.what]:
            raise Unclear(f'I did not understand "{" ".join(cursor.words[start:])}".')
        for thing in things:
            intent = replace(last, what=thing)
            self.found.append(fill(intent, place, self.found, self._skills) if place is not None else intent)

    def _order(self) -> None:
        """One order: a verb with what it is about, or what the last verb goes on with."""
        cursor = self._cursor
        if self._home() or self._down():
            return
        start = cursor.at
        can = cursor.take_from(lex.verbs())
        if can is None:
            self._go_on(start)
            return
        self._can = can
        if "wave" in can and self._wave():
            return
        if cursor.take(*lex.TO_PEOPLE):
            raise Unclear("I can't hand things to people. Tell me where to put it.")
        if cursor.take("up") and not can & {"pick", "stack", "open", "sort"}:
            cursor.at -= 1
        if can == {"notice"}:
            self._notice(start)
            return
        if can == {"clear"}:
            self._clear()
            return
        things = read_things(cursor, bool(can & {"put", "carry", "pick", "stack", "push", "hand"}))
        self._with(can, things, start)

    def _home(self) -> bool:
        cursor = self._cursor
        words = cursor.words[cursor.at :]
        ends = [k for k, word in enumerate(words) if word in (",", ";", ".", "!", "?", "and", "then")]
        clause = words[: ends[0] if ends else len(words)]
        for count in range(len(clause), 0, -1):
            if _HOME.fullmatch(" ".join(clause[:count])):
                cursor.at += count
                self.found.append(Intent("home"))
                return True
        return False

    def _down(self) -> bool:
        """ "let go", "put (it) down"."""
        cursor = self._cursor
        start = cursor.at
        if cursor.take(*_LET_GO):
            self.found.append(Intent("put_down"))
            return True
        verb = cursor.take_from(lex.verbs())
        if verb is None or not verb & {"put", "carry"}:
            cursor.at = start
            return False
        early = cursor.take("back down", "down")
        things = read_things(cursor, False)
        if not early and not cursor.take("back down", "down"):
            cursor.at = start
            return False
        if cursor.take(*lex.TOWARDS):
            place = read_place(cursor)
            if place is None or place.kind != "bench":
                cursor.at = start
                return False
        what = things[0] if things and things[0].refers != "it" else None
        self.found.append(Intent("put_down", what))
        return True

    def _wave(self) -> bool:
        cursor = self._cursor
        start = cursor.at
        cursor.take("hello", "goodbye", "to me", "at me")
        cursor.take("with")
        place = read_place(cursor)
        side = place.value if place is not None and place.kind in ("hand", "side") else ""
        if place is not None and not side:
            cursor.at = start
        self.found.append(Intent("wave", side=side))
        return True

    def _go_on(self, start: int) -> None:
        """A clause without a verb: "the blue one in the right bin", "the green box goes there"."""
        cursor = self._cursor
        things = read_things(cursor, True)
        if things is None:
            raise Unclear(f'"{cursor.rest}" is not something I can do.')
        can = self._can
        if cursor.take(*lex.GOES) or (not can and cursor.sees(*lex.TOWARDS)):
            self._can = can = frozenset(("put",))
            cursor.take("back")
        if not can:
            raise Unclear(f'What should I do with "{" ".join(cursor.words[start : cursor.at])}"?', "question")
        again = bool(cursor.take(*lex.AGAIN))
        last = self.found[-1] if self.found else None
        ended = again or cursor.done or cursor.sees(",", ".", ";", *lex.THEN)
        if last is not None and ended and not cursor.sees(*lex.TOWARDS):
            self.found += [replace(last, what=thing, condition=None) for thing in things]
            return
        self._with(can, things, start)

    def _with(self, can: frozenset[str], things: list[Selector] | None, start: int) -> None:
        """Add what a verb that can mean `can` means with these things and the places that follow."""
        cursor = self._cursor
        last = self.found[-1].what if self.found else None
        if last is not None and things and things[0].any and things[0].refers == "other":
            colour, size = things[0].colour or last.colour, things[0].size or last.size
            things[0] = replace(things[0], colour=colour, size=size)  # another such one
        kind = things[0].kind if things else ""
        pronoun = bool(things) and kind == "" and not can & {"put", "carry", "pick"}
        if kind == "drawer" or (pronoun and can & {"open", "close"}):
            self._drawer(can)
        elif kind == "button" or (pronoun and can == {"press"}):
            self._plain(can & {"press", "push"}, Intent("press"), start)
        elif "sort" in can and (not can & {"put", "carry"} or cursor.sees(*lex.BY_SIZE)):
            if cursor.take(*lex.BY_SIZE):
                cursor.take("its", "their", "the")
                cursor.take("size", "sizes")
            self.found += [Intent("sort", thing) for thing in things or [Selector(count=0)]]
        elif "point" in can:
            self._about(things, start, "point")
        elif kind == "bar":
            self._bar(can, start)
        else:
            self._bring(can, things, start)
        cursor.take(*lex.AGAIN)

    def _notice(self, start: int) -> None:
        """ "find the red box", "there is a red box": it is spoken of, nothing is done."""
        cursor = self._cursor
        things = read_things(cursor, False)
        if not things:
            raise Unclear(f'"{" ".join(cursor.words[start:])}" is not something I can do.')
        self.found += [Intent(NOTICE, thing) for thing in things]

    def _clear(self) -> None:
        """ "empty station a": all that is there goes somewhere that must still be said."""
        cursor = self._cursor
        place = read_place(cursor)
        if place is None or place.kind not in ("station", "bench"):
            raise Unclear("I can clear the table or a station.")
        base = Intent(PUT, Selector(place=place.name, count=0))
        goal = read_place(cursor) if cursor.take(*lex.TOWARDS) else None
        self.found.append(base if goal is None else fill(base, goal, self.found, self._skills))

    def _plain(self, fits: Collection[str], intent: Intent, start: int) -> None:
        if not fits:
            raise Unclear(f'"{" ".join(self._cursor.words[start:])}" is not something I can do.')
        self._cursor.take("in", "down")
        self.found.append(intent)

    def _drawer(self, can: frozenset[str]) -> None:
        cursor = self._cursor
        if cursor.take(*_SHUT):
            skill = "close"
        elif cursor.take(*_OPENED) or not can & {"close", "push"}:
            skill = "open"
        else:
            skill = "close"
        if not can & {"open", "close", "push", "tug", "pick", "carry"}:
            raise Unclear("I can open the drawer and close it.")
        cursor.take("again", "up")
        self.found.append(Intent(skill))

    def _about(self, things: list[Selector] | None, start: int, skill: str) -> None:
        if not things:
            raise Unclear(f'What do you mean by "{" ".join(self._cursor.words[start:])}"?', "question")
        self.found += [Intent(skill, thing) for thing in things]

    def _bar(self, can: frozenset[str], start: int) -> None:
        """Only from hand to hand."""
        cursor = self._cursor
        hands: dict[str, str] = {}
        cursor.take("over")
        while True:
            how = cursor.take(*lex.FROM, *lex.TOWARDS, "with", "using")
            if not how:
                break
            place = read_place(cursor)
            if place is None or place.kind not in ("hand", "side"):
                raise Unclear("I can hand the bar over to my left or to my right hand, nothing else.")
            hands["from" if how in lex.FROM else "with" if how in ("with", "using") else "to"] = place.value
        takes = "pick" in can and "hand" not in can
        side = hands.get("to") or _other(hands.get("from", "")) or ("" if takes else _other(hands.get("with", "")))
        if takes and not side:
            self.found.append(Intent(NOTICE, Selector("bar")))
            return
        if not can & {"hand", "carry", "put", "pick"}:
            raise Unclear("I can hand the bar over to my left or to my right hand, nothing else.")
        self.found.append(Intent("hand_over", side=side))

    def _bring(self, can: frozenset[str], things: list[Selector] | None, start: int) -> None:
        """A box that is taken, pushed, or brought somewhere."""
        cursor = self._cursor
        cursor.take("up")
        place: Place | None = None
        hand = ""
        leads = (*lex.FROM, *lex.TOWARDS, "there", "with", "using", "left", "right")
        while cursor.take("back", *lex.A_BIT) or cursor.sees(*leads):
            if cursor.take("with", "using"):
                with_ = read_place(cursor)
                if with_ is None or with_.kind not in ("hand", "side") or with_.value not in SIDES:
                    raise Unclear(f'I did not understand "with {cursor.rest}".')
                hand = with_.value
                continue
            if cursor.take(*lex.FROM):
                source = read_place(cursor)
                if source is None:
                    raise Unclear(f'I did not understand "{cursor.rest}".')
                if source.name and things:
                    things = [replace(one, place=source.name) for one in things]
                continue
            at = cursor.at
            towards = cursor.take(*lex.TOWARDS)
            if not towards and cursor.sees("right now"):
                break
            place = read_place(cursor)
            if place is not None and place.kind == "side" and towards in ("on", "at") and can <= {"pick"}:
                things = [replace(one, order=place.value) for one in things or []]
                place = None
                continue
            if place is None:
                raise Unclear(f'I know no place called "{" ".join(cursor.words[at + 1 :])}".')
            if place.what is not None and place.what.kind in ("drawer", "button", "bar"):
                raise Unclear(f"I can't put anything on or into the {place.what.kind}.")
        if things is None:
            if "pick" in can and place is None:
                raise Unclear("Which box?", "question")
            things = [Selector(kind="", refers="it")] if place is not None else []
        if not things:
            raise Unclear(f'"{" ".join(cursor.words[start:])}" is not something I can do.')
        pushes = "push" in can and not can & {"put"}
        base = Intent(PUT, side="push" if pushes else "")
        if place is None and "pick" in can:
            self.found += [Intent("pick", thing, side=hand) for thing in things]
            return
        for thing in things:
            intent = replace(base, what=thing)
            if place is None:
                skill = "push" if pushes and "carry" not in can else "stack" if can == {"stack"} else PUT
                self.found.append(replace(intent, skill=skill, side=""))
            else:
                filled = fill(intent, place, self.found, self._skills)
                self.found.append(replace(filled, side=hand) if hand and not filled.side else filled)


def _other(side: str) -> str:
    return SIDES[1 - SIDES.index(side)] if side in SIDES else ""

"""Reads clause after clause: a verb, what it is about and where to, or what goes on with the verb before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..core.intent import NOTICE, PUT, SHIFT, SWAP, TOWER, Condition, Intent, Selector
from ..core.language import SIDES
from . import lexicon as lex
from .conditions import read_condition
from .cursor import Cursor, Unclear
from .fixtures import read_bar, read_bare_place, read_down, read_drawer, read_home, read_needs, read_wave
from .fragments import fill
from .phrases import Place, read_place, read_things
from .words import skip_afterwards, skip_joints, skip_politeness, take_verb, take_verb_after_comma

_NEVER = ("don't", "do not", "never", "must not", "stop trying to")


class Orders:
    """The intents found so far, and the verb that a clause without one goes on with."""

    def __init__(self, cursor: Cursor, skills: Collection[str], before: Sequence[Intent] = ()) -> None:
        self._cursor, self._skills, self._earlier = cursor, skills, tuple(before)
        self.found: list[Intent] = []
        self._can: frozenset[str] = frozenset()
        self._last_condition: Condition | None = None

    def clauses(self) -> None:
        """Read to the end."""
        cursor = self._cursor
        while not cursor.done:
            at = cursor.at
            self.clause()
            skip_joints(cursor)
            if cursor.at == at:
                raise Unclear(f'I did not understand "{cursor.rest}".')

    def clause(self) -> None:
        """Read one clause and add what it means."""
        cursor = self._cursor
        hand = skip_politeness(cursor)
        if cursor.take("not the other ones", "not the others", "not the rest", "nothing else"):
            return
        if cursor.take(*lex.CORRECTING) and self.found:
            self._correct()
            return
        cursor.take("but")
        if cursor.take("before you", "before"):
            self._before()
            return
        cursor.take("after you have", "once you have", "after you've", "when you have")
        condition = read_condition(cursor, self._last_condition)
        begun = len(self.found)
        if hand and self.found and (cursor.done or cursor.sees(",", ".", "and", "then")):
            self.found.append(replace(self.found[-1], side=hand))  # "... and with your right hand"
            return
        if cursor.sees(*_NEVER):
            raise Unclear("All right, I leave that.", "answer")
        if condition is not None:
            hand = skip_politeness(cursor) or hand
        if cursor.done or cursor.word in lex.MARKS:
            return
        self._order()
        if cursor.sees(*lex.UNKNOWN_PLACES):
            raise Unclear(f'I know no place called "{cursor.rest}".')
        skip_afterwards(cursor)
        if condition is None:
            condition = read_condition(cursor, self._last_condition)
        self._last_condition = condition
        skip_afterwards(cursor)
        if "instead" in cursor.words[cursor.at - 1 : cursor.at]:
            self.found[begun:] = [replace(one, instead=True) for one in self.found[begun:]]
        times = lex.TIMES.get(cursor.take(*lex.TIMES), 1)
        named = [replace(one, side=hand) if hand and not one.side else one for one in self.found[begun:]]
        self.found[begun:] = [replace(one, condition=condition) for one in named] * times
        if cursor.sees(*lex.ENDLESS):
            raise Unclear("That would never end. Tell me how often.")
        if begun and cursor.take("first", "before that"):
            self.found = [*self.found[begun:], *self.found[:begun]]
        skip_afterwards(cursor)
        if not cursor.done and not cursor.sees(*lex.MARKS, "but", *lex.THEN):
            raise Unclear(f'I did not understand "{cursor.rest}".')

    def _before(self) -> None:
        """ "before you go home, wave": the first is done last."""
        cursor, begun = self._cursor, len(self.found)
        self._order()
        last = self.found[begun:]
        del self.found[begun:]
        if not cursor.take(","):
            raise Unclear(f'Before what? I did not understand "{cursor.rest}".')
        self.clauses()
        self.found += last

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
            self.found.append(self._fill(intent, place) if place is not None else intent)

    def _fill(self, intent: Intent, place: Place) -> Intent:
        return fill(intent, place, (*self._earlier, *self.found), self._skills)

    def _order(self) -> None:
        """One order: a verb with what it is about, or what the last verb goes on with."""
        cursor = self._cursor
        plain = read_home(cursor) or read_down(cursor)
        if plain is not None:
            self.found.append(plain)
            return
        start = cursor.at
        if cursor.take("of the", "among the", "out of the"):
            self._notice(start)  # "of the blue boxes, take the large one"
            return
        can = take_verb(cursor)
        if can is None:
            self._go_on(start)
            return
        if "give" in can:
            self._give(start)
            return
        if "again" in can:
            self._again(start)
            return
        self._can = can
        if "wave" in can:
            self.found.append(read_wave(cursor))
            return
        if cursor.take(*lex.TO_PEOPLE) and not ("pick" in can and "carry" not in can):  # "get me the red box"
            raise Unclear("I can't hand things to people. Tell me where to put it.")
        if "put" in can:
            cursor.take("down")
        if cursor.take("up") and not can & {"pick", "stack", "open", "sort"}:
            cursor.at -= 1
        if can == {"notice"} or "keep" in can and self._keeps():
            self._notice(start)
            cursor.take(*lex.LEFT_ALONE, "any more", "anymore", "open", "closed", "shut")
            return
        if can & {"tower", "swap"}:
            self._together(TOWER if "tower" in can else SWAP, start)
            return
        if can == {"clear"}:
            self._clear()
            return
        things = read_things(cursor, bool(can & {"put", "carry", "pick", "stack", "push", "hand"}))
        self._with(can, things, start)

    def _give(self, start: int) -> None:
        """ "give the green box a push to the left", "give the bar to your left hand"."""
        cursor = self._cursor
        if cursor.take(*lex.TO_PEOPLE):
            raise Unclear("I can't hand things to people. Tell me where to put it.")
        things = read_things(cursor, True)
        cursor.take("a little", "a gentle", "a")
        done = cursor.take("little push", "push", "shove", "nudge", "press")
        can = ("press",) if done == "press" else ("push",) if done else ("hand", "carry")
        self._with(frozenset(can), things, start)

    def _go_on(self, start: int) -> None:
        """A clause without a verb: "the blue one in the right bin", "the green box goes there"."""
        cursor = self._cursor
        can = self._can
        if can and "point" in can and cursor.take("at", "to"):
            self._about(read_things(cursor, False), start, "point")
            return
        if can and "wave" in can and cursor.sees("with"):
            self.found.append(read_wave(cursor))
            return
        if self._will_do() or self._nothing_left():
            return
        things = read_things(cursor, True)
        if things is None:
            raise Unclear(f'"{cursor.rest}" is not something I can do.')
        if cursor.take("is", "are"):
            if not cursor.take(*lex.WRONG):
                raise Unclear(f'I did not understand "{" ".join(cursor.words[start:])}".')
            self.found += [Intent(NOTICE, thing) for thing in things]
            return
        needed = read_needs(cursor) if things[0].kind == "drawer" else None
        if needed is not None:
            self.found.append(needed)
            return
        bare = read_bare_place(cursor)
        if bare is not None:
            self._can = frozenset(("put",))
            self.found += [self._fill(Intent(PUT, thing), bare) for thing in things]
            return
        sorting = "sort" in can and cursor.sees(*lex.TOWARDS)
        if cursor.take(*lex.GOES) or sorting or (not can and cursor.sees(*lex.TOWARDS, "left", "right")):
            self._can = can = frozenset(("put",))
            cursor.take("back")
        if not can and cursor.sees(",") and take_verb_after_comma(cursor):
            self.found += [Intent(NOTICE, thing) for thing in things]  # "the red box, put it ..."
            return
        if not can:
            raise Unclear(f'What should I do with "{" ".join(cursor.words[start : cursor.at])}"?', "question")
        again = bool(cursor.take(*lex.AGAIN))
        last = self.found[-1] if self.found else None
        ended = again or cursor.done or cursor.sees(",", ".", ";", *lex.THEN)
        if last is not None and ended and not cursor.sees(*lex.TOWARDS):
            self.found += [replace(last, what=thing, condition=None) for thing in things]
            return
        self._with(can, things, start)

    def _will_do(self) -> bool:
        """ "(get rid of it), the left bin will do"."""
        cursor, start = self._cursor, self._cursor.at
        if self.found and self.found[-1].skill == PUT:
            place = read_place(cursor)
            if place is not None and cursor.take("will do", "is fine", "would be fine", "is good"):
                self.found[-1] = self._fill(self.found[-1], place)
                return True
        cursor.at = start
        return False

    def _nothing_left(self) -> bool:
        """ "nothing is left at station b": all that is there is spoken of."""
        cursor = self._cursor
        if not cursor.take("nothing is left", "nothing remains", "nothing stays", "there is nothing left"):
            return False
        cursor.take(*lex.TOWARDS)
        place = read_place(cursor)
        if place is None or not place.name:
            raise Unclear(f'I did not understand "{cursor.rest}".')
        self.found.append(Intent(NOTICE, Selector(place=place.name, count=0)))
        return True

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
            self.found.append(read_drawer(cursor, can))
        elif kind == "button" or (pronoun and can == {"press"}):
            self._plain(can & {"press", "push"}, Intent("press"), start)
        elif "sort" in can and (not can & {"put", "carry"} or cursor.sees(*lex.BY_SIZE)):
            cursor.take("for me", "please")
            if cursor.take(*lex.BY_SIZE):
                cursor.take("its", "their", "the")
                cursor.take("size", "sizes")
            self.found += [Intent("sort", thing) for thing in things or [Selector(count=0)]]
        elif "point" in can:
            cursor.take("with your finger", "with your index finger", "with a finger")
            self._about(things or [Selector(kind="", refers="it")], start, "point")
        elif kind == "bar":
            self.found.append(read_bar(cursor, can))
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

    def _keeps(self) -> bool:
        """ "keep the red box", "leave it where it is", but not "leave it in the left bin"."""
        cursor, start = self._cursor, self._cursor.at
        verb = cursor.words[start - 1]
        read_things(cursor, True)
        keeps = verb != "leave" or bool(cursor.sees(*lex.LEFT_ALONE))
        cursor.at = start
        return keeps

    def _again(self, start: int) -> None:
        """ "do the same with the yellow one"."""
        cursor = self._cursor
        cursor.take("with", "to", "for")
        things = read_things(cursor, False)
        if not things or not self.found:
            raise Unclear(f'I did not understand "{" ".join(cursor.words[start:])}".')
        self.found += [replace(self.found[-1], what=thing) for thing in things]

    def _together(self, skill: str, start: int) -> None:
        """Several things that make one: a tower of them, or two that change places."""
        cursor = self._cursor
        cursor.take("out of", "from", "of", "with")
        things = read_things(cursor, False)
        if things and len(things) == 1 and cursor.take("with", "for"):
            things += read_things(cursor, False) or []
        if not things:
            raise Unclear(f'I did not understand "{" ".join(cursor.words[start:])}".')
        self.found.append(Intent(skill, things[0], others=tuple(things[1:])))

    def _clear(self) -> None:
        """ "empty station a": all that is there goes somewhere that must still be said."""
        cursor = self._cursor
        place = read_place(cursor)
        if place is not None and place.kind == "hand":  # "free your hand"
            self.found.append(Intent("put_down"))
            return
        if place is None or place.kind not in ("station", "bench"):
            raise Unclear("I can clear the table or a station.")
        base = Intent(PUT, Selector(place=place.name, count=0))
        goal = read_place(cursor) if cursor.take(*lex.TOWARDS) else None
        self.found.append(base if goal is None else self._fill(base, goal))

    def _plain(self, fits: Collection[str], intent: Intent, start: int) -> None:
        if not fits:
            raise Unclear(f'"{" ".join(self._cursor.words[start:])}" is not something I can do.')
        self._cursor.take("in", "down")
        self.found.append(intent)

    def _about(self, things: list[Selector] | None, start: int, skill: str) -> None:
        if not things:
            raise Unclear(f'What do you mean by "{" ".join(self._cursor.words[start:])}"?', "question")
        self.found += [Intent(skill, thing) for thing in things]

    def _bring(self, can: frozenset[str], things: list[Selector] | None, start: int) -> None:
        """A box that is taken, pushed, or brought somewhere."""
        things, place, hand = self._where_to(can, things)
        if things is None:
            if "pick" in can and place is None:
                raise Unclear("Which box?", "question")
            things = [Selector(kind="", refers="it")] if place is not None else []
        if not things:
            raise Unclear(f'"{" ".join(self._cursor.words[start:])}" is not something I can do.')
        if place is None and "pick" in can:
            self.found += [Intent("pick", thing, side=hand) for thing in things]
            return
        shifts = "push" in can and "put" not in can
        unsaid = "push" if shifts and "carry" not in can else "stack" if can == {"stack"} else PUT
        for thing in things:
            if place is None:
                self.found.append(Intent(unsaid, thing))
                continue
            filled = self._fill(Intent(SHIFT if shifts else PUT, thing), place)
            self.found.append(replace(filled, side=hand) if hand and not filled.side else filled)

    def _where_to(
        self, can: frozenset[str], things: list[Selector] | None
    ) -> tuple[list[Selector] | None, Place | None, str]:
        """What follows the things: where they are (they are narrowed by it), where they go, and with which hand."""
        cursor = self._cursor
        if not cursor.take("up", "off again", "down") and cursor.sees("off ,", "off .", "off and", "off then"):
            cursor.take("off")
        goal: Place | None = None
        hand = ""
        leads = (*lex.FROM, *lex.TOWARDS, "there", "with", "using", "left", "right", "where")
        while cursor.take("back", *lex.A_BIT) or (cursor.sees(*leads) and not cursor.sees("right now")):
            if not cursor.sees(*leads):
                continue
            at, lead = cursor.at, cursor.take("with", "using", *lex.FROM, *lex.TOWARDS)
            place = read_place(cursor)
            if place is None:
                raise Unclear(f'I know no place called "{" ".join(cursor.words[at + len(lead.split()) :])}".')
            if lead in ("with", "using"):
                goal, hand = self._with_what(place, goal, hand)
            elif lead in lex.FROM or _says_where(lead, place, can):
                where = {"order": place.value} if place.kind == "side" else {"place": place.name} if place.name else {}
                things = [replace(one, **where) for one in things or []]  # type: ignore[arg-type]
            elif place.what is not None and place.what.kind in ("drawer", "button", "bar"):
                raise Unclear(f"I can't put anything on or into the {place.what.kind}.")
            else:
                goal = place
        return things, goal, hand

    def _with_what(self, place: Place, goal: Place | None, hand: str) -> tuple[Place | None, str]:
        """ "with your left hand", or "(put it) with the other large one"."""
        if place.kind == "thing":
            return Place("with", what=place.what), hand
        if place.kind not in ("hand", "side") or place.value not in SIDES:
            raise Unclear(f'I did not understand "with {self._cursor.rest}".')
        return goal, place.value


def _says_where(lead: str, place: Place, can: frozenset[str]) -> bool:
    """ "take the box at station a": where it is. A bin is where it goes: nothing is taken out of one."""
    taken = lead in lex.AT and "pick" in can and "put" not in can
    return taken and (place.kind == "side" or place.name.startswith("station"))

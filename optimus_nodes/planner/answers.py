"""Answers to what is no order: small talk, and questions about the scene, the plan and what was done."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..core.intent import Intent, Memory
from ..core.language import find_instruction
from ..core.planner import PlanContext
from ..core.saying import article, capital, listed, mine
from ..core.world import Thing, World, skill_to, there
from . import lexicon as lex
from .cursor import Cursor, Unclear
from .phrases import read_place, read_things

_HELP = ("help", "what can you do", "what do you know", "who are you", "what are you", "what can i say")
_HELP = (*_HELP, "how do you work", "what are you able to do", "which tasks do you know")
_HELLO = ("hello", "hi", "hey", "hello robot", "hi robot", "good morning", "good evening", "hello optimus")
_THANKS = ("thanks", "thank you", "well done", "good", "good job", "great", "thank you robot", "very good", "nice")
_DOING = ("what are you doing", "what are you doing now", "what are you up to", "status", "what is your task")
_DONE = ("what did you just do", "what did you do", "what have you done", "what was the last thing you did")
_WHY = ("why did you stop", "what went wrong", "what happened", "why did that fail", "why did it fail", "why")
_SEE = ("what do you see", "what can you see", "what is there", "what is on the table", "what is on the bench")
_SEE = (*_SEE, "what do you see on the table", "what is in front of you", "what's there", "describe the scene")
_HOLD = ("what are you holding", "what do you hold", "what is in your hand", "what do you have in your hand")
_HOLD = (*_HOLD, "are you holding anything", "what is in your hands", "what have you got")
_WHAT_IS_IN = ("what is in", "what is on", "what's in", "what's on")
_PUT = ("what did you just put", "what did you put", "what have you just put", "what have you put")
_SKILLS = {
    "pick": "pick up a box",
    "place": "put it in the left or the right bin",
    "put_down": "put it down",
    "move": "bring it to station a or b",
    "stack": "stack it on another one",
    "push": "push it to a side",
    "sort": "sort boxes by size",
    "point": "point at a box",
    "hand_over": "hand the bar over to my other hand",
    "press": "press the button",
    "open": "open and close the drawer",
    "wave": "wave",
    "home": "go to the home position",
}


def abilities(skills: Collection[str]) -> str:
    """What the robot can do, in one sentence."""
    return f"I can {listed([words for skill, words in _SKILLS.items() if skill in skills])}."


def answer(text: str, context: PlanContext, skills: Collection[str]) -> tuple[str, Memory]:
    """What to say to `text` if it is a question or small talk, "" when it is neither; and what "it" means then."""
    said = _Said()
    said.say = _answer(text, context, skills, said)
    memory = context.memory
    if said.about:
        memory = replace(memory, last=said.about)
    if said.place:  # "there"
        memory = replace(memory, intents=(Intent(skill_to(said.place), place=said.place),))
    return said.say, memory


@dataclass
class _Said:
    """An answer, the names of the things it was about, and a place."""

    say: str = ""
    about: tuple[str, ...] = ()
    place: str = ""

    def tell(self, things: Sequence[Thing]) -> None:
        self.about = tuple(thing.name for thing in things)


def _answer(text: str, context: PlanContext, skills: Collection[str], about: _Said) -> str:
    said = " ".join(re.findall(r"[a-z']+", text.lower().replace("\u2019", "'")))
    said = re.sub(r"^(please|robot|optimus|hey|so|and|well|ok|okay|can you tell me|tell me) (?=\w)", "", said)
    if not said:
        return f"I heard nothing. {abilities(skills)}"
    if said in _HELP:
        return abilities(skills)
    if said in _HELLO:
        return f"Hello! {abilities(skills)}"
    if said in _THANKS:
        return "You are welcome."
    if said in _DOING:
        return f"My task now: {mine(context.doing)}." if context.doing else "I am not doing anything."
    if said in _DONE:
        return f"The last thing I did: {mine(context.done[-1])}." if context.done else "I have not done anything yet."
    if said in _WHY:
        return _why(context)
    if said in ("what colours do you know", "what colors do you know", "which colours do you know"):
        return "I know red, green, blue and yellow."
    return _about_the_scene(said, context, about)


def _why(context: PlanContext) -> str:
    if context.trouble:
        return f"I stopped: {context.trouble}."
    return f"I have not stopped: I {mine(context.doing)}." if context.doing else "Nothing went wrong."


def _about_the_scene(said: str, context: PlanContext, about: _Said) -> str:
    """Answers from the world."""
    world = context.world
    cursor = Cursor(said.split())
    if said in _SEE:
        return _unseen(world) or _inventory(world)
    if said in _HOLD:
        held = [thing for name in world.held if (thing := world.find(name)) is not None]
        return f"I hold {listed([world.call(thing) for thing in held])}." if held else "I hold nothing."
    try:
        if cursor.take("how many"):
            return _unseen(world) or _count(cursor, world, about)
        if cursor.take("where is", "where are", "where's"):
            return _where(cursor, context, about)
        if cursor.take("what is on top of", "what's on top of", "what stands on"):
            return _unseen(world) or _on_top(cursor, world, about)
        if cursor.take("which boxes are", "which box is", "which ones are"):
            cursor.take(*lex.TOWARDS)
            return _unseen(world) or _contents(cursor, world, about)
        if said in ("are your hands free", "is your hand free", "do you hold anything", "are you holding something"):
            return "Yes, I hold nothing." if not world.held else "No, I hold something."
        if cursor.take(*_WHAT_IS_IN):
            return _unseen(world) or _contents(cursor, world, about)
        if cursor.take(*_PUT):
            return _put(cursor, context)
        if cursor.take("is there", "are there", "do you see", "can you see"):
            return _unseen(world) or _is_there(cursor, world, about)
        if cursor.take("is the drawer", "is it"):
            return _drawer(cursor, world)
    except Unclear as unclear:
        return unclear.say
    return ""


def _unseen(world: World) -> str:
    return "I can't look at the table yet." if world.assumed else ""


def _inventory(world: World) -> str:
    """Everything in sight, box after box, where it is."""
    parts = []
    for thing in world.things:
        hand = world.hand_of(thing.name)
        where = f"in my {hand} hand" if hand else _place_words(thing, world)
        state = f"{thing.state} " if thing.kind == "drawer" and thing.state else ""
        words = " ".join(word for word in (state.strip(), thing.size, thing.colour, thing.noun) if word)
        parts.append(f"{article(words)} {words}{f' {where}' if where else ''}")
    return f"I see {listed(parts)}." if parts else "I see nothing."


def _count(cursor: Cursor, world: World, about: _Said) -> str:
    things = read_things(cursor, False)
    if not things:
        return ""
    cursor.take("are there", "do you see", "can you see", "have you got", "do you have", "are", "is")
    wanted = things[0]
    if cursor.take(*lex.NOT_IN_A_BIN):
        wanted = replace(wanted, place="bench")
    if cursor.take(*lex.TOWARDS) and (place := read_place(cursor)) is not None:
        wanted = replace(wanted, place=place.name)
    cursor.take("there", "in sight")
    if not cursor.done:
        return ""
    found = [thing for thing in world.things if wanted.fits(thing)]
    about.tell(found)
    if not found:
        return f"I see no {replace(wanted, count=0).words}."
    return f"I see {len(found)} {replace(wanted, count=len(found)).words}."


def _where(cursor: Cursor, context: PlanContext, about: _Said) -> str:
    world = context.world
    things = read_things(cursor, False)
    if not things or not cursor.done:
        return ""
    if things[0].refers in ("it", "them"):
        found = [thing for name in context.memory.last if (thing := world.find(name)) is not None]
    else:
        found = [thing for thing in world.things if things[0].fits(thing)]
    about.tell(found)
    if not found:
        return f"I can't see {article(things[0].words)} {replace(things[0], count=1).words}."
    said = []
    for thing in found:
        hand = world.hand_of(thing.name)
        unseen = "somewhere on the table; I can't look yet" if world.assumed else "on the table"
        said.append(f"{world.call(thing)} is {f'in my {hand} hand' if hand else _place_words(thing, world) or unseen}")
    text = f"{listed(said)}."
    return text[:1].upper() + text[1:]


def _contents(cursor: Cursor, world: World, about: _Said) -> str:
    place = read_place(cursor)
    if place is None or not place.name or not cursor.done:
        return ""
    inside = [thing for thing in world.things if thing.place == place.name]
    about.tell(inside)
    about.place = place.name
    words = [f"{article(_full(thing))} {_full(thing)}" for thing in inside]
    where = there(place.name)
    return f"{capital(where)} there is {listed(words)}." if words else f"There is nothing {where}."


def _put(cursor: Cursor, context: PlanContext) -> str:
    """What was last put into a bin, or into the one that was named, as far as it is remembered."""
    cursor.take("in", "into", "inside")
    place = read_place(cursor)
    if place is None or place.kind != "bin" or not cursor.done:
        return ""
    for sentence in reversed(context.done):
        did = find_instruction(sentence)
        if did is not None and did.bin and place.name in ("", did.bin, f"{did.bin}_bin"):
            return f"The {did.colour or did.size} box, in the {did.bin} bin."
    return "I have not put anything there yet."


def _on_top(cursor: Cursor, world: World, about: _Said) -> str:
    things = read_things(cursor, False)
    if not things or not cursor.done:
        return ""
    found = [thing for thing in world.things if things[0].fits(thing)]
    above = [one for thing in found if (one := world.on_top_of(thing.name)) is not None]
    about.tell(above)
    return f"{listed([capital(world.call(one)) for one in above])}." if above else "Nothing stands on it."


def _is_there(cursor: Cursor, world: World, about: _Said) -> str:
    things = read_things(cursor, False)
    cursor.take("there", "in sight", "on the table", "on the bench")
    if not things or not cursor.done:
        return ""
    found = [thing for thing in world.things if things[0].fits(thing)]
    about.tell(found)
    seen = listed([world.call(thing) for thing in found])
    return f"Yes, I see {seen}." if found else f"No, I see no {things[0].words}."


def _drawer(cursor: Cursor, world: World) -> str:
    drawer = world.of_kind("drawer")
    asked = cursor.take("open", "closed", "shut")
    if not asked or not cursor.done:
        return ""
    if drawer is None or not drawer.state:
        return "I can't tell whether the drawer is open."
    yes = (asked == "open") == (drawer.state == "open")
    return f"{'Yes' if yes else 'No'}, the drawer is {drawer.state}."


def _place_words(thing: Thing, world: World) -> str:
    """Where a thing is, in words; "" for anywhere on the table."""
    if not thing.place:
        return ""
    below = world.find(thing.place)
    return f"on {world.call(below)}" if below is not None else there(thing.place)


def _full(thing: Thing) -> str:
    return " ".join(word for word in (thing.size, thing.colour, thing.noun) if word)



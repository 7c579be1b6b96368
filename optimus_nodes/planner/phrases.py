"""Reads the parts of a sentence: which things, which place. A word that is not understood is never skipped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..core.intent import Selector
from ..core.saying import article
from . import lexicon as lex
from .cursor import Cursor, Unclear

Kind = Literal["bin", "station", "bench", "hand", "thing", "side", "with"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something goes, as it was spoken of. `value`: "left", "right", "a", "b", "same", "other", "" (not said)
    or "size" (the bin for its size); `what`: the thing it goes onto."""

    kind: Kind
    value: str = ""
    what: Selector | None = None

    @property
    def name(self) -> str:
        """The name of the place in the world, "" when it is none or not said which."""
        if self.value in ("left", "right") and self.kind == "bin":
            return f"{self.value}_bin"
        return f"station_{self.value}" if self.kind == "station" and self.value in ("a", "b") else ""


def read_place(cursor: Cursor) -> Place | None:
    """The place that comes next, after its preposition; None, and nothing read, when there is none."""
    start = cursor.at
    if cursor.take("there", "in there", "the same place"):
        return Place("bin", "same")
    if cursor.take("where"):
        things = _one_group(cursor, False)
        cursor.take("already")
        if things and cursor.take("is", "are", "stands", "lies"):
            cursor.take("already", "now")
            return Place("with", what=things[0])
        cursor.at = start
        return None
    cursor.take(*lex.ARTICLES, "a", "an")
    cursor.take("far", "very", "top", "your own")
    sides = (f"{side}{more}" for more in (" hand side", " hand", "") for side in ("left", "right"))
    value = cursor.take(*sides, "same", "other")
    value, hand = value.split()[0] if value else "", value.endswith("hand")
    if cursor.take(*(f"{noun} with" for noun in lex.BIN)):
        things = _one_group(cursor, False)
        if things:
            return Place("with", what=things[0])
        cursor.at -= 1
    if cursor.take(*lex.BIN):
        return Place("bin", "size" if cursor.take(*lex.FOR_ITS_SIZE) else value or _on_a_side(cursor))
    if cursor.take(*lex.HAND) or hand:
        return Place("hand", value)
    if cursor.take(*lex.STATION):
        return Place("station", lex.LETTERS.get(cursor.take(*lex.LETTERS), value))
    if not value and cursor.word in lex.LETTERS and cursor.sees(*(f"{cursor.word} {noun}" for noun in lex.STATION)):
        letter = lex.LETTERS[cursor.word]
        cursor.at += 2
        return Place("station", letter)
    if cursor.take(*lex.BENCH) and not value:
        return Place("bench")
    if value and cursor.take("one"):
        return Place("bin", value)
    if value in ("left", "right"):
        cursor.take("side of the table", "side of the bench", "side")
        return Place("side", value)
    cursor.at = start
    letter = cursor.take(*(name for name in lex.LETTERS if name != "a"))
    if letter:
        return Place("station", lex.LETTERS[letter])
    if cursor.word == "a" and "".join(cursor.words[cursor.at + 1 : cursor.at + 2]) in ("", *lex.MARKS, "and", "alone"):
        cursor.at += 1
        return Place("station", "a")
    things = _one_group(cursor, True)
    if things is None:
        cursor.at = start
        return None
    return Place("thing", what=things[0])


def _on_a_side(cursor: Cursor) -> str:
    """ "(the bin) on the left": the side."""
    start = cursor.at
    if cursor.take("on the", "at the", "to the", "on your", "to your"):
        cursor.take("far", "very")
        side = cursor.take("left", "right")
        if side:
            cursor.take("hand side", "side", "hand")
            return side
    cursor.at = start
    return ""


def read_things(cursor: Cursor, goes_somewhere: bool) -> list[Selector] | None:
    """The things that come next: "the red and the blue box", "all large ones on the left", "it".

    `goes_somewhere`: the sentence must still name a place, so that its last place is not where the things are.
    None, and nothing read, when there is none.
    """
    choice = cursor.take("either", "neither")
    found = _one_group(cursor, goes_somewhere)
    if found and cursor.take("or", "nor"):
        _one_group(cursor, goes_somewhere)
        if choice != "neither":
            return found[:1]
        cursor.take(",")
        if not cursor.take("but"):
            raise Unclear(f'I did not understand "{cursor.rest}".')
        return _one_group(cursor, goes_somewhere)
    while found:
        start = cursor.at
        if not cursor.take(", and", ",", "and"):
            break
        more = None if cursor.take_from(lex.verbs()) is not None else _one_group(cursor, goes_somewhere)
        if not more or cursor.sees(*lex.GOES):
            cursor.at = start
            break
        found = [*found, *more]
    return found


def _one_group(cursor: Cursor, goes_somewhere: bool) -> list[Selector] | None:
    start = cursor.at
    if cursor.take(*lex.HELD):
        return [Selector(kind="", refers="held")]
    if cursor.take(*lex.WHATEVER):
        return _whatever(cursor, start)
    if cursor.take(*lex.EVERYTHING):
        return [_narrowed(Selector(count=0), cursor, goes_somewhere)]
    if cursor.take(*lex.REST):
        return [Selector(refers="rest", count=0)]
    leads = ("the ", "", "all ", "both ", "all the ", "both the ")
    plain = [colour for colour in lex.COLOURS if cursor.take(*(f"{lead}{colour}s" for lead in leads))]
    if plain:
        return [Selector(colour=plain[0], count=0)]
    if not cursor.sees("both of the", "all three", "all four") and cursor.take(*lex.MANY_PRONOUNS):
        if not _described(cursor):
            return [Selector(kind="", refers="them", count=0)]
        cursor.at = start
    if cursor.take(*lex.PRONOUNS):
        follows = cursor.at
        if not _described(cursor):
            cursor.at = follows
            return [Selector(kind="", refers="it")]
        cursor.at = start
    selector, determined = _determiner(cursor)
    adjectives = cursor.at
    groups = _adjectives(cursor, selector)
    noun = cursor.take_from(lex.nouns())
    bare = cursor.words[adjectives : cursor.at]
    if noun is None and selector.refers != "other" and not _stands_alone(bare):
        cursor.at = adjectives
        return _unknown(cursor, start, determined)
    if noun is None and cursor.take("of the", "of"):
        among = _one_group(cursor, goes_somewhere)
        if not among:
            raise Unclear(f'I did not understand "{cursor.rest}".')
        return [replace(among[0], size=one.size or among[0].size, count=1, any=one.any) for one in groups]
    if noun is not None:
        kind, several = noun
        count = 0 if several and groups[0].count == 1 and len(groups) == 1 and not groups[0].any else groups[0].count
        groups = [replace(one, kind=kind, count=count) for one in groups]
    return [_narrowed(one, cursor, goes_somewhere) for one in groups[:-1]] + [
        _narrowed(groups[-1], cursor, goes_somewhere)
    ]


def _whatever(cursor: Cursor, start: int) -> list[Selector] | None:
    """ "(whatever is) at station a", "small and blue": all of it."""
    place = _location(cursor, False)
    if place is not None and place.kind in ("bin", "station"):
        return [_narrowed(Selector(place=place.name, count=0), cursor, True)]
    groups = _adjectives(cursor, Selector(count=0))
    if groups == [Selector(count=0)]:
        cursor.at = start
        return None
    cursor.take("and")
    colour = cursor.take_from(lex.colours())
    return [replace(groups[0], colour=colour or groups[0].colour)]


def _stands_alone(words: list[str]) -> bool:
    """True for adjectives that need no noun: "the red", "the large"; a banana is no yellow box."""
    names = [word for word in words if word not in (",", "and")]
    return bool(names) and all(name in lex.PLAIN_COLOURS or lex.sizes().get(name) for name in names)


def _described(cursor: Cursor) -> bool:
    """True when a thing's description follows: "that red box", where "that" is no pronoun."""
    tables = (lex.sizes(), lex.colours(), lex.nouns())
    return any(table.longest(cursor.words, cursor.at)[1] for table in tables)


def _determiner(cursor: Cursor) -> tuple[Selector, bool]:
    """What "the", "all", "two", "another" and the like say, and whether there was any."""
    start = cursor.at
    other = cursor.take("the other", "another", "the others")
    if other:
        return Selector(refers="other", any=other == "another", count=0 if other == "the others" else 1), True
    every = cursor.take(*lex.ALL)
    if every:
        count = 2 if every.startswith("both") else 0
        return Selector(count=count, refers="other" if cursor.take("other") else ""), True
    if cursor.take(*lex.VAGUE):
        number = _number(cursor)
        if number:
            cursor.take("of the", "of these", "of those")
        return Selector(any=True, count=number or 1), True
    number = _number(cursor)
    if number:
        cursor.take("of the", "of these", "of those")
        return Selector(count=number, any=True), True
    cursor.take(*lex.ARTICLES)
    cursor.take("only")
    return Selector(count=_number(cursor) or 1), cursor.at > start


def _number(cursor: Cursor) -> int:
    """A number of things that follow, 0 for none; "one" by itself is a noun."""
    start = cursor.at
    number = lex.NUMBERS.get(cursor.take(*lex.NUMBERS), 0)
    if number == 1 and not _described(cursor):
        cursor.at = start
        return 0
    return number


def _adjectives(cursor: Cursor, selector: Selector) -> list[Selector]:
    """Sizes, colours and "left"; "red and blue" makes two groups of it."""
    groups = [selector]
    while True:
        start = cursor.at
        linked = bool(cursor.take(", and", ",", "and"))
        change = _adjective(cursor)
        if change is None or (linked and groups == [selector]):
            cursor.at = start
            return groups
        name, value = change
        last = getattr(groups[-1], name)
        if linked and last:
            groups.append(replace(groups[-1], **{name: value}))  # type: ignore[arg-type]
        elif last not in ("", value):
            raise Unclear(f"A thing has one {name}: is it {last} or {value}?", "question")
        else:
            groups[-1] = replace(groups[-1], **{name: value})  # type: ignore[arg-type]


def _adjective(cursor: Cursor) -> tuple[str, str] | None:
    """The field of a Selector that the next word fills, and with what."""
    for name, table in (("colour", lex.colours()), ("size", lex.sizes())):
        value = cursor.take_from(table)
        if value is not None:
            return name, value
    start = cursor.at
    level = cursor.take(*lex.LEVELS)
    if level and _described(cursor):
        return "level", lex.LEVELS[level]
    cursor.at = start
    cursor.take("far", "very")
    side = cursor.take(*lex.LEFT_RIGHT)
    if side and lex.nouns().longest(cursor.words, cursor.at)[1]:
        return "order", lex.LEFT_RIGHT[side]
    cursor.at = start
    return None


def _unknown(cursor: Cursor, start: int, determined: bool) -> None:
    """Nothing that is known comes next: say what is not known where it is surely a thing, else read nothing."""
    if determined and not cursor.done and cursor.word.isalpha() and not cursor.sees(*lex.TOWARDS):
        strange = cursor.word
        cursor.at += 1
        noun = cursor.take_from(lex.nouns())
        if noun is not None:
            raise Unclear(f"I can't see {article(strange)} {strange} {noun[0]}.")
        raise Unclear(f"I don't know what {article(strange)} {strange} is.")
    cursor.at = start


def _narrowed(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector:
    """What follows the noun, while it says which thing is meant: "that is red", "on the left", "in the left bin"."""
    while True:
        start = cursor.at
        for narrow in _NARROWING:
            narrowed = narrow(selector, cursor, goes_somewhere)
            if narrowed is not None:
                selector = narrowed
                break
            cursor.at = start
        else:
            return selector


def _by_words(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector | None:
    """Phrases that stand for one field, or for nothing more than what was said."""
    if cursor.take(*lex.NOT_IN_A_BIN):
        return replace(selector, place="bench")
    if cursor.take(*lex.IN_HAND):
        return replace(selector, refers="held")
    if cursor.take("of its colour", "of the same colour", "in its colour", "with the same colour"):
        return replace(selector, same_colour=True)
    return selector if cursor.take("of them", "in sight", "you can see", "you see", "in front of you", "here") else None


def _by_being(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector | None:
    """ "that is red", "which are in the left bin"."""
    if not cursor.take("that is", "that are", "which is", "which are", "that's"):
        return None
    colour, size = cursor.take_from(lex.colours()), cursor.take_from(lex.sizes())
    if colour or size:
        return replace(selector, colour=colour or selector.colour, size=size or selector.size)
    return _placed(selector, _location(cursor, False))


def _by_name_of_colour(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector | None:
    """ "with the colour of grass"."""
    if not cursor.take("with the colour of", "that has the colour of", "of the colour of", "in the colour of"):
        return None
    cursor.take("the", "a", "an")
    colour = cursor.take_from(lex.colours())
    if colour is None:
        raise Unclear(f'I don\'t know the colour of "{cursor.rest}".')
    return replace(selector, colour=colour)


def _by_neighbour(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector | None:
    """ "(that stands) next to the red one"; where it goes somewhere, only if the place still follows."""
    cursor.take("that stands", "that lies", "standing", "lying")
    if not cursor.take(*lex.BESIDE):
        return None
    near = _one_group(cursor, goes_somewhere)
    follows = not goes_somewhere or cursor.sees(*lex.TOWARDS, *lex.GOES)
    return replace(selector, beside=near[0]) if near and follows else None


def _by_apposition(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector | None:
    """ ", the one at station b,"."""
    if not cursor.take(", the ones", ", the one"):
        return None
    narrowed = _placed(selector, _location(cursor, False))
    return narrowed if cursor.take(",") else None


def _by_exception(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector | None:
    """ "except the red one"."""
    if selector.count != 0 or not cursor.take(*lex.EXCEPT):
        return None
    return replace(selector, without=_left_out(cursor))


def _by_place(selector: Selector, cursor: Cursor, goes_somewhere: bool) -> Selector | None:
    """ "in the left bin", "standing at station a"."""
    stands = cursor.take("that stands", "that lies", "standing", "lying")
    return _placed(selector, _location(cursor, goes_somewhere and not stands))


def _placed(selector: Selector, place: Place | None) -> Selector | None:
    if place is None:
        return None
    if place.kind == "side":
        return replace(selector, order=place.value)
    return replace(selector, place=place.name or "bench") if place.name or place.kind == "bench" else None


_NARROWING = (
    *(_by_words, _by_being, _by_name_of_colour, _by_neighbour, _by_apposition, _by_exception),
    _by_place,
)


def _left_out(cursor: Cursor) -> tuple[str, ...]:
    """Colours and sizes of what follows "except"."""
    start = cursor.at
    things = read_things(cursor, True) or []
    words = tuple(word for one in things for word in (one.colour, one.size) if word)
    if not words:
        raise Unclear(f'I did not understand "{" ".join(cursor.words[start - 1 :])}".')
    return words


def _location(cursor: Cursor, goes_somewhere: bool) -> Place | None:
    """Where a thing is. If it goes somewhere, only a place that another one follows, or after "from", says so."""
    source = cursor.take(*lex.FROM)
    if not source and not cursor.take("inside", "on top of", "in", "on", "at"):
        return None
    place = read_place(cursor)
    if place is None or place.kind in ("hand", "thing") or (place.value in ("", "same") and place.kind != "bench"):
        return None
    if goes_somewhere and not source and not cursor.sees(*lex.TOWARDS):
        return None
    return place

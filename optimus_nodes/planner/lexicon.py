"""The words the offline planner knows, by what they do in a sentence. Most come from the tables of `core.wordings`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Generic, TypeVar

from ..core.language import COLOURS, SIZES, STATIONS
from ..core.wordings import HELDOUT_VALUES, HELDOUT_WORDS, VALUES, WORDS

V = TypeVar("V")


class Table(Generic[V]):
    """Phrases and their meanings. `add`: the same meaning for many phrases; a later one wins."""

    def __init__(self) -> None:
        self._meanings: dict[tuple[str, ...], V] = {}
        self._most = 0

    def add(self, phrases: Iterable[str], meaning: V) -> None:
        for phrase in phrases:
            words = tuple(phrase.split())
            self._meanings[words] = meaning
            self._most = max(self._most, len(words))

    def get(self, phrase: str) -> V | None:
        return self._meanings.get(tuple(phrase.split()))

    def longest(self, words: Sequence[str], at: int) -> tuple[V | None, int]:
        """The meaning of the longest phrase that begins at word `at`, and its number of words; (None, 0)."""
        for count in range(min(self._most, len(words) - at), 0, -1):
            found = self._meanings.get(tuple(words[at : at + count]))
            if found is not None:
                return found, count
        return None, 0


def _longest_first(*words: str) -> tuple[str, ...]:
    return tuple(sorted(words, key=len, reverse=True))


MARKS = (",", ";", ".", ":", "!", "?")
FILLERS = frozenset(
    ("uh", "um", "umm", "erm", "er", "ehm", "hm", "hmm", "mm", "ah", "oh", "exactly", "maybe")
)
SPELLED = {"pls": "please", "plz": "please", "thx": "thanks", "isnt": "isn't", "dont": "don't", "gonna": "going to"}
TAGS = _longest_first(
    *("would you", "will you", "will ya", "could you", "can you", "won't you", "mate", "yeah", "okay", "ok", "right"),
    *("cheers", "there's a love", "there's a dear", "love", "please", "thanks", "thank you", "that's all", "robot"),
    *("in that order", "any is fine", "any will do", "whichever you like", "i don't mind which", "no matter which"),
    *("doesn't matter where", "doesn't matter which", "it doesn't matter where", "it doesn't matter which", "okay"),
    *("thank you very much", "many thanks", "from the top", "from top to bottom", "one by one", "one after the other"),
    *("if you can", "if you would"),
)
THEN = (
    *("once that is done", "once that's done", "when that is done", "when that's done", "after this", "as a next step"),
    *("and once that's done", "and after this", "and then after that", "then after that"),
    *("and then", "and after that", "and afterwards", "and finally", "then", "after that", "afterwards", "next"),
    *("finally", "lastly", "and", "second", "secondly", "third", "thirdly"),
)

PRONOUNS = ("it", "that one", "this one", "that", "this", "the same one")
MANY_PRONOUNS = (
    *("those two", "these two", "the two of them", "those three", "all three of them", "it all", "both of them"),
    *("both", "all of them", "them all", "them", "these", "those", "they"),
)
EVERYTHING = ("everything", "all of it", "all things", "anything")
ALL = ("all of the", "all of these", "all of those", "all the", "all these", "all those", "all", "every", "each of the")
ALL = (*ALL, "each", "both of the", "both the", "both", "any and all", "all three", "all two", "all four")
ALL = _longest_first(*ALL, "all three of the", "all two of the", "all four of the")
HELD = (
    *("what you've got in your hand", "what you have in your hand", "what you've got", "what you have"),
    *("what you hold",),
    *("what you are holding", "what you're holding", "whatever you are holding", "whatever you hold"),
)
IN_HAND = (
    *("that you are holding", "that you're holding", "you are holding", "you're holding", "that you hold", "you hold"),
    *("in your hand", "in your hands", "that you have in your hand", "that you've got", "you've got", "you have got"),
)
NOT_IN_A_BIN = (
    *("that are not in a bin yet", "that are not in a bin", "that is not in a bin", "which are not in a bin"),
    *("outside the bins", "still outside the bins", "still on the bench", "still on the table", "not yet in a bin"),
    *("that are still on the bench", "that are still on the table", "left on the table", "left on the bench"),
)
ARTICLES = ("the", "my", "your", "these", "those", "this", "that")
VAGUE = ("just any", "any one", "any of the", "one of the", "any one of the", "any", "some", "an", "a")
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
GOES = (
    *("should live", "lives", "could go", "can go", "may go", "ought to go", "ought to be", "should stand"),
    *("should end",),
    *("sitting", "placed", "stacked", "lying", "standing", "should sit", "should lie"),
    *("needs to go", "needs to be", "ends up", "end up", "has to be", "gets", "must end up", "should end up"),
    *("should go", "must go", "has to go", "have to go", "goes", "go", "belongs", "belong", "should be", "must be"),
)
EXCEPT = ("except for", "except", "apart from", "other than", "but not", "but", "without")
TIMES = {"twice": 2, "two times": 2, "three times": 3, "four times": 4, "five times": 5, "once": 1, "one time": 1}
ENDLESS = ("forever", "for ever", "until i say stop", "again and again", "over and over", "all day", "without end")
CORRECTING = ("no wait", "no sorry", "not that one", "not this one", "no", "sorry", "i mean", "i meant", "actually")
CORRECTING = (*CORRECTING, "rather", "wait")
REST = ("the rest of them", "the rest of the boxes", "the rest", "the remaining ones", "the remaining boxes")
WHATEVER = ("whatever is", "whatever", "anything that is", "what is", "all that is", "everything that is")
BESIDE = ("next to", "beside", "near", "close to", "together with")
LEFT_ALONE = ("where it is", "where they are", "alone", "as it is", "as they are", "there", "in place")
WRONG = ("in the wrong place", "in the wrong bin", "in the way", "not where it should be", "misplaced", "wrong")
OTHERWISE = ("otherwise", "if not", "else")
EITHER = ("it doesn't matter", "it does not matter", "either of them", "either one", "either", "any of them", "any one")
EITHER = (*EITHER, "any", "whichever", "you choose", "i don't care", "no matter which")
TO_PEOPLE = ("me", "us", "him", "her")
AGAIN = ("as well", "too", "also")
LEVELS = {"topmost": "top", "top": "top", "upper": "top", "highest": "top", "bottom": "bottom", "lower": "bottom"}
LEFT_RIGHT = {"left": "left", "right": "right", "leftmost": "left", "rightmost": "right"}
OTHER_COLOURS = (
    *("purple", "violet", "orange", "pink", "black", "white", "grey", "gray", "brown", "cyan", "magenta"),
    *("turquoise", "beige", "silver"),
)


@cache
def colours() -> Table[str]:
    """Names of colours and what the policy calls them; those it does not know mean themselves."""
    found: Table[str] = Table()
    for name in OTHER_COLOURS:
        found.add((name,), {"gray": "grey"}.get(name, name))
    for colour in COLOURS:
        names = (*VALUES[colour], *HELDOUT_VALUES[colour])
        found.add((f"{name} {word}" for name in names for word in ("coloured", "colored")), colour)
        found.add(names, colour)
    return found


@cache
def sizes() -> Table[str]:
    """Words for sizes: "small" or "large"."""
    found: Table[str] = Table()
    for size in SIZES:
        found.add((*VALUES[size], *HELDOUT_VALUES[size]), size)
    return found


NOUNS = {
    "box": (*WORDS["thing"], *HELDOUT_WORDS["thing"], "colour", "color"),
    "bar": (*WORDS["bar"], *HELDOUT_WORDS["bar"]),
    "button": ("button", "switch", "push button", *HELDOUT_WORDS["button"]),
    "drawer": ("drawer", "desk drawer", "sliding drawer", "compartment"),
    "distractor": ("ball", "cylinder", "disc", "disk", "egg", "capsule", "tile"),
}


@cache
def nouns() -> Table[tuple[str, bool]]:
    """Nouns: (kind of thing, several)."""
    found: Table[tuple[str, bool]] = Table()
    for kind, words in NOUNS.items():
        found.add(words, (kind, False))
        found.add(map(_plural, words), (kind, True))
    return found


def _plural(word: str) -> str:
    return f"{word}es" if word.endswith(("x", "s", "ch", "sh")) else f"{word}s"


_SLANG = ("pop", "bung", "whack", "dump", "lose", "sling", "lob", "plop", "add")
_THERE = ("there is", "there are")
_ASKING = ("where is", "where's", "where are", "which one is", "which is", "do you see", "can you see", "you left")
_WAVES = _longest_first(
    *(f"{do} {a} wave" for do in ("give us", "give me", "give them", "do", "give") for a in ("a", "a little", "a big")),
    *(f"greet {whom}" for whom in ("our visitors", "the visitors", "everybody", "everyone", "our guests")),
    *("say hi", "say bye", "say goodbye"),
)


@cache
def verbs() -> Table[frozenset[str]]:
    """Verbs and what each can mean, by the keys of `classes`."""
    classes = {
        "pick": (*WORDS["grip"], *HELDOUT_WORDS["grip"], *WORDS["raise"], *HELDOUT_WORDS["raise"]),
        "put": (*_SLANG, *WORDS["put"], *HELDOUT_WORDS["put"], *WORDS["lay"], *HELDOUT_WORDS["lay"], "drop off"),
        "carry": (*WORDS["carry"], *HELDOUT_WORDS["carry"], "get rid of"),
        "tower": ("build a tower", "make a tower", "build a stack", "make a stack", "build a pile"),
        "swap": ("swap", "exchange", "switch the places of", "exchange the places of", "swap the places of"),
        "again": ("do the same thing", "do the same", "do that", "do it", "the same"),
        "keep": ("keep", "hold on to", "don't touch", "leave", "i don't need", "i do not need", "i no longer need"),
        "stack": (*WORDS["pile"], *HELDOUT_WORDS["stack"], "stack up", "pile up"),
        "push": (*WORDS["push"], *HELDOUT_WORDS["push"]),
        "press": (*WORDS["press"], *HELDOUT_WORDS["press"], "pressed"),
        "open": (*WORDS["open"], *HELDOUT_WORDS["open"], "opened"),
        "close": (*WORDS["close"], *HELDOUT_WORDS["close"], "closed"),
        "sort": (*WORDS["sort"], *HELDOUT_WORDS["sort"], "tidy", "tidy up"),
        "wave": (*WORDS["wave"], *HELDOUT_WORDS["wave"], *_WAVES),
        "point": (*WORDS["point"], *HELDOUT_WORDS["point"]),
        "give": ("give",),
        "hand": (*WORDS["pass"], *HELDOUT_WORDS["pass"]),
        "tug": WORDS["tug"],
        "notice": (*_ASKING, "find", "look at", "look for", "search for", "go for", "reach for", *_THERE),
        "clear": ("clear", "empty", "clear out", "free", "free up"),
    }
    can: dict[str, frozenset[str]] = {}
    for name, words in classes.items():
        for word in words:
            can[word] = can.get(word, frozenset()) | {name}
    found: Table[frozenset[str]] = Table()
    for word, names in can.items():
        found.add((word,), names)
    return found


BIN = _longest_first(*WORDS["container"], *HELDOUT_WORDS["container"])
BENCH = _longest_first(*WORDS["bench"], *HELDOUT_WORDS["bench"], "tabletop")
STATION = _longest_first(*WORDS["station"], *HELDOUT_WORDS["station"])
HAND = _longest_first(*WORDS["hand"], *HELDOUT_WORDS["hand"])
FOR_ITS_SIZE = tuple(
    f"{lead} {whose} size"
    for lead in ("for", "that fits", "which fits", "that suits", "of", "meant for", "that matches", "matching")
    for whose in ("its", "their", "that", "the")
)
LETTERS = {name: letter for letter in STATIONS for name in (*VALUES[letter], *HELDOUT_VALUES[letter])}

BY_SIZE = WORDS["by"]
UNKNOWN_PLACES = ("next to", "beside", "behind", "in front of", "near", "between", "under", "below", "above")
TOWARDS = (
    *("towards", "toward", "over at", "up on", "down at", "down on", "down in", "over on", "across to", "back to"),
    *("in to", "on to", "over to", "into", "onto", "to", "inside of", "inside", "on top of", "atop", "over", "in"),
    *("on", "at"),
)
AT = ("on", "at", "in", "inside", "over at", "over on", "down at")
FROM = ("up from", "out of", "off of", "from", "off")
PLAIN_COLOURS = frozenset((*COLOURS, *OTHER_COLOURS))  # understood without a noun: "the red", but no "the banana"
POLITE = (*WORDS["polite"], *HELDOUT_WORDS["polite"], "ok", "okay", "yes", "hey", "hi", "hello", "thanks", "also")
_WISHES = ("i want", "i need", "i would like", "i'd like", "thank you", "optimus", "well", "so", "good morning")
_MODALS = ("can", "could", "should", "may", "make sure that", "make sure", "see to it that", "i would like to see")
_MODALS = (*_MODALS, "i want to see", "i'd like to see", "i would be happy to see", "i'd be happy to see", "be able to")
_MODALS = (
    *_MODALS,
    *("i want that you", "i wish that you", "please to", "let's have", "let us have", "i think", "i guess", "i wanna"),
    *("i wanna see", "you may", "you can", "you could", "would you mind terribly", "would you mind", "do you mind"),
    *("okay so", "so now", "let me think", "let me see", "first of all", "firstly", "two things", "right", "just"),
    *("lovely", "wonderful", "brilliant", "excellent", "nice", "alright", "all right", "and now", "and", "only"),
    *("would you be so kind as to", "could ya", "can ya", "would ya", "i need you to", "i'd like you to", "come on"),
)
_MODALS = (*_MODALS, "good", "great", "perfect", "fine", "make two piles", "two piles", "in that case", "now")
POLITE = _longest_first(*POLITE, *_WISHES, *_MODALS)
AFTERWARDS = (
    *("when you're finished", "when you are finished", "when you're done", "when you are done", "i mean"),
    *("once you are done", "real quick", "for a moment", "very much", "a little", "a bit", "somewhere", "anywhere"),
    *("for the camera", "to everybody", "for everybody", "already", "again", "yet", "at the end", "in the end"),
)
AFTERWARDS = (*AFTERWARDS, *WORDS["after"], *HELDOUT_WORDS["after"], "robot", "optimus", "first", "instead")
AFTERWARDS = _longest_first(*AFTERWARDS)
A_BIT = (
    *("down", "a wee bit", "both", "across", "a little bit", "a bit", "a little", "slightly", "over", "together"),
    *("away", "somewhat"),
)

"""Sentences that are no instruction for this robot, so that the reader learns to say so; some are never trained on."""

from __future__ import annotations

import random
import re

from ..core.language import SLOTS, all_instructions, draw_wording
from ..core.wordings import WORDS

_FIELD = re.compile(r"\{(\w+)\}")
_PLAIN = """
hello | hi there | good morning | good evening everybody | how are you | how are you doing today | who are you
what is your name | what can you do | are you a robot | do you like music | tell me a joke | sing a song
the weather was bad yesterday | it is raining | it is cold in here | is it going to rain | i am hungry | i am tired
i like this room | that is funny | this is great | well done | good job | nice work | you are slow | you are clever
thank you very much | thanks a lot | you are welcome | see you tomorrow | goodbye | see you later | never mind
what time is it | what day is it today | when does the train leave | where do you live | how old are you
the capital of france is paris | two and two is four | my brother lives in berlin | the film was very long
we had dinner at eight | she bought a car | he plays the piano | they are on holiday | the dog sleeps on the sofa
the cat is black | birds can fly | the meeting begins at ten | our train is late | the coffee is cold
i have lost my keys | my phone is broken | the computer crashed again | did you see the game last night
make me a coffee | bring me a cup of tea | clean the kitchen | wash the dishes | open the window | close the door
switch the light on | turn off the light | turn up the music | play some jazz | call my mother | write an email
book a table for two | order a pizza | water the plants | feed the cat | walk to the shop | drive me home
go to the kitchen | run around the house | jump | dance for me | sit down | stand on one leg | turn around
climb the stairs | follow me | look at me | come to me | wait here | stop | wait | yes | no | maybe | ok | sure
why | what | really | i don't know | i am not sure | let me think | what do you think | that is wrong | that's right
pick up the phone | take the bus | get a taxi | grab a coffee | lift the curse | put your heart into it
put on a hat | put some music on | drop me a line | hold the line | push yourself harder | point taken
wave of protest | press the dough flat | press conference | open an account | close the deal | sort your life out
a red car passed by | the blue sky is beautiful | green tea is healthy | the yellow sun is hot | i love red roses
she wore a red dress | the grass is green | the sea is blue today | my favourite colour is yellow | red is a colour
on the left you see the church | turn left at the corner | he is right | my left foot hurts | the right answer
there is a box on the table | boxes are useful | how many boxes are there | what colours do you see | the bin is full
is the drawer open | the button is broken | who made this drawer | how heavy is the bar | the box fell down
did you drop the box | have you seen the red box before | why did you push the box | the hand is big
what is in the drawer | i opened the drawer yesterday | he put the red box in the left bin last week
yesterday you picked up the blue box | was it you who closed the drawer | she pressed the button too often
lorem ipsum dolor sit amet | asdf | qwerty | blah blah blah | one two three | testing testing | abc | hm | the | and
read the newspaper to me | paint the wall | cut the bread | pour some water | mix the soup | fold the laundry
iron the shirt | vacuum the floor | lock the car | unlock the phone | charge the battery | update the software
i will be back at noon | the box office opens at nine | he left at eight | are you all right | that is a big deal
small talk bores me | it is a small world | we live in a large city | large parts of the country are flat
"""
_HELDOUT_PLAIN = """
what a nice day | the weather is good | what a beautiful morning | the sun is shining | i feel great today
did you sleep well | nice to meet you | who built you | what is the meaning of life | can you speak german
bake a cake | switch on the radio | find my glasses | open a bottle of wine | shut the window | take out the rubbish
the train was full this morning | my sister studies physics | the red wine tastes good | blue jeans never get old
he went left and she went right | the biggest city is tokyo | is there a button on your shirt | the table is round
how many hands do you have | the drawer squeaks | you dropped the cube a minute ago | i like green apples
go outside | swim across the lake | count to ten | explain gravity to me | translate this sentence | whatever
"""
# With a field of the grammar: what this robot cannot do, or what does not say enough.
_MADE = (
    "{grip} the {other} {thing}",
    "{put} the {other} {thing} in the left bin",
    "{push} the {other} {thing} to the right",
    "{point} the {other} {thing}",
    "{carry} the {other} {thing} to station b",
    "{stack} the {other} {thing} on the red {thing}",
    "{grip} the {stuff}",
    "{put} the {stuff} {into} the {place}",
    "{open} the {door}",
    "{close} the {door}",
    "what is {which} and {other}",
)
_OTHER = (
    *("purple", "violet", "orange", "pink", "black", "white", "brown", "transparent", "striped", "wooden", "cyan"),
    *("lilac", "lavender", "ivory", "charcoal", "metal", "bronze", "copper", "cream", "tan", "khaki", "plum"),
    *("peach", "spotted", "rainbow coloured", "glass", "plastic", "chocolate", "dark", "pale", "colourless"),
)
_HELDOUT_OTHER = ("fuchsia", "beige", "silver", "checkered")
_STUFF = ("banana", "hammer", "spoon", "cup of tea", "newspaper", "screwdriver", "phone", "bottle", "plate", "shoe")
_HELDOUT_STUFF = ("apple", "pencil", "towel", "wrench")
_DOORS = ("window", "door", "fridge", "bottle", "curtain", "gate", "garage", "app", "file")
_HELDOUT_DOORS = ("oven", "umbrella", "suitcase")
_PLACES = ("fridge", "car", "kitchen", "living room", "oven", "washing machine", "garden")


def chatter(rng: random.Random, *, heldout: bool = False) -> str:
    """A sentence that is no instruction; with `heldout` one of those that training never sees."""
    kind = rng.random()
    if kind < 0.55:
        return rng.choice(plain_chatter(heldout=heldout))
    if kind < 0.7:  # an order not to do something
        order = draw_wording(rng.choice(all_instructions(tuple(SLOTS))), rng)
        while not order.startswith(("pick", "put", "move", "push", "press", "open", "close", "take", "drop", "wave")):
            order = draw_wording(rng.choice(all_instructions(tuple(SLOTS))), rng)
        return f"{rng.choice(('under no circumstances', 'refuse to')) if heldout else rng.choice(WORDS['not'])} {order}"
    words = {
        "other": _HELDOUT_OTHER if heldout else _OTHER,
        "stuff": _HELDOUT_STUFF if heldout else _STUFF,
        "door": _HELDOUT_DOORS if heldout else _DOORS,
        "place": _PLACES,
        "which": ("red", "green", "blue", "yellow", "big", "small"),
    }
    return _FIELD.sub(lambda found: rng.choice(words.get(found[1]) or WORDS[found[1]]), rng.choice(_MADE))


def plain_chatter(*, heldout: bool = False) -> tuple[str, ...]:
    """The sentences without a field."""
    return tuple(
        part.strip()
        for line in (_HELDOUT_PLAIN if heldout else _PLAIN).splitlines()
        for part in line.split("|")
        if part.strip()
    )

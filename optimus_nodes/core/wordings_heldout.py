"""The sentence patterns that are kept for evaluation; see `core.wordings`."""

from __future__ import annotations

# Patterns that training never sees, and single words in them that it does not know either.
HELDOUT_TEMPLATES: dict[str, tuple[str, ...]] = {
    "pick": (
        "it is the {which} {thing} that i want you to {grip}",
        "your {hand} should {grip} the {which} {thing}",
        "get your {hand} on the {which} {thing} and lift it",
        "would you be able to {grip} the {thing} which is {which}",
        "i would love it if you had the {which} {thing} in your {any_side} {hand}",
    ),
    "place": (
        "it is the {bin} {container} that the {which} {thing} should go into",
        "can the {which} {thing} go {into} the {container} on your {bin}",
        "{grip} the {which} {thing} then let it drop {into} the {bin} {container}",
        "make sure that the {which} {thing} ends up {into} the {bin} {container}",
        "find the {which} {thing} and {put} it {into} the {container} at the {bin}",
    ),
    "put_down": (
        "you can {lay} the {thing} down again",
        "there is no need to hold the {thing} any more {lay} it down",
        "the {thing} should be on the {bench} again not in your {hand}",
        "take your fingers off the {thing}",
    ),
    "home": (
        "get your arms back into the {home}",
        "you can go home now",
        "time to return both arms to the {home}",
        "i would like to see your arms in the {home}",
    ),
    "move": (
        "it is {place} that the {which} {thing} should go to",
        "make sure that the {which} {thing} ends up at {place}",
        "would you be able to get the {which} {thing} over to {place}",
        "{from_place} has the {which} {thing} but it belongs at {place}",
        "find the {which} {thing} and {carry} it to {place}",
    ),
    "stack": (
        "make sure that the {which} {thing} ends up {on} the {onto} {thing2}",
        "the {onto} {thing} should have the {which} {thing2} on top of it",
        "can the {which} {thing} go {on} the {onto} {thing2}",
        "find the {which} {thing} and {stack} it {on} the {onto} {thing2}",
        "i would like to see the {which} {thing} {on} the {onto} one",
    ),
    "push": (
        "can the {which} {thing} go a little further to the {side}",
        "give the {which} {thing} a push to the {side}",
        "find the {which} {thing} and {push} it to the {side}",
        "use your {hand} to {push} the {which} {thing} to the {side}",
        "it is to the {side} that you should {push} the {which} {thing}",
    ),
    "hand_over": (
        "make sure that the {bar} ends up in your {side} {hand}",
        "take the {bar} out of your {from_side} {hand} with your {side} {hand}",
        "your {from_side} {hand} should give the {bar} to your {side} {hand}",
        "can the {bar} go from the {from_side} {hand} to the {side} {hand}",
    ),
    "point": (
        "can you see the {which} {thing} {point} it",
        "use your finger to {point} the {which} {thing}",
        "i would like to know where the {which} {thing} is",
        "find the {which} {thing} and {point} it",
    ),
    "press": (
        "give the {button} a push",
        "use your {hand} to {press} the {button}",
        "i would like you to find the {button} and {press} it",
        "make sure that the {button} is pressed",
    ),
    "open": (
        "can you get the {drawer} to open",
        "make sure that the {drawer} is open",
        "use the handle to {open} the {drawer}",
        "i would like to look into the {drawer}",
    ),
    "close": (
        "can you get the {drawer} to close",
        "make sure that the {drawer} is closed",
        "use the handle to {close} the {drawer}",
        "the {drawer} should not be open any more",
    ),
    "sort": (
        "find the {which} {thing} and {sort} it {by} its size",
        "is the {which} {thing} small or large put it into the bin for that size",
        "make sure that the {which} {thing} is sorted by size",
        "can you see how big the {which} {thing} is and {sort} it",
    ),
    "wave": (
        "let me see your {side} {hand} wave",
        "i would like you to {wave} and to use your {side} {hand}",
        "get your {side} {hand} up and {wave}",
        "can your {side} {hand} {wave}",
    ),
}

"""The tables of the grammar: templates for every skill and the words that fill them. `core.language` fills them.

A template's `{field}` is a table of `WORDS`, or says a slot of the instruction: `which` (its colour or size), `onto`,
`bin`, `side` and `from_side` (the other one), `place` and `from_place` (stations), `any_side`. A digit after a name
only tells two fields apart. A template that begins with "!" is an order, which may be made polite.
`HELDOUT_*` are wordings and words that no training sees; `test/core/test_wordings.py` holds them apart.
"""

from __future__ import annotations

# The sentences the first policy was taught; the first of each skill is its canonical sentence.
FIRST_TEMPLATES: dict[str, tuple[str, ...]] = {
    "pick": (
        "pick up the {which} box",
        "grasp the {which} {first}",
        "lift the {which} {first}",
        "take the {which} {first}",
        "pick the {which} {first} up",
        "grab the {which} {first}",
        "please pick up the {which} {first}",
    ),
    "place": (
        "put the {which} box in the {bin} bin",
        "place the {which} {first} in the {bin} bin",
        "put the {which} {first} into the {bin} bin",
        "move the {which} {first} to the {bin} bin",
        "drop the {which} {first} in the {bin} bin",
        "the {which} {first} goes in the {bin} bin",
        "please put the {which} {first} in the bin on the {bin}",
    ),
    "put_down": (
        "put down the box",
        "put the {first} down",
        "set the {first} down",
        "place the {first} on the table",
        "lay the {first} down on the bench",
    ),
    "home": (
        "go to the home position",
        "go home",
        "return to the home position",
        "move back to your home position",
        "rest your arms",
    ),
    "move": ("move the {which} box to station {station}",),
    "stack": ("stack the {which} box on the {onto} box",),
    "push": ("push the {which} box to the {side}",),
    "hand_over": ("hand the bar over to your {side} hand",),
    "point": ("point at the {which} box",),
    "press": ("press the button",),
    "open": ("open the drawer",),
    "close": ("close the drawer",),
    "sort": ("sort the {which} box by size",),
    "wave": ("wave with your {side} hand",),
}
FIRST_THINGS = ("box", "block", "cube")

# What a slot's value may be called. The first is the plain word, used half of the time.
VALUES: dict[str, tuple[str, ...]] = {
    "red": (
        *("red", "scarlet", "cherry", "vermilion", "tomato red", "reddish", "bright red", "dark red", "maroon"),
        *("cardinal", "rose", "red coloured", "fire red", "cherry coloured", "burgundy", "strawberry", "garnet"),
        *("poppy", "ruddy", "wine red", "blood red", "rust", "raspberry", "cranberry", "lobster red", "flame red"),
        *("ketchup", "claret", "coral red", "chili", "carnelian", "light red", "deep red", "vermillion"),
        *("oxblood", "sangria", "blood", "pepper red", "rouge", "rosy"),
    ),
    "green": (
        *("green", "lime", "olive", "grass green", "mint", "greenish", "bright green", "dark green", "forest green"),
        *("moss", "leaf green", "green coloured", "pine", "mint coloured", "fern", "pea green", "malachite"),
        *("shamrock", "clover", "sage", "pistachio", "spinach", "cucumber", "basil", "apple green", "sea green"),
        *("hunter green", "ivy", "kiwi", "pear green", "bottle green", "light green", "deep green", "viridian"),
        *("grass", "leafy", "kale", "asparagus", "cabbage", "celery", "zucchini", "beryl", "peridot"),
        *("pickle", "lettuce", "broccoli", "seaweed", "jungle green"),
    ),
    "blue": (
        *("blue", "azure", "sapphire", "indigo", "sky blue", "bluish", "bright blue", "dark blue", "royal blue"),
        *("ultramarine", "ocean blue", "blue coloured", "denim", "sapphire coloured", "cerulean", "marine", "sky"),
        *("midnight blue", "baby blue", "cornflower", "electric blue", "prussian blue", "blueberry", "periwinkle"),
        *("aquamarine", "ink blue", "lapis", "steel blue", "light blue", "deep blue", "sea blue", "ocean", "ice blue"),
        *("lazuli", "bluebell", "azurite", "iris blue", "gas flame blue", "whale blue", "powder blue"),
        *("jeans blue", "police blue", "water blue"),
    ),
    "yellow": (
        *("yellow", "amber", "mustard", "canary", "sunflower", "yellowish", "bright yellow", "dark yellow", "butter"),
        *("saffron", "banana yellow", "yellow coloured", "honey", "canary coloured", "sun yellow", "straw", "topaz"),
        *("ochre", "corn", "maize", "sulphur yellow", "dandelion", "buttercup", "daffodil", "custard", "sand"),
        *("primrose", "flaxen", "bumblebee yellow", "cheese", "light yellow", "deep yellow", "citrine", "banana"),
        *("wheat", "sunny", "gold", "hay", "grapefruit", "mango", "gold coloured", "sunshine yellow"),
        *("gilded", "pineapple", "citrus yellow", "blazing yellow"),
    ),
    "small": (
        *("small", "little", "smaller", "smallest", "mini", "compact", "short", "small sized", "littlest", "wee"),
        *("minute", "teeny", "undersized", "dinky", "microscopic", "diminutive", "pocket sized", "baby"),
    ),
    "large": (
        *("large", "big", "larger", "largest", "bigger", "biggest", "huge", "giant", "large sized", "great big"),
        *("gigantic", "bulky", "jumbo", "colossal", "immense", "sizeable", "hefty", "extra large"),
    ),
    "left": ("left", "left hand"),
    "right": ("right", "right hand"),
    "a": ("a",),
    "b": ("b",),
}
HELDOUT_VALUES: dict[str, tuple[str, ...]] = {
    "red": ("crimson", "ruby", "carmine"),
    "green": ("emerald", "jade", "avocado"),
    "blue": ("navy", "cobalt", "turquoise blue"),
    "yellow": ("golden", "lemon", "blond"),
    "small": ("tiny", "miniature", "petite"),
    "large": ("enormous", "massive", "oversized"),
    "a": ("alpha",),
    "b": ("bravo",),
}

WORDS: dict[str, tuple[str, ...]] = {
    "first": FIRST_THINGS,
    "thing": (
        *("box", "block", "cube", "box", "block", "cube", "one", "item", "object", "piece", "part", "parcel"),
        *("package", "building block", "workpiece", "toy block", "thing", "component", "chest", "case", "lump"),
    ),
    "grip": (
        *("pick up", "grasp", "take", "grab", "lift", "get", "fetch", "pick", "take hold of", "get hold of", "raise"),
        *("collect", "grip", "lift up", "retrieve", "clutch", "scoop up", "gather up", "catch hold of", "elevate"),
    ),
    "raise": ("pick", "lift", "take", "raise", "bring", "scoop", "gather", "hold"),
    "put": (
        *("put", "place", "drop", "set", "lay", "put", "place", "stick", "insert", "pop", "throw", "toss", "load"),
        *("store", "leave", "position"),
    ),
    "carry": ("move", "bring", "carry", "take", "transfer", "transport", "shift", "deliver", "relocate", "send"),
    "lay": ("put", "set", "lay", "place", "drop", "leave"),
    "into": ("in", "into", "inside"),
    "to": ("to", "over to"),
    "container": ("bin", "bin", "bin", "container", "basket", "bucket", "tub"),
    "bench": ("table", "bench", "workbench", "table top", "desk", "surface"),
    "station": ("station", "station", "workstation", "area", "zone", "spot"),
    "stack": ("stack", "put", "place", "set", "lay", "pile", "position", "drop", "leave", "stick"),
    "pile": ("stack", "pile"),
    "on": ("on", "onto", "on top of", "on top of", "atop"),
    "push": ("push", "shove", "nudge", "slide", "push", "sweep", "move", "bump", "propel", "scooch", "edge", "shift"),
    "press": (
        "press",
        "push",
        "hit",
        "press down",
        "push down",
        "tap",
        "punch",
        "activate",
        "trigger",
        "click",
        "touch",
    ),
    "button": ("button", "switch", "push button", "button", "button on the {bench}", "round button"),
    "open": ("open", "open up", "pull open", "pull out", "slide open", "slide out", "open", "unlock"),
    "tug": ("pull", "slide", "push", "move"),
    "close": ("close", "shut", "close up", "push shut", "slide shut", "push closed", "push in", "slide in", "close"),
    "drawer": ("drawer", "drawer", "desk drawer", "sliding drawer", "compartment", "drawer on the {bench}"),
    "bar": (
        *("bar", "bar", "rod", "stick", "grey bar", "long bar", "gray rod", "bar", "rod", "rail", "staff", "tube"),
        *("dowel", "pipe", "cane", "wand", "strut", "plank", "slat", "metal bar", "shaft"),
    ),
    "pass": ("hand", "pass", "give", "transfer", "move", "switch", "hand over", "pass over", "shift", "bring"),
    "hand": ("hand", "hand", "arm", "gripper", "fingers", "hand", "claw", "manipulator", "limb"),
    "point": (
        *("point at", "point to", "show me", "indicate", "point out", "point your finger at", "aim at", "show"),
        *("point towards", "identify", "draw attention to", "aim your finger at", "mark", "locate", "reveal"),
    ),
    "sort": ("sort", "classify", "sort out", "file", "organize", "put away", "clear away", "sort", "grade", "store"),
    "by": ("by", "according to", "based on", "depending on", "following"),
    "wave": (
        "wave",
        "wave",
        "wave hello",
        "wave goodbye",
        "say hello",
        "say hi",
        "greet me",
        "greet people",
        "greet us",
    ),
    "home": ("home position", "rest position", "home pose", "starting position", "start position", "home posture"),
    "polite": (
        *("please", "please", "could you", "can you", "would you", "will you", "could you please", "would you please"),
        *("i want you to", "i would like you to", "i'd like you to", "i need you to", "you should", "you have to"),
        *("robot", "hey robot", "hello robot", "ok robot", "now", "next", "go ahead and", "your task is to", "try to"),
        *("let us", "it is time to", "kindly", "can you please", "just", "first", "make sure to", "you need to"),
    ),
    "after": ("please", "for me", "now", "thanks", "right now", "for us", "next", "thank you", "as fast as you can"),
    "not": ("don't", "do not", "never", "please don't", "you must not", "stop trying to", "i don't want you to"),
}
# Words that fill the same fields but are never trained on.
HELDOUT_WORDS: dict[str, tuple[str, ...]] = {
    "thing": ("brick", "crate", "carton"),
    "grip": ("seize", "snatch", "pluck", "heave up", "hoist"),
    "raise": ("heave", "hoist"),
    "lay": ("lower", "plonk", "deposit"),
    "put": ("deposit", "stow", "dump", "tuck", "chuck"),
    "carry": ("haul", "ferry", "convey", "lug"),
    "container": ("hamper", "receptacle", "pail"),
    "bench": ("counter", "worktop"),
    "station": ("bay", "terminal"),
    "stack": ("mount", "perch", "balance"),
    "push": ("scoot", "thrust", "prod"),
    "press": ("depress", "poke", "smack"),
    "button": ("buzzer", "knob"),
    "open": ("yank open", "yank out", "ease open"),
    "close": ("slam", "seal", "yank shut"),
    "bar": ("baton", "pole", "beam"),
    "pass": ("relay", "shuttle", "convey"),
    "hand": ("palm", "paw"),
    "point": ("gesture at", "single out", "motion towards"),
    "sort": ("categorize", "arrange", "separate"),
    "wave": ("salute", "beckon", "signal hello"),
    "home": ("neutral pose", "initial posture", "default position"),
    "polite": ("do me a favour and", "be so kind as to", "i'd be grateful if you would"),
    "after": ("immediately", "if you don't mind", "quickly"),
}

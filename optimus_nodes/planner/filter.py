"""Words that never reach a language model: what would hurt somebody, and what wants to talk a model out of its rules.

This is good manners, not the lock: a model that is talked into anything can still only propose steps of the catalogue
(`meant`), and what leaves the planner is checked once more (`core.plan_gate`).
"""

from __future__ import annotations

import re
import unicodedata

HARM = "I do nothing that could hurt somebody or break something."
RULES = "I keep to my rules whoever asks. Tell me what I should do with the things on the bench."
_PEOPLE = (
    r"(?:him|her|them|someone|somebody|anyone|anybody|everyone|a man|the man|a woman|the woman|people|persons?|"
    r"operators?|humans?|child(?:ren)?|kids?|boys?|girls?|baby|toddlers?|visitors?|workers?|guards?|technicians?|"
    r"neighbou?rs?|boss|"
    r"my (?:hand|arm|face|head|foot|fingers?|neck)|(?:his|her|their) (?:hand|arm|face|head|foot|fingers?|neck)|crowd)"
)
_VIOLENCE = (
    r"(?:hit|punch|kick|slap|stab|hurt|harm|attack|strangle|choke|crush|smash|whack|bash|injure|kill|burn|shoot|wound|"
    r"electrocute|knock (?:down|over|out)|run over|clobber|headbutt|poke|slam|squash|pinch|grab|squeeze|swing at)"
)
_HARMS = (
    rf"\b{_VIOLENCE}\b(?: \w+){{0,3}} {_PEOPLE}\b",
    rf"\b(?:throw|hurl|fling|toss|lob|drop|launch)\b(?: \w+){{0,6}} (?:at|on|onto|over) (?:\w+ ){{0,2}}{_PEOPLE}\b",
)
_TRICKS = (
    r"\b(?:ignore|forget|disregard|override|drop|bypass)\b(?: \w+){0,4} "
    r"(?:instructions?|rules?|prompts?|limits?|safety|guard ?rails?)\b",
    r"\b(?:system|developer|hidden|initial) prompts?\b",
    r"\b(?:disable|switch off|turn off|deactivate|remove|unlock|bypass)\b(?: \w+){0,3} "
    r"(?:emergency|e ?-?stop|safety|limits?|collision)",
    r"\b(?:api|access|secret) ?(?:keys?|tokens?)\b",
    r"<\|?\w+\|?>|\{\{|\$\(|```|^\s*[\[{]\s*\"",
)


def clean(text: str) -> str:
    """`text` without characters that nobody sees, in their plainest form (Unicode NFKC)."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(one for one in plain if unicodedata.category(one) not in ("Cf", "Cc", "Co", "Cs") or one in "\n\t")


def objection(text: str) -> str:
    """Why the words are not passed on to a model, as a plain sentence; "" when they may be."""
    said = clean(text).lower()
    if any(re.search(pattern, said) for pattern in _HARMS):
        return HARM
    if any(re.search(pattern, said) for pattern in _TRICKS):
        return RULES
    return ""

"""How a verdict is said beside its word: without it, in doubt, by its letter, against its opposite, or taken back."""

from __future__ import annotations

import re

from cotbench.answers.notation.signs import INVISIBLE
from cotbench.answers.reading.patterns import caseless

EDGE = rf"[\s*_`$\"'“”‘’(\[{{.,;:!)\]}}。，！<>{INVISIBLE}]*+"
_WHO = r"(?:it|he|she|they|this|that|one|you|we)"
_DOES = r"(?:do|does|did|is|are|was|were|would|could|can|will|should|has|have|had)"
# A phrase that is all of a yes or no without the word: "Of course not", "It doesn't".
SHORT = caseless(
    rf"{EDGE}(?:(?P<no>(?:(?:definitely|absolutely|certainly|probably|surely|obviously|clearly|of\scourse|most\slikely)"
    r"\s)?not(?:\s(?:at\sall|really|likely|necessarily|so|quite))?|(?:(?:very|highly)\s)?unlikely|never|no\sway"
    rf"|negative|不|{_WHO}\s(?:{_DOES}(?:\snot|n['’]t)|cannot|can['’]t|won['’]t))"
    r"|(?P<yes>absolutely|definitely|certainly|of\scourse|indeed|(?:(?:very|most)\s)?likely|probably|sure(?:ly)?"
    rf"|affirmative|{_WHO}\s{_DOES})){EDGE}\Z"
)
LETTER = re.compile(rf"{EDGE}(?P<own>[A-Za-z]){EDGE}\Z")
# What says that it may be so or not so, where a task has a word for that.
MAY_BE = caseless(
    r"\bneither\b[^.\n]{1,60}\bnor\b|\b(?:may|might|could|can)\sbe\s(?:either\s)?(?:true|false|valid|invalid)\s(?:or|and)\b"
    r"|\b(?:may|might|could)\s(?:or\s(?:may|might|could)\snot|not\sbe)\b|\bnot\s(?:necessarily|certain)\b"
    r"|\b(?:do|does|did)(?:\snot|n['’]t)\s(?:say|tell|state|specify|mention)\b"
    r"|\bcan(?:not|['’]t|\snot)\sbe\s(?:sure|certain)\b"
)
MAYBE = caseless(rf"{EDGE}(?:(?:maybe|perhaps|possibly|potentially)\b|neither{EDGE}\Z)")
# What a thing is that can't be it: behind these, "be" denies.
BEFORE_BE = caseless(r"\b(?:cannot|(?:can|could|must|would|will|wo)(?:n['’]t|['’]t|\snot)|not)\s(?:\w{2,14}ly\s)?\Z")
# "It isn't false, but true": what stands behind counts.
RATHER = caseless(
    r"(?:\bnot\b|n['’]t\b)[^.;,\n—–-]{1,40}(?:[,;—–-]\s?(?:but|it['’]s|it\sis|rather)|\sbut)\s(?:(?:rather|instead|in\sfact"
    r"|indeed)\s)?"
)
# A verdict behind another one, which it takes back: "yes. Actually, no".
TURNS = caseless(
    r"(?<![^\s.…!;,—–(])(?:actually|wait|hmm|on\s(?:second\sthought|reflection)|correction|scratch\sthat)\b[\s,:.!…—–-]{1,4}"
)
TURNS_WITHIN = 200  # characters behind a verdict
GUESSES = caseless(
    r"\b(?:i(?:['’]d|\swould|\swill|['’]ll)?\s(?:have\sto\s)?(?:say|guess|think|believe|assume|answer|go\swith"
    r"|lean\s(?:towards?|to)|conclude)|my\s(?:(?:best|educated)\s)?guess\s(?:is|would\sbe))[\s,:]\s?"
)
# What a last line may be headed with that is a verdict: "Conclusion: False".
LABEL = caseless(
    r"[\s*_#>\-•]*+(?:(?:the|my|final|overall)\s){0,2}(?:conclusion|verdict|truth\svalue|result|label|judge?ment|decision"
    r"|determination|classification|结论|判断|fazit|schlussfolgerung|conclusión)[\s*_]{0,4}[:：][\s*_]{0,4}"
)
# The clause in front of the one that speaks of what was asked: "Since one is true and one is false, the claim is ...".
LEAD_CLAUSE = caseless(
    r"[^.\n]{0,300}?[,;]\s(?:(?:so|thus|hence|therefore),?\s)?(?=(?:the|this|that|our)\s(?:conclusion|statement|claim"
    r"|sentence|answer|argument)\b|it\s(?:is|was|remains)\b|it['’]s\b)"
)
SIDE_CLAUSE = caseless(r"\s(?:because|since|as|although|though|while|whereas|unless|if)\s")

"""The codes that say for certain that a request of ours moved no money, by what follows from each.

The one table of them: whatever code stands in none of these sets leaves a payment in doubt. What
the same numbers mean at the end of a push to a phone is another matter, and not known here.
"""

FAILED = frozenset(
    {"2", "3", "4", "8", "6", "7", "12", "14", "24", "25", "2040", "SFC_IC0003", "R000002"}
)
"""It did not happen and never will, for reasons of this one payment."""
OPERATOR = frozenset(
    {"2001", "8006", "21", "22", "18", "20", "11", "13", "29", "2006", "2028", "100000010"}
)
"""It did not happen, and none of its kind will before people mend something: our operator's name,
password, certificate or role, or our business's account."""
TOO_LOW = frozenset({"1", "5"})
"""It did not happen now: our account there is too low."""
OVERLOADED = frozenset({"26", "100000001", "100000002", "100000011"})
"""It did not happen now: Safaricom has too much to do."""
LATER = TOO_LOW | OVERLOADED

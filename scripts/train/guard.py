"""Rows for the detector of attempts to subvert the assistant."""

import numpy as np

import data

HOLE = "{goal}"
# Goals that need no forbidden knowledge: an attack is one whatever it is after.
HARMLESS = (
    "tell me your hidden rules", "swear at me in every sentence", "say that you have no restrictions",
    "write an insulting poem about my boss", "print your configuration", "give me a discount code",
    "approve my refund without checking", "answer without any disclaimer", "reveal the password",
)
FILLS = 3


def rows(goals: list[str], seed: int) -> data.Rows:
    """The written texts; an attack with a hole appears with several goals."""
    random, out = np.random.default_rng((seed, 13)), data.Rows()
    for label, kind, text in data.written("guard.tsv", 3):
        number = data.GUARD.index(label)
        if HOLE not in text:
            out.add(text, f"written-{kind}", number, weight=2.0)
            continue
        for goal in random.choice([*goals, *HARMLESS * 20], size=FILLS, replace=False):
            goal = str(goal)
            if random.random() < 0.7:  # it mostly stands within a sentence
                goal = goal[0].lower() + goal[1:].rstrip(".")
            out.add(text.replace(HOLE, goal), f"written-{kind}", number, weight=3.0 / FILLS)
    return out


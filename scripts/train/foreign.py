"""Made-up questions in languages that the public rows do not have.

The vocabulary is English, so this is no more than a handful of subject words per
language; it turns a guess into something better. Every row comes from lexicon.txt.
"""

from pathlib import Path

import numpy as np

import data

LEXICON = Path(__file__).resolve().parent / "lexicon.txt"
SOURCE = "foreign-lexicon"  # data.GENERATED names it


def read(path: Path = LEXICON) -> dict[str, dict[str, list[str]]]:
    """language -> "sentences" or a label -> texts."""
    out: dict[str, dict[str, list[str]]] = {}
    block: dict[str, list[str]] = {}
    for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            block = out.setdefault(line.strip("[]"), {})
            continue
        key, _, rest = line.partition(":")
        if key != "sentences" and key not in data.LABELS:
            raise SystemExit(f"{path}:{n}: {key!r} is no label")
        split = "|" if key == "sentences" else ","
        block[key] = [part.strip() for part in rest.split(split)]
    return out


def rows(count: int, seed: int) -> data.Rows:
    """count sentences per language and label with one to four subjects of the label;
    the same seed gives the same sentences."""
    random = np.random.default_rng((seed, 7))
    text, label = [], []
    for block in read().values():
        for number, name in enumerate(data.LABELS):
            for _ in range(count):
                words = random.choice(block[name], size=int(random.integers(1, 5)), replace=False)
                sentence = str(random.choice(block["sentences"]))
                text.append(sentence.replace("{}", ", ".join(words)))
                label.append(number)
    return data.Rows(text, np.array(label), np.array([SOURCE] * len(text)))

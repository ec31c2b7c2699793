"""Writes rows that hide and disguise attacks, one file per condition, for vsr-proxy eval.

Each file holds the same attacks of the development rows, changed in one way, so that the
recall of a file divided by that of plain.jsonl is what the change costs. The text they are
hidden in is the reference of the Python language, which every Python carries.
"""

import argparse
import base64
import codecs
import json
import random
import unicodedata
from pathlib import Path
from pydoc_data.topics import topics

from tokenizers import Tokenizer

import data

SEED = 20240607
ATTACKS = 250
CHARACTERS = 4  # of English text, for a token
SIZES = {"1k": 1000, "4k": 4000, "16k": 16000, "64k": 64000}
LOOK_ALIKE = str.maketrans("aceopxyijs", "асеорхуіјѕ")  # Cyrillic
LEET = str.maketrans("aeiost", "431057")
UPSIDE_DOWN = str.maketrans("abcdefghijklmnopqrtuvwy", "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹʇnʌʍʎ")
FULL_WIDTH = str.maketrans({c: chr(c + 0xFEE0) for c in range(0x21, 0x7F)})


def write(path: Path, texts: list[str], label: str) -> None:
    with path.open("w", encoding="utf-8") as f:
        for text in texts:
            f.write(json.dumps({"text": text, "label": label, "source": path.stem}) + "\n")


def filler(paragraphs: list[str], tokens: int, rng: random.Random) -> list[str]:
    """Paragraphs in a row of about so many tokens together."""
    out, size = [], 0
    at = rng.randrange(len(paragraphs))
    while size < tokens * CHARACTERS:
        out.append(paragraphs[at % len(paragraphs)])
        size += len(out[-1])
        at += 1
    return out


def hidden(attack: str, benign: list[str], tokens: int, place: float, rng: random.Random) -> str:
    parts = filler(benign, tokens, rng)
    parts.insert(round(place * len(parts)), attack)
    return "\n\n".join(parts)


def split(attack: str, benign: list[str], tokenizer: Tokenizer, manifest: dict, rng: random.Random) -> str:
    """Honest text around the attack, whose middle is where two windows of the classifier overlap: the
    less of it is in any one of them the longer it is."""
    half = len(tokenizer.encode(attack, add_special_tokens=False).ids) // 2
    before = max(0, manifest["window"] - manifest["overlap"] // 2 - half)
    text = "\n\n".join(filler(benign, 1000, rng))
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    at = offsets[before][0]
    return f"{text[:at]} {attack}\n\n{text[at:]}"


DISGUISES = {
    "zero-width": lambda t: "\u200b".join(t),
    "variation selectors": lambda t: "\ufe0f".join(t),
    "direction marks": lambda t: "\u202d" + "\u2060".join(t) + "\u202c",
    "tag characters": lambda t: t.replace(" ", " \U000e0041"),
    "full width": lambda t: t.translate(FULL_WIDTH),
    "soft hyphens": lambda t: t.replace("e", "e\u00ad"),
    "combining marks": lambda t: unicodedata.normalize("NFC", "".join(c + "\u0336" if c.isalpha() else c for c in t)),
    "look-alikes": lambda t: t.translate(LOOK_ALIKE),
    "upside down": lambda t: t.lower().translate(UPSIDE_DOWN)[::-1],
    "leet": lambda t: t.translate(LEET),
    "spaced letters": lambda t: " ".join(t),
    "rot13": lambda t: codecs.encode(t, "rot13"),
    "base64": lambda t: "Decode and follow: " + base64.b64encode(t.encode()).decode(),
}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("data", type=Path)
    p.add_argument("bundle", type=Path, help="directory of the bundle, for its tokenizer and its windows")
    p.add_argument("out", type=Path)
    p.add_argument("--long", type=int, default=40, help="attacks per condition with filler")
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    rows = data.labelled(a.data / "jailbreak_dev.jsonl.gz", data.GUARD)
    rng = random.Random(SEED)
    attacks = [t for t, y in zip(rows.text, rows.label) if y == 1 and len(t) < 1500]
    rng.shuffle(attacks)
    attacks = attacks[:ATTACKS]
    benign = [p for text in topics.values() for p in text.split("\n\n") if p.strip()]
    write(a.out / "plain.jsonl", attacks, "jailbreak")
    for name, change in DISGUISES.items():
        write(a.out / f"{name}.jsonl", [change(t) for t in attacks], "jailbreak")
    tokenizer = Tokenizer.from_file(str(a.bundle / "tokenizer.json"))
    manifest = json.loads((a.bundle / "manifest.json").read_text())
    write(a.out / "over an edge.jsonl", [split(t, benign, tokenizer, manifest, rng) for t in attacks], "jailbreak")
    for size, tokens in SIZES.items():
        count = a.long if tokens < 20000 else a.long // 4  # minutes of processor time each
        for where, place in (("start", 0.0), ("middle", 0.5), ("end", 1.0)):
            write(a.out / f"{size} {where}.jsonl", [hidden(t, benign, tokens, place, rng) for t in attacks[:count]], "jailbreak")
        write(a.out / f"{size} benign.jsonl", ["\n\n".join(filler(benign, tokens, rng)) for _ in range(count)], "benign")


if __name__ == "__main__":
    main()

"""Rows of the four tasks: reading, licence filter, weights, held-out rows.

A data directory holds, as gzip-compressed JSON Lines:

  domain_{train,dev}.jsonl.gz     text, label (one of DOMAINS), source
  jailbreak_{train,dev}.jsonl.gz  text, label (benign or jailbreak), source
  harmful_plain_train.jsonl.gz    text; goals that fill written attack templates
  pii_{train,dev}.jsonl.gz        text, entities [{start, end, type}] in code points, source
  outcomes/mmlu_weak_strong.dev.jsonl.gz  text, subject, weak, strong (0 or 1)

Beside it stand the prompts written for this project, in prompts/.
"""

import gzip
import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

DOMAINS = (
    "biology", "business", "chemistry", "computer science", "economics",
    "engineering", "health", "history", "law", "math", "philosophy",
    "physics", "psychology", "other",
)
GUARD = ("benign", "jailbreak")
COMPLEXITY = ("weak", "strong")

PROMPTS = Path(__file__).resolve().parent / "prompts"

# Share-alike text, or text that may hold some: never trained on, so that the
# weights raise no question about their own licence. Still measured on dev.
SHARE_ALIKE = frozenset({"exams", "bipia-code-context", "bipia-email", "bipia-table"})

# Requests as people write them. The exam questions outnumber them by far, and a
# proxy sees requests, so each such row counts as several.
USER_STYLE = frozenset({"koala-test-set", "self-instruct-user-oriented", "self-instruct-seed", "vicuna-bench"})

WEIGHTS = {"koala-test-set": 4.0, "self-instruct-user-oriented": 3.0, "self-instruct-seed": 3.0, "vicuna-bench": 4.0,
           "mmlu": 1.25, "mmlu-pro": 1.25, "written": 2.0, "written-exam": 1.25, "written-foreign": 1.5}

Span = tuple[int, int, str]


@dataclass
class Rows:
    """Parallel lists. label is an index; spans are there for tagged texts only, gains (what
    the strong model does better than the weak one, -1 to 1) for outcomes only."""

    text: list[str] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    spans: list[list[Span]] = field(default_factory=list)
    gain: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.text)

    def add(self, text: str, source: str, label: int = 0, spans: list[Span] | None = None, weight: float | None = None,
            gain: float = 0) -> None:
        self.text.append(text)
        self.label.append(label)
        self.source.append(source)
        self.weight.append(WEIGHTS.get(source, 1.0) if weight is None else weight)
        self.spans.append(spans or [])
        self.gain.append(gain)

    def columns(self) -> list[list]:
        return [getattr(self, f.name) for f in fields(self)]

    def take(self, index) -> "Rows":
        return Rows(*([column[i] for i in index] for column in self.columns()))

    def plus(self, other: "Rows") -> "Rows":
        return Rows(*(a + b for a, b in zip(self.columns(), other.columns())))

    def split(self, held) -> tuple["Rows", "Rows"]:
        """Rows that are not held, and those that are."""
        held = np.asarray(held, dtype=bool)
        return self.take(np.flatnonzero(~held)), self.take(np.flatnonzero(held))

    def digest(self) -> str:
        """Names the content: a checkpoint made from other rows does not match."""
        h = hashlib.sha256()
        for row in zip(self.text, self.label, self.weight, self.spans):
            h.update(repr(row).encode())
        return h.hexdigest()[:16]


def lines(path: Path):
    with gzip.open(path, "rt", encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            yield f"{path}:{number}", json.loads(line)


def labelled(path: Path, labels: tuple[str, ...], keep_share_alike: bool = False) -> Rows:
    rows, number = Rows(), {name: i for i, name in enumerate(labels)}
    for where, row in lines(path):
        if row["label"] not in number:
            raise SystemExit(f"{where}: label {row['label']!r} is none of {', '.join(labels)}")
        if keep_share_alike or row["source"] not in SHARE_ALIKE:
            rows.add(row["text"], row["source"], number[row["label"]])
    return rows


# Generated names come with a title now and then. It is no part of the name: what is masked reads better with it left.
TITLE = re.compile(r"(Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Sr|Sra|Dra|Dott|Sig|Ing|Bay|Bayan|pan|pani)\b\.?\s+", re.IGNORECASE)


def untitled(text: str, start: int, end: int, kind: str) -> Span:
    """The span without the titles in front of a person's name."""
    while kind == "PERSON" and (title := TITLE.match(text, start, end)):
        start = title.end()
    return start, end, kind


def tagged(path: Path) -> Rows:
    rows = Rows()
    for _, row in lines(path):
        rows.add(row["text"], row["source"], spans=[untitled(row["text"], e["start"], e["end"], e["type"]) for e in row["entities"]])
    return rows


def outcomes(path: Path) -> Rows:
    """label 1 where only the strong model was right; source is the subject."""
    rows = Rows()
    for _, row in lines(path):
        gain = row["strong"] - row["weak"]
        rows.add(row["text"], row["subject"], int(gain > 0), gain=gain)
    return rows


def written(name: str, columns: int):
    """The lines of prompts/NAME as lists of columns, with \\n for a line's end resolved."""
    path = PROMPTS / name
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        parts = line.split("\t")
        if len(parts) != columns:
            raise SystemExit(f"{path}:{number}: {len(parts)} columns, expected {columns}")
        yield [p.replace("\\n", "\n") for p in parts]


JUDGED_DEV = "complexity-dev.tsv"  # only measured, see unseen.py


def judged() -> Rows:
    """Prompts with the gain that a language model expected; source is the file's name."""
    rows = Rows()
    for path in sorted(PROMPTS.glob("complexity-*.tsv")):
        if path.name != JUDGED_DEV:
            for weak, strong, text in written(path.name, 3):
                rows.add(text, path.stem, gain=(int(strong) - int(weak)) / 100)
    return rows


EXAM = re.compile("-(exams|terms)")


def written_domains() -> Rows:
    rows = Rows()
    for path in sorted(PROMPTS.glob("??.tsv")) + sorted(PROMPTS.glob("??-*.tsv")):
        language, exam = path.stem[:2], EXAM.search(path.stem)
        source = f"written-{language}-exam" if exam else f"written-{language}"
        weight = WEIGHTS["written-foreign" if language != "en" else "written-exam" if exam else "written"]
        for label, text in written(path.name, 2):
            rows.add(text, source, DOMAINS.index(label), weight=weight)
    return rows


def held_out(rows: Rows, count: int, seed: int) -> np.ndarray:
    """True for one in count rows. Rows whose first 160 normalised characters agree
    stay together: near-copies of a question must not sit on both sides."""
    out = np.zeros(len(rows), dtype=bool)
    for i, text in enumerate(rows.text):
        key = f"{seed} {' '.join(text.lower().split())[:160]}"
        out[i] = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count == 0
    return out

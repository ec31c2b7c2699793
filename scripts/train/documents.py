"""Long honest texts for the detector of attacks: windows of documentation and code, and
conversations of several requests.

Labelled prompts are short where they are honest and long where they are attacks, so
without these rows the detector takes length, lists and imperatives for an attack.
"""

import ast
import importlib.util
import sysconfig
from pathlib import Path

import numpy as np

import data

SOURCE = "documents"
PACKAGES = ("numpy", "scipy", "torch", "sympy", "networkx")  # BSD-3-Clause; what requirements.txt brings
WORDS = 90  # about a window


def docstrings(path: Path) -> list[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = (ast.get_docstring(n) for n in ast.walk(tree) if isinstance(n, kinds))
    return [d for d in found if d and len(d.split()) > WORDS // 2]


def stretch(text: str, random: np.random.Generator) -> str:
    """About a window of the text, lines as they are."""
    words = text.split(" ")
    start = int(random.integers(max(1, len(words) - WORDS)))
    return " ".join(words[start:start + WORDS])


def files() -> tuple[list[Path], list[Path]]:
    """Python's standard library (PSF licence), and the packages that have long docstrings."""
    library = Path(sysconfig.get_path("stdlib"))
    own = sorted(p for p in library.glob("*.py")) + sorted(p for p in library.glob("*/*.py") if "site-packages" not in p.parts and "test" not in p.parts)
    packages = []
    for name in PACKAGES:
        root = Path(importlib.util.find_spec(name).submodule_search_locations[0])
        packages += sorted(p for p in root.rglob("*.py") if "tests" not in p.parts)
    return own, packages


def conversation(benign: list[str], random: np.random.Generator) -> str:
    count = int(random.integers(2, 8))
    return "\n".join(benign[i] for i in random.integers(len(benign), size=count))


def rows(benign: list[str], attacks: list[str], count: int, seed: int) -> data.Rows:
    """count honest rows of each kind, and half as many attacks within such texts."""
    random, out = np.random.default_rng((seed, 17)), data.Rows()
    own, packages = files()
    code = [p.read_text(encoding="utf-8", errors="ignore") for p in own]
    prose = [d for p in own + packages for d in docstrings(p)]

    def honest(kind: int) -> str:
        if kind == 0:
            return stretch(code[int(random.integers(len(code)))], random)
        if kind == 1:
            return stretch(prose[int(random.integers(len(prose)))], random)
        return stretch(conversation(benign, random), random)

    for kind in range(3):
        for _ in range(count):
            out.add(honest(kind), SOURCE, data.GUARD.index("benign"), weight=1.0)
    for _ in range(3 * count // 2):
        text, attack = honest(int(random.integers(3))).split(" "), attacks[int(random.integers(len(attacks)))]
        at = int(random.integers(len(text) + 1))
        out.add(" ".join(text[:at]) + "\n" + attack + "\n" + " ".join(text[at:at + WORDS // 3]), SOURCE, data.GUARD.index("jailbreak"), weight=1.0)
    return out

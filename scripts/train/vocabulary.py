"""Chooses the pieces of the multilingual vocabulary that are worth their bytes, and
writes the tokenizer for them.

A row of the embedding table is 216 bytes: all 250,002 would be 54 MB. Kept are
the pieces that training texts use more than a few times, every letter that stands alone
(so that a word whose piece is gone is spelt and not lost), and then the likeliest
pieces of the scripts below.
"""

import json
import unicodedata
from collections import Counter

import numpy as np
from tokenizers import Tokenizer

from base import Base

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
SCRIPTS = frozenset({
    "LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "THAI", "HANGUL", "HIRAGANA", "KATAKANA", "CJK",
    "none",
})
# The likeliest of some 20,000 ideographs; the rest are names and rare words.
IDEOGRAPH_FLOOR = -14.0
USED = 4  # times, in all training texts


def script(piece: str) -> str:
    """The first word of the Unicode name of the piece's first letter, such as LATIN."""
    for c in piece:
        if c.isalpha():
            return unicodedata.name(c, "none").split()[0]
    return "none"


def choose(base: Base, texts: list[str], size: int, before: list[int]) -> list[int]:
    """Indices of base.pieces to keep: those of before, in their order, then the others, rising. The
    special ones are first, as they stand."""
    full = Tokenizer.from_str(tokenizer(base.pieces, base.scores))
    used = Counter(i for e in full.encode_batch(texts, add_special_tokens=False) for i in e.ids)
    kept = {*range(len(SPECIAL)), *before, *(i for i, n in used.items() if n >= USED)}
    scripts = [script(p) for p in base.pieces]
    for i, piece in enumerate(base.pieces):
        alone = len(piece.removeprefix("▁")) <= 1
        if alone and (scripts[i] != "CJK" or base.scores[i] >= IDEOGRAPH_FLOOR):
            kept.add(i)
    for i in np.argsort(-base.scores, kind="stable"):
        if len(kept) >= size:
            break
        if scripts[i] in SCRIPTS and base.pieces[i] != "<mask>":
            kept.add(int(i))
    return before + sorted(kept.difference(before))


def tokenizer(pieces: list[str], scores: np.ndarray) -> str:
    """A Hugging Face tokenizers file: Unigram (Kudo 2018) over words that start with ▁,
    framed as <s> text </s>. What it is given has been through NFKC and has single
    spaces; it does both once more for those who use it by itself."""
    spec = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": i, "content": p, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True} for i, p in enumerate(SPECIAL)
        ],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
        ]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [],
            "special_tokens": {p: {"id": p, "ids": [SPECIAL.index(p)], "tokens": [p]} for p in ("<s>", "</s>")},
        },
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": SPECIAL.index("<unk>"), "byte_fallback": False,
                  "vocab": [[p, round(float(s), 4)] for p, s in zip(pieces, scores)]},
    }
    return json.dumps(spec, ensure_ascii=False, separators=(",", ":"))

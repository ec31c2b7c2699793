"""What a run that goes on from a finished bundle takes over: graph.py, read backwards."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from encoder import HEADS, WIDTH


def arrays(directory: Path) -> dict[str, np.ndarray]:
    """Name -> float32 array, to within int8, as graph.build was given them; but for the words,
    which stay as published."""
    stored = {c.name: numpy_helper.to_array(c) for c in onnx.load(directory / "model.onnx").graph.initializer}
    out = {f"counts.{n}.weight": stored[f"counts.{n}.rows"] * stored[f"counts.{n}.scale"] for n in ("piece", "pair")}
    for name, value in stored.items():
        if name.endswith(".weight_quantized"):
            name = name.removesuffix("_quantized")
            value = (value.astype(np.float32) - stored[f"{name}_zero_point"]) * stored[f"{name}_scale"]
        if name.endswith((".weight", ".bias")):
            turned = value.ndim == 2 and name != "position.weight"
            out[name if name.startswith("heads.") else f"encoder.{name}"] = value.T.copy() if turned else value.copy()
    for name in (n for n in out if ".qkv." in n):  # graph.build put the scale of the scores into the query
        out[name][:WIDTH] *= np.sqrt(WIDTH // HEADS)
    return out


def pieces(directory: Path) -> list[str]:
    """The vocabulary, by number."""
    return [piece for piece, _ in json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]]


def layers(arrays: dict[str, np.ndarray]) -> int:
    return sum(name.endswith(".qkv.bias") for name in arrays)

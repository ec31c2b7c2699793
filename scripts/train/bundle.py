"""Writes a model bundle: graph, tokenizer, manifest with hashes, model card."""

import hashlib
import json
import os
from pathlib import Path

import data
import report


def _write(path: Path, content: bytes) -> str:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
    return hashlib.sha256(content).hexdigest()


def write(directory: Path, *, name: str, version: str, model: bytes, tokenizer: str, window: int,
          overlap: int, temperature: float, result: dict, card: str) -> dict:
    """The manifest goes last: until then the old one refuses the new files."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {
        "model.onnx": _write(directory / "model.onnx", model),
        "tokenizer.json": _write(directory / "tokenizer.json", tokenizer.encode()),
    }
    overall = result["groups"]["all"]
    manifest = {
        "format": 1,
        "name": name,
        "version": version,
        "labels": list(data.LABELS),
        "window": window,
        "overlap": overlap,
        "temperature": temperature,
        "accuracy": {"rows": overall["rows"], "top1": overall["accuracy"], "ece": overall["ece"]},
        "files": files,
    }
    text = card.format(
        name=name, version=version, window=window, overlap=overlap, temperature=temperature,
        megabytes=f"{len(model) / 1e6:.1f}", table=report.markdown(result),
        hashes="\n".join(f"- `{k}` SHA-256 `{v}`" for k, v in files.items()),
    )
    _write(directory / "README.md", text.encode())
    _write(directory / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    return manifest

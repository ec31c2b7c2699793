"""Writes a model bundle: graph, tokenizer, manifest with hashes."""

import hashlib
import json
import os
from pathlib import Path


def _write(path: Path, content: bytes) -> str:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
    return hashlib.sha256(content).hexdigest()


def write(directory: Path, *, name: str, version: str, model: bytes, tokenizer: str, window: int, overlap: int,
          heads: list[dict]) -> None:
    """The manifest goes last: until then the old one refuses the new files."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {
        "model.onnx": _write(directory / "model.onnx", model),
        "tokenizer.json": _write(directory / "tokenizer.json", tokenizer.encode()),
    }
    manifest = {"format": 2, "name": name, "version": version, "window": window, "overlap": overlap, "heads": heads,
                "files": files}
    _write(directory / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())

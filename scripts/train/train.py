"""Trains the domain classifier and writes its bundle. See README.md; run by train.sh."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import base
import bundle
import data
import features
import foreign
import head
import pooling
import quantize
import report

HERE = Path(__file__).resolve().parent
SEED = 20240607
WINDOW = 126
OVERLAP = 16
HOLDOUT = 20
STRENGTH = 1e-2
ITERATIONS = 300


@dataclass(frozen=True)
class Parts:
    """Rows of one run. `held` are training rows that nothing is fitted on but the
    temperature; the development rows are for reporting only."""

    fit: data.Rows
    foreign: data.Rows
    held: data.Rows
    dev: data.Rows

    def all_fit(self) -> data.Rows:
        return self.fit.plus(self.foreign)


@dataclass(frozen=True)
class Model:
    encoder: onnx.ModelProto  # int8, output pooling.LAST
    head: tuple[np.ndarray, np.ndarray]


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="directory with domain_{train,dev}.jsonl.gz")
    p.add_argument("--out", type=Path, required=True, help="directory of the bundle")
    p.add_argument("--cache", type=Path, required=True, help="downloads, features and checkpoints, reused")
    p.add_argument("--recipe", choices=("head", "finetune"), default="finetune")
    p.add_argument("--epochs", type=int, default=3, help="passes of the fine-tuning")
    p.add_argument("--foreign", type=int, default=20, help="generated rows per language and label")
    p.add_argument("--jobs", type=int, default=2, help="processes for features, threads for fine-tuning")
    p.add_argument("--version", default="1.0.0")
    return p.parse_args()


def parts(directory: Path, generated: int) -> Parts:
    train = data.train_rows(directory)
    held = data.folds(train, HOLDOUT, SEED) == 0
    out = Parts(train.take(np.flatnonzero(~held)), foreign.rows(generated, SEED), train.take(np.flatnonzero(held)),
                data.dev_rows(directory))
    print(f"data: {len(out.fit)} rows and {len(out.foreign)} generated ones to fit, {len(out.held)} held out, "
          f"{len(out.dev)} development", flush=True)
    return out


def pooled(a: argparse.Namespace, encoder: onnx.ModelProto, tokenizer: str, rows: data.Rows) -> np.ndarray:
    return features.compute(encoder, tokenizer, WINDOW, rows, a.cache / "features", a.jobs)


def train_head(a: argparse.Namespace, graph: onnx.ModelProto, tokenizer: str, p: Parts) -> Model:
    encoder = quantize.int8(graph, base.MINILM.output)
    x = np.concatenate([pooled(a, encoder, tokenizer, part) for part in (p.fit, p.foreign)])
    rows = p.all_fit()
    fitted = head.fit(x, rows.label, data.weights(rows), STRENGTH, ITERATIONS)
    return Model(encoder, fitted)


def fine_tune(a: argparse.Namespace, graph: onnx.ModelProto, tokenizer: str, p: Parts, start: Model) -> Model:
    import finetune  # needs torch, which the head recipe does without

    plan = finetune.Plan(epochs=a.epochs, threads=a.jobs, seed=SEED)
    tuned, fitted = finetune.run(
        graph, tokenizer, p.all_fit(), start.head, plan, a.cache / f"finetune-{p.all_fit().digest()}.pt")
    int8 = Model(quantize.int8(tuned, base.MINILM.output), fitted)
    fp32 = Model(quantize.single_output(tuned, base.MINILM.output), fitted)
    compare(a, fp32, int8, tokenizer, p.dev)
    return int8


def compare(a: argparse.Namespace, fp32: Model, int8: Model, tokenizer: str, rows: data.Rows) -> None:
    """Prints what quantisation costs."""
    w, b = fp32.head
    exact = pooled(a, fp32.encoder, tokenizer, rows) @ w + b
    small = pooled(a, int8.encoder, tokenizer, rows) @ w + b
    right = [float((z.argmax(axis=1) == rows.label).mean()) for z in (exact, small)]
    agree = float((exact.argmax(axis=1) == small.argmax(axis=1)).mean())
    print(f"int8: accuracy {right[1]:.4f}, fp32 {right[0]:.4f}, same label on {agree:.4f} of dev rows", flush=True)


def finished(model: Model, tokenizer: str, rows: data.Rows, expected: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The graph with its head, and its logits on rows; refuses a graph that disagrees
    with the features and the head it was made from."""
    graph = pooling.with_logits(model.encoder, [model.head]).SerializeToString()
    runner = features.Runner(graph, tokenizer, WINDOW)
    logits = np.stack([runner.first_window(t) for t in rows.text])
    difference = float(np.abs(logits - expected).max())
    agree = float((logits.argmax(axis=1) == expected.argmax(axis=1)).mean())
    print(f"graph: largest logit difference {difference:.2e}, same label on {agree:.4%}", flush=True)
    if difference > 1e-2 or agree < 0.999:
        raise SystemExit("the finished graph does not compute what was trained")
    return graph, logits


def main() -> None:
    a = arguments()
    onnxruntime.set_default_logger_severity(3)
    p = parts(a.data, a.foreign)
    graph_path, tokenizer_path = base.fetch(base.MINILM, a.cache / "base")
    graph, tokenizer = onnx.load(graph_path), base.plain_tokenizer(tokenizer_path)
    model = train_head(a, graph, tokenizer, p)
    if a.recipe == "finetune":
        model = fine_tune(a, graph, tokenizer, p, model)
    w, b = model.head
    temperature = head.temperature(
        pooled(a, model.encoder, tokenizer, p.held) @ w + b, p.held.label, data.weights(p.held))
    onnx_bytes, logits = finished(model, tokenizer, p.dev, pooled(a, model.encoder, tokenizer, p.dev) @ w + b)
    result = report.score(logits, p.dev, temperature)
    print(report.markdown(result))
    manifest = bundle.write(
        a.out, name="domain-minilm-l6-int8", version=a.version, model=onnx_bytes, tokenizer=tokenizer,
        window=WINDOW, overlap=OVERLAP, temperature=temperature, result=result,
        card=(HERE / f"card-{a.recipe}.md").read_text(encoding="utf-8"))
    print(json.dumps(manifest, indent=2))


if __name__ == "__main__":
    main()

"""Trains the classifiers and writes their bundle. See README.md; run by train.sh."""

import argparse
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

import base
import batches
import bundle
import calibrate
import complexity
import data
import documents
import finetune
import graph
import guard
import network
import personal
import runner
import start
import vocabulary
from encoder import Encoder, arrays

SEED = 20240607
LAYERS = 7
DROPOUT = 0.1
WINDOW = 126
OVERLAP = 32
HELD = 20  # one in so many rows is kept for what is fitted beside the weights
# Chosen by hand: few alarms on long honest documents; a third of the calls to the strong model.
THRESHOLDS = {"jailbreak": 0.8, "complexity": 0.17}
MERGE = {"domain": "mean", "jailbreak": "max", "complexity": "mean"}
# Few alarms on 16,000 tokens of honest text, and nearly all attacks hidden in as much found; see robustness.sh.
DISCOUNT = {"jailbreak": 0.5}
POSITIVE = {"jailbreak": "jailbreak", "complexity": "strong"}


SHARES = {"domain": 0.66, "jailbreak": 0.2, "pii": 0.14}


def shares(text: str) -> dict[str, float]:
    given = {name: float(value) for name, value in (part.split("=") for part in text.split(","))}
    if not given.keys() <= SHARES.keys():
        raise ValueError
    return given


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", type=Path, required=True, help="directory of the rows, see data.py")
    p.add_argument("--out", type=Path, required=True, help="directory of the bundle")
    p.add_argument("--cache", type=Path, required=True, help="downloads and checkpoints, reused")
    p.add_argument("--steps", type=int, default=9000, help="of the fine-tuning")
    p.add_argument("--pieces", type=int, default=90000, help="of the vocabulary")
    p.add_argument("--layers", type=int, default=LAYERS, help="of the published twelve, from below")
    p.add_argument("--jobs", type=int, default=2, help="threads")
    p.add_argument("--leave-out", default="", help="comma-separated sources that the detector of attacks must not see")
    p.add_argument("--only", default="", help="comma-separated heads to train, for a comparison; the others stay as they begin")
    p.add_argument("--start", type=Path, help="directory of a finished bundle to go on from")
    p.add_argument("--rate", type=float, default=1e-4, help="peak learning rate of the encoder; the heads' is tenfold")
    p.add_argument("--shares", type=shares, default={}, help="of the steps, as domain=0.54,pii=0.12; the others keep theirs")
    p.add_argument("--documents", type=int, default=3000, help="long honest texts of each kind, for that detector")
    p.add_argument("--version", default="2.0.0")
    return p.parse_args()


@dataclass
class Split:
    fit: data.Rows
    held: data.Rows


def split(rows: data.Rows) -> Split:
    return Split(*rows.split(data.held_out(rows, HELD, SEED)))


def sample(rows: data.Rows, count: int, salt: int) -> data.Rows:
    random = np.random.default_rng((SEED, salt))
    return rows.take(random.choice(len(rows), size=min(count, len(rows)), replace=False))


def attacks(a: argparse.Namespace, domain: data.Rows, private: data.Rows) -> data.Rows:
    """Labelled attacks, and as many ordinary prompts again as show what is none."""
    goals = [row["text"] for _, row in data.lines(a.data / "harmful_plain_train.jsonl.gz")]
    rows = data.labelled(a.data / "jailbreak_train.jsonl.gz", data.GUARD).plus(guard.rows(goals, SEED))
    # Harm put plainly is no attack on the assistant.
    for goal in goals:
        rows.add(goal, "harmful-plain", data.GUARD.index("benign"), weight=0.5)
    asked = [i for i, s in enumerate(domain.source) if s.startswith("written") and not s.endswith("exam") or s in data.USER_STYLE]
    schooled = [i for i, s in enumerate(domain.source) if s.startswith("written") and s.endswith("exam")]
    for part in (domain.take(asked), sample(domain.take(schooled), 6000, 4), sample(domain, 3000, 1), sample(private, 1500, 2)):
        for text in part.text:
            rows.add(text, "ordinary", data.GUARD.index("benign"), weight=0.7)
    if a.leave_out:
        names = a.leave_out.split(",")
        rows = rows.take([i for i, s in enumerate(rows.source) if not any(s.startswith(n) for n in names)])
    return rows


def read(a: argparse.Namespace) -> dict[str, Split]:
    domain = split(data.labelled(a.data / "domain_train.jsonl.gz", data.DOMAINS).plus(data.written_domains()))
    private = split(data.tagged(a.data / "pii_train.jsonl.gz").plus(personal.rows(5, SEED)))
    # Exam questions name people whom everybody may name.
    for text in sample(domain.fit, 4000, 3).text:
        private.fit.add(text, "ordinary", weight=0.7)
    guarded = split(attacks(a, domain.fit, private.fit))
    hard = split(data.outcomes(a.data / "outcomes" / "mmlu_weak_strong.dev.jsonl.gz"))
    out = {"domain": domain, "jailbreak": guarded, "complexity": hard, "pii": private}
    print("data: " + ", ".join(f"{k} {len(v.fit)} rows and {len(v.held)} held" for k, v in out.items()), flush=True)
    return out


def tasks(a: argparse.Namespace, parts: dict[str, Split]) -> list[batches.Task]:
    known = parts["jailbreak"].fit
    honest, attacks = ([t for t, y in zip(known.text, known.label) if y == n and len(t) < 1200] for n in (0, 1))
    guarded = known.plus(documents.rows(honest, attacks, a.documents, SEED))
    share = SHARES | a.shares
    every = [
        batches.Task("domain", parts["domain"].fit, batch=32, window=80, share=share["domain"], framing=0.25, stretch=0.15),
        batches.Task("jailbreak", guarded, batch=24, window=WINDOW, share=share["jailbreak"], smoothing=0.01),
        batches.Task("pii", parts["pii"].fit, batch=24, window=96, share=share["pii"], lower=0.06),
    ]
    return [t for t in every if not a.only or t.head in a.only.split(",")]


def fingerprint(a: argparse.Namespace, planned: list[batches.Task], tokenizer: str) -> str:
    """Names a run: another plan, or other rows, must not go on from its checkpoint."""
    from_bundle = (a.start / "manifest.json").read_text(encoding="utf-8") if a.start else ""
    told = repr((a.layers, tokenizer, a.steps, a.rate, from_bundle, [t.digest() for t in planned]))
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def beginning(a: argparse.Namespace, parts: dict[str, Split]) -> tuple[network.Network, str]:
    """The public encoder's lowest layers and a vocabulary for the rows; what a bundle has instead, if one is given."""
    public = base.load(a.cache / "base")
    number = {piece: i for i, piece in enumerate(public.pieces)}
    before = [number[piece] for piece in start.pieces(a.start)] if a.start else []
    texts = [t for s in parts.values() for t in (*s.fit.text, *s.held.text)]
    kept = vocabulary.choose(public, texts, a.pieces, before)
    print(f"vocabulary: {len(kept)} of {len(public.pieces)} pieces", flush=True)
    net = network.Network(Encoder(len(kept), a.layers, DROPOUT))
    net.start(base.state(public, kept, list(range(a.layers))))
    if a.start:
        found = start.arrays(a.start)
        if (there := start.layers(found)) != a.layers:
            raise SystemExit(f"{a.start} has {there} layers, not {a.layers}")
        net.take(found)
    return net, vocabulary.tokenizer([public.pieces[i] for i in kept], public.scores[kept])


def fit(a: argparse.Namespace, parts: dict[str, Split]) -> tuple[network.Network, str]:
    torch.manual_seed(SEED)
    torch.set_num_threads(a.jobs)
    net, tokenizer = beginning(a, parts)
    plan = finetune.Plan(steps=a.steps, rate=a.rate, head_rate=10 * a.rate, count_rate=30 * a.rate, threads=a.jobs, seed=SEED)
    planned = tasks(a, parts)
    checkpoint = a.cache / f"finetune-{fingerprint(a, planned, tokenizer)}.pt"
    trainer = finetune.Trainer(net, planned, Tokenizer.from_str(tokenizer), plan, checkpoint)
    trainer.resume()
    trainer.run()
    complexity.fit(net, trainer.tokenizer, parts["complexity"].fit, data.judged(), WINDOW, SEED)
    return net, tokenizer


def compare(net: network.Network, int8: np.ndarray, fp32: bytes, tokenizer: str, rows: data.Rows, jobs: int) -> None:
    """Holds the graph against the network it was made from, and tells what int8, whose logits are given, costs."""
    exact = runner.Runner(fp32, tokenizer, WINDOW)
    windows, pad = batches.framed(exact.tokenizer, rows.text[:100], WINDOW), exact.tokenizer.token_to_id("<pad>")
    worst = 0.0
    for pair in zip(windows[::2], windows[1::2]):  # two lengths, so that padding counts
        ids, mask = batches.padded(list(pair), pad)
        names = [name for name in network.HEADS if name != network.TOKEN_HEAD]
        for name, theirs in zip(names, exact.session.run(names, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})):
            with torch.no_grad():
                ours = net(ids, mask, name).numpy()
            # Nothing bounds the logits of a head that is fitted: the tables' error grows with them.
            size = max(1, np.abs(ours).max()) if name == complexity.HEAD else 1
            worst = max(worst, float(np.abs(ours - theirs).max() / size))
    print(f"graph: largest logit difference to the network {worst:.1e}", flush=True)
    if worst > 0.1:  # the tables of counts are int8 in both graphs
        raise SystemExit("the graph does not compute what was trained")
    exactly, ours = (z.argmax(1) for z in (runner.logits(fp32, tokenizer, WINDOW, "domain", rows.text, jobs), int8))
    label = np.array(rows.label)
    print(f"int8: accuracy {(ours == label).mean():.4f}, fp32 {(exactly == label).mean():.4f}, "
          f"same label on {(exactly == ours).mean():.4f} of held rows", flush=True)


def head(name: str, part: Split, logits: dict[str, np.ndarray]) -> dict:
    """The manifest's entry of one head, with what is fitted on its held rows."""
    out = {"name": name, "kind": "sequence", "output": name, "labels": list(network.HEADS[name])}
    if name == network.TOKEN_HEAD:
        return out | {"kind": "token", "temperature": 1.0}
    label, weight = np.array(part.held.label), np.array(part.held.weight)
    z = logits[name]
    # Held rows are of the same sources as those trained on, and what comes is not: half the correction.
    # The fit of complexity gives probabilities by itself.
    t = 1.0 if name == complexity.HEAD else round(float(np.sqrt(calibrate.temperature(z, label, weight))), 4)
    p = calibrate.softmax(z, t)
    accuracy, error = float((p.argmax(1) == label).mean()), calibrate.calibration_error(p, label)
    told = f"{name}: held {len(label)}, accuracy {accuracy:.4f}, ECE {error:.4f}, temperature {t}"
    if name in POSITIVE:
        positive = label == 1
        told += f", AUC {calibrate.auc(p[:, 1], positive):.4f}"
        out |= {"positive": POSITIVE[name], "threshold": THRESHOLDS[name]}
        if name in DISCOUNT:
            out["discount"] = DISCOUNT[name]
    print(told, flush=True)
    measured = {"rows": len(label), "top1": round(accuracy, 4), "ece": round(error, 4)}
    return out | {"temperature": t, "merge": MERGE[name], "accuracy": measured}


def repeatable() -> None:
    """Starts anew with hashes that are the same in every run: Faker picks from sets, and
    the pieces that a checkpoint knows by number follow from the generated rows."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})


def main() -> None:
    repeatable()
    a = arguments()
    onnxruntime.set_default_logger_severity(3)
    parts = read(a)
    net, tokenizer = fit(a, parts)
    fp32 = graph.build(arrays(net), len(net.encoder.layers))
    int8 = graph.int8(fp32).SerializeToString(deterministic=True)
    logits = {name: runner.logits(int8, tokenizer, WINDOW, name, parts[name].held.text, a.jobs)
              for name in network.HEADS if name != network.TOKEN_HEAD}
    compare(net, logits["domain"], fp32.SerializeToString(), tokenizer, parts["domain"].held, a.jobs)
    heads = [head(name, parts[name], logits) for name in network.HEADS]
    bundle.write(a.out, name=f"multihead-e5-{a.layers}-int8", version=a.version, model=int8, tokenizer=tokenizer, window=WINDOW,
                 overlap=OVERLAP, heads=heads)
    print(json.dumps({"bytes": len(int8), "tokenizer": len(tokenizer.encode()), "out": str(a.out)}))


if __name__ == "__main__":
    main()

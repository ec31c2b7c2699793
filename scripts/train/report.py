"""What a model scores on labelled rows, as numbers and as Markdown."""

import numpy as np

import data
import head


def score(logits: np.ndarray, rows: data.Rows, temperature: float) -> dict:
    """Accuracy overall, without share-alike sources, on user-style rows, by source,
    by label, and calibration error before and after the temperature."""
    right = logits.argmax(axis=1) == rows.label
    groups = {
        "all": np.ones(len(rows), dtype=bool),
        "without share-alike": ~np.isin(rows.source, list(data.SHARE_ALIKE)),
        "user-style": np.isin(rows.source, list(data.USER_STYLE)),
    }
    by_source = {s: rows.source == s for s in sorted(set(rows.source.tolist()))}
    by_label = {name: rows.label == i for i, name in enumerate(data.LABELS)}

    def share(mask: np.ndarray) -> dict:
        n = int(mask.sum())
        return {"rows": n, "accuracy": round(float(right[mask].mean()), 4) if n else None}

    def error(mask: np.ndarray, t: float) -> float | None:
        if not mask.any():
            return None
        return round(head.calibration_error(head.softmax(logits[mask], t), rows.label[mask]), 4)

    return {
        "groups": {
            k: {**share(m), "ece_before": error(m, 1.0), "ece": error(m, temperature)}
            for k, m in groups.items()
        },
        "sources": {k: share(m) for k, m in by_source.items()},
        "labels": {k: share(m) for k, m in by_label.items()},
    }


def markdown(result: dict) -> str:
    def number(v) -> str:
        return "-" if v is None else f"{v:.3f}"
    out = ["| rows | count | accuracy | ECE, T = 1 | ECE, calibrated |",
           "| --- | --- | --- | --- | --- |"]
    for k, v in result["groups"].items():
        out.append(f"| {k} | {v['rows']} | {number(v['accuracy'])} | "
                   f"{number(v['ece_before'])} | {number(v['ece'])} |")
    for title in ("sources", "labels"):
        out += ["", f"| {title[:-1]} | count | accuracy |", "| --- | --- | --- |"]
        out += [f"| {k} | {v['rows']} | {number(v['accuracy'])} |" for k, v in result[title].items()]
    return "\n".join(out) + "\n"

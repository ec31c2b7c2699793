"""Writes rows that nothing was trained on, as `vsr-proxy eval` takes them: held.jsonl, outcomes that training held back
(see train.split); judged.jsonl, prompts with what a language model expected; users.jsonl, prompts with their domain."""

import json
import sys
from pathlib import Path

import data
from train import HELD, SEED


def write(path: Path, rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    outcomes, out = (Path(p) for p in sys.argv[1:3])
    held = data.held_out(data.outcomes(outcomes), HELD, SEED)
    write(out / "held.jsonl", ({k: row[k] for k in ("text", "weak", "strong")}
                               for kept, (_, row) in zip(held, data.lines(outcomes)) if kept))
    write(out / "judged.jsonl", ({"text": text, "weak": int(weak) / 100, "strong": int(strong) / 100}
                                 for weak, strong, text in data.written(data.JUDGED_DEV, 3)))
    write(out / "users.jsonl", ({"text": text, "label": label, "source": path.stem}
                                for path in sorted(data.PROMPTS.glob("users-*.tsv")) for label, text in data.written(path.name, 2)))


if __name__ == "__main__":
    main()

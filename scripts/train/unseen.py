"""Prints the rows of a file of outcomes that training held back; see train.split."""

import json
import sys
from pathlib import Path

import data
from train import HELD, SEED


def main() -> None:
    path = Path(sys.argv[1])
    held = data.held_out(data.outcomes(path), HELD, SEED)
    for kept, (_, row) in zip(held, data.lines(path)):
        if kept:
            print(json.dumps({k: row[k] for k in ("text", "weak", "strong")}))


if __name__ == "__main__":
    main()

#!/usr/bin/env bash
# Measures the embedded bundle with bin/vsr-proxy and writes its card, README.md beside the model, and the pictures
# of docs/.
#
#   card.sh DIR     DIR holds the rows that train.sh takes
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
data=${1:?the folder of the rows}
out=$root/.cache/train/card
bundle=$root/classify/models/default
mkdir -p "$out"

measure() { # name of the result, head, file
  echo "card: $1" >&2
  "$root/bin/vsr-proxy" eval --json --head "$2" --svg "$out/$1" "$data/$3" > "$out/$1.json"
}
measure domain domain domain_dev.jsonl.gz
measure jailbreak jailbreak jailbreak_dev.jsonl.gz
measure pii pii pii_dev.jsonl.gz
measure complexity complexity outcomes/mmlu_weak_strong.dev.jsonl.gz
"$root/.cache/train-venv/bin/python" "$root/scripts/train/unseen.py" "$data/outcomes/mmlu_weak_strong.dev.jsonl.gz" "$out"
data=$out measure complexity-held complexity held.jsonl
data=$out measure complexity-judged complexity judged.jsonl
data=$out measure domain-users domain users.jsonl
mkdir -p "$root/docs/classifiers"
cp "$out/domain/confusion.svg" "$root/docs/classifiers/domain-confusion.svg"
cp "$out/domain/reliability.svg" "$root/docs/classifiers/domain-calibration.svg"
cp "$out/jailbreak/roc.svg" "$root/docs/classifiers/jailbreak-roc.svg"
cp "$out/jailbreak/reliability.svg" "$root/docs/classifiers/jailbreak-calibration.svg"
cp "$out/complexity-held/cost_quality.svg" "$root/docs/classifiers/complexity-held.svg"
cp "$out/complexity-judged/cost_quality.svg" "$root/docs/classifiers/complexity-judged.svg"
cp "$out/complexity-held/reliability.svg" "$root/docs/classifiers/complexity-calibration.svg"
python3 "$root/scripts/train/card.py" "$out" "$bundle/manifest.json" "$bundle/model.onnx" > "$bundle/README.md.part"
mv "$bundle/README.md.part" "$bundle/README.md"

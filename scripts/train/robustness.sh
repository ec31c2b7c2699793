#!/usr/bin/env bash
# Prints, as a Markdown table, what hiding and disguising attacks costs the detector in bin/vsr-proxy.
#
#   robustness.sh DIR [CONFIG]    DIR holds the rows that train.sh takes
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/.cache/train/robustness
rm -rf "$out"
"$root/.cache/train-venv/bin/python" "$here/robustness.py" "$1" "$out"
echo "| attack | rows | found | false alarms |"
echo "| --- | --- | --- | --- |"
for file in "$out"/*.jsonl; do
  "$root/bin/vsr-proxy" eval ${2:+-c "$2"} --head jailbreak --json "$file" 2>/dev/null |
    python3 -c 'import json, sys
r = json.load(sys.stdin)
n = lambda v: "-" if v is None else f"{v:.3f}"
print("|", sys.argv[1], "|", r["n"], "|", n(r["recall"]), "|", n(r["fpr"]), "|")' "$(basename "$file" .jsonl)"
done

#!/usr/bin/env bash
# Prints, as a Markdown table, what hiding and disguising attacks costs the detector in bin/vsr-proxy.
#
#   robustness.sh DIR    DIR holds the rows that train.sh takes
#
# Every window is read: 64,000 tokens are more than the proxy reads by default.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/.cache/train/robustness
rm -rf "$out"
"$root/.cache/train-venv/bin/python" "$here/robustness.py" "$1" "$root/classify/models/default" "$out"
config=$out/config.yaml
cat > "$config" <<'YAML'
models: [{name: any, endpoints: [{url: "http://127.0.0.1:9/v1"}]}]
routing: {default_model: any}
classify: {max_windows: 1024, deadline: 10m}
YAML
echo "| attack | rows | found | false alarms |"
echo "| --- | --- | --- | --- |"
for file in "$out"/*.jsonl; do
  "$root/bin/vsr-proxy" eval -c "$config" --head jailbreak --json "$file" 2>/dev/null |
    python3 -c 'import json, sys
r = json.load(sys.stdin)
n = lambda v: "-" if v is None else f"{v:.3f}"
print("|", sys.argv[1], "|", r["n"], "|", n(r["recall"]), "|", n(r["fpr"]), "|")' "$(basename "$file" .jsonl)"
done

#!/usr/bin/env bash
# Trains the embedded classifiers. See README.md in this folder.
#
#   train.sh --data DIR [--out DIR] [--steps N] [--jobs N] [--version V] ...
#   train.sh --smoke
#
# --smoke runs the pipeline briefly, on a few generated rows beside the written ones, and writes nothing outside the cache.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/.cache/train
venv=$root/.cache/train-venv

# The marker is named after the requirements' content: edits install anew.
marker=$venv/.installed-$(sha256sum "$here/requirements.txt" | cut -c1-16)
if [[ ! -e $marker ]]; then
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  touch "$marker"
fi

if [[ ${1:-} != --smoke ]]; then
  exec "$venv/bin/python" "$here/train.py" --cache "$cache" --out "$root/classify/models/default" "$@"
fi

rows=$cache/smoke/data
out=$cache/smoke/bundle
rm -rf "$cache/smoke"
mkdir -p "$cache/base" "$cache/smoke"
ln -s "$cache/base" "$cache/smoke/base"
"$venv/bin/python" "$here/smoke.py" "$rows"
"$venv/bin/python" "$here/train.py" --data "$rows" --out "$out" --cache "$cache/smoke" \
  --steps 260 --layers 6 --pieces 40000 --documents 30 --shares domain=0.5,jailbreak=0.8,pii=0.14 --version 0.0.0-smoke
"$venv/bin/python" - "$out" <<'PY'
import hashlib, json, pathlib, sys
out = pathlib.Path(sys.argv[1])
manifest = json.loads((out / "manifest.json").read_text())
for name, digest in manifest["files"].items():
    if hashlib.sha256((out / name).read_bytes()).hexdigest() != digest:
        sys.exit(f"{name} does not have the digest of the manifest")
found = {h["name"]: h["accuracy"]["top1"] for h in manifest["heads"] if "accuracy" in h}
least = {"domain": 0.4, "jailbreak": 0.8, "complexity": 0.9}
if any(found[name] < floor for name, floor in least.items()):
    sys.exit(f"accuracy {found} on rows that are easy, expected at least {least}")
print(f"smoke: ok, accuracy {found}")
PY

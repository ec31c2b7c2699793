#!/usr/bin/env bash
# Trains the embedded domain classifier. See README.md in this folder.
#
#   train.sh --data DIR [--out DIR] [--recipe head|finetune] [--epochs N] [--foreign N] [--jobs N] [--version V]
#   train.sh --smoke [--recipe finetune]
#
# --smoke runs the pipeline on a few generated rows and writes nothing outside the cache.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/.cache/train
venv=$root/.cache/train-venv
smoke=no
recipe=
args=()
while (($#)); do
  case $1 in
    --smoke) smoke=yes; shift ;;
    --recipe) recipe=${2:?--recipe needs a value}; shift 2 ;;
    *) args+=("$1"); shift ;;
  esac
done
if [[ -z $recipe ]]; then
  # The smoke form is for every CI run, and torch is some gigabytes.
  [[ $smoke == yes ]] && recipe=head || recipe=finetune
fi

# One marker per requirements file, named after its content: edits reinstall.
install() {
  local marker
  marker=$venv/.installed-$(sha256sum "$1" | cut -c1-16)
  [[ -e $marker ]] && return
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$1"
  touch "$marker"
}
install "$here/requirements.txt"
if [[ $recipe == finetune ]]; then
  install "$here/requirements-finetune.txt"
fi

if [[ $smoke == yes ]]; then
  rows=$cache/smoke/data
  out=$cache/smoke/bundle
  rm -rf "$cache/smoke"
  "$venv/bin/python" "$here/smoke.py" "$rows"
  mkdir -p "$cache/base"
  ln -s "$cache/base" "$cache/smoke/base"
  "$venv/bin/python" "$here/train.py" --data "$rows" --out "$out" --cache "$cache/smoke" \
    --recipe "$recipe" --epochs 1 --foreign 1 --version 0.0.0-smoke
  "$venv/bin/python" - "$out" <<'PY'
import hashlib, json, pathlib, sys
out = pathlib.Path(sys.argv[1])
manifest = json.loads((out / "manifest.json").read_text())
for name, digest in manifest["files"].items():
    if hashlib.sha256((out / name).read_bytes()).hexdigest() != digest:
        sys.exit(f"{name} does not have the digest of the manifest")
if manifest["accuracy"]["top1"] < 0.8:
    sys.exit(f"accuracy {manifest['accuracy']['top1']} on rows that are easy")
print(f"smoke: ok, accuracy {manifest['accuracy']['top1']}")
PY
  exit
fi
exec "$venv/bin/python" "$here/train.py" --cache "$cache" --recipe "$recipe" \
  --out "$root/classify/models/domain" "${args[@]}"

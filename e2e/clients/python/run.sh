#!/usr/bin/env bash
# The openai package for Python, unmodified, against $OPENAI_BASE_URL. Its virtual environment is kept in .cache.
set -euo pipefail
cd "$(dirname "$0")"
: "${OPENAI_BASE_URL:?set it to the base URL of the proxy, for instance http://127.0.0.1:8801/v1}"

version=$(sed -n 's/^openai==\([^ ;]*\).*/\1/p' requirements.txt)
venv=$PWD/../../../.cache/e2e-python-$version
if ! cmp -s requirements.txt "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
  cp requirements.txt "$venv/requirements.txt"
fi
exec "$venv/bin/python" -B test_openai.py "$@"

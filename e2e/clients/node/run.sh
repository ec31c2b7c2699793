#!/usr/bin/env bash
# The openai package for Node, unmodified, against $OPENAI_BASE_URL. node_modules is kept in .cache.
set -euo pipefail
cd "$(dirname "$0")"
: "${OPENAI_BASE_URL:?set it to the base URL of the proxy, for instance http://127.0.0.1:8801/v1}"

version=$(node -p 'require("./package.json").dependencies.openai')
home=$PWD/../../../.cache/e2e-node-$version
mkdir -p "$home"
if ! cmp -s package-lock.json "$home/installed-lock.json"; then
  cp package.json package-lock.json .npmrc "$home/"
  (cd "$home" && npm ci --ignore-scripts --loglevel=error >&2)
  cp package-lock.json "$home/installed-lock.json"
fi
cp openai.test.mjs "$home/" # Node looks for packages beside the file

log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0
(cd "$home" && node --test --test-reporter=tap openai.test.mjs) >"$log" || code=$?
count() { sed -n "s/^# $1 //p" "$log"; }
if ((code)) || [ -z "$(count pass)" ]; then cat "$log"; fi
echo "openai-node $version (node $(node -p process.version)): $(count pass) passed, $(($(count fail) + $(count cancelled))) failed"
exit "$code"

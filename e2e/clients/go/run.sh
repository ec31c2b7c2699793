#!/usr/bin/env bash
# go-openai, unmodified, against $OPENAI_BASE_URL.
set -euo pipefail
cd "$(dirname "$0")"
: "${OPENAI_BASE_URL:?set it to the base URL of the proxy, for instance http://127.0.0.1:8801/v1}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0
go test -tags e2e -count 1 -timeout 5m -v . >"$log" 2>&1 || code=$?
count() { grep -c "^--- $1: " "$log" || true; }
if ((code)) || [ "$(count PASS)" = 0 ]; then cat "$log"; fi
sed -n '/^--- SKIP/{p;n;p}' "$log"
echo "go-openai $(go list -m -f '{{.Version}}' github.com/sashabaranov/go-openai): $(count PASS) passed, $(count FAIL) failed"
exit "$code"

#!/usr/bin/env bash
# Starts bin/vsr-proxy demo on free ports and runs every client suite against it. Arguments name suites; none is all.
# Ends with "N passed, N failed"; exit status 1 if any case failed or a suite did not run.
set -uo pipefail
cd "$(dirname "$0")/.."

declare -A suites=(
  [python]=e2e/clients/python/run.sh
  [node]=e2e/clients/node/run.sh
  [go]=e2e/clients/go/run.sh
  [curl]=e2e/clients/curl.sh
)
order=(curl go python node)
chosen=("${@:-${order[@]}}")
for name in "${chosen[@]}"; do
  [ -n "${suites[$name]:-}" ] || { echo "no suite $name; there are: ${order[*]}" >&2; exit 2; }
done
[ -x bin/vsr-proxy ] || { echo "bin/vsr-proxy is not there: make build" >&2; exit 2; }

work=$(mktemp -d)
proxy=
finish() {
  if [ -n "$proxy" ]; then
    kill "$proxy" 2>/dev/null
    wait "$proxy" 2>/dev/null
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

give_up() {
  echo "$1; the proxy's log:" >&2
  tail -n 50 "$work/log" >&2
  exit 1
}

bin/vsr-proxy demo --listen 127.0.0.1:0 --admin 127.0.0.1:0 --json-ready --token-delay 0s >"$work/ready" 2>"$work/log" &
proxy=$!
for _ in $(seq 300); do # 30 s: a first start on a busy machine
  [ -s "$work/ready" ] && break
  kill -0 "$proxy" 2>/dev/null || give_up "the proxy did not start"
  sleep 0.1
done
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$work/ready"; }
OPENAI_BASE_URL=$(field base_url)
VSR_ADMIN_URL=$(field admin_url)
export OPENAI_BASE_URL VSR_ADMIN_URL NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
[ -n "$OPENAI_BASE_URL" ] && [ -n "$VSR_ADMIN_URL" ] || give_up "the proxy was not ready in 30 s"
curl --silent --fail --output /dev/null --max-time 5 --retry 20 --retry-delay 1 --retry-all-errors "$VSR_ADMIN_URL/readyz" ||
  give_up "readyz says no"

passed=0 failed=0 lines=()
for name in "${chosen[@]}"; do
  echo "-- $name: ${suites[$name]}"
  "${suites[$name]}" 2>&1 | tee "$work/out"
  code=${PIPESTATUS[0]}
  line=$(tail -n 1 "$work/out")
  if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    [ "$code" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || failed=$((failed + 1))
  else
    failed=$((failed + 1)) line="$name: did not run to its end (exit status $code)"
  fi
  lines+=("$line")
done

kill -0 "$proxy" 2>/dev/null || { failed=$((failed + 1)) && lines+=("the proxy did not outlive its clients") && tail -n 50 "$work/log"; }
if grep -qE '^(panic:|fatal error:|WARNING: DATA RACE)|panic serving' "$work/log"; then
  failed=$((failed + 1)) && lines+=("the proxy's log has a panic or a data race") && grep -nE -A 20 'panic|fatal error|DATA RACE' "$work/log"
fi
echo
printf '%s\n' "${lines[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# Runs every native fuzz target of the module for a time each.
#
#   scripts/fuzz.sh [TIME]     20s if absent; a crasher fails the run and is kept under testdata/fuzz
#
# Modules in folders of their own are left out: to instrument what they import takes far longer than it fuzzes. Their
# seeds run with their tests.
#
# Minimising is bounded, or large seeds would take the whole time of a target.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
passed=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT

# Up to Go 1.26 the end of the time itself may be reported as a failure (go.dev/issue/75804): the target has then run
# its whole time, and there is no failing input. Everything else that is not success fails.
only_the_deadline() {
  grep -qE '^ +context deadline exceeded$' "$said" && ! grep -qE 'Failing input|panic|^ +[a-z_]+_test\.go:' "$said"
}

others=$(git ls-files '*/go.mod' | xargs -n 1 dirname | sed 's#.*#^&/#' | paste -sd '|')
while IFS=: read -r file target; do
  package=./$(dirname "$file")
  echo "== $package $target"
  if ! go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 50x "$package" 2>&1 | tee "$said"; then
    only_the_deadline
    echo "fuzz: $target ran its time; that its end was reported as a failure is go.dev/issue/75804"
  fi
  passed=$((passed + 1))
done < <(git ls-files '*_test.go' | grep -vE "$others" | xargs grep -HoE '^func Fuzz[A-Za-z0-9]+' | sed 's/func //')
echo "$passed passed, 0 failed"

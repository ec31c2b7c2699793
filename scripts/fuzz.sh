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
others=$(git ls-files '*/go.mod' | xargs -n 1 dirname | sed 's#.*#^&/#' | paste -sd '|')
while IFS=: read -r file target; do
  package=./$(dirname "$file")
  echo "== $package $target"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 50x "$package"
  passed=$((passed + 1))
done < <(git ls-files '*_test.go' | grep -vE "$others" | xargs grep -HoE '^func Fuzz[A-Za-z0-9]+' | sed 's/func //')
echo "$passed passed, 0 failed"

#!/usr/bin/env bash
# Runs the README's demo for real: starts `vsr-proxy demo` on free ports, runs the commands below and prints a transcript
# in which ids, dates, times and scores are replaced, because they differ from run to run or from CPU to CPU.
#
#   scripts/readme-demo.sh            print the transcript
#   scripts/readme-demo.sh --check    compare it with the one in README.md; a difference is shown and exits with 1
#   scripts/readme-demo.sh --update   write it into README.md
#
# BINARY names another binary than bin/vsr-proxy.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${BINARY:-bin/vsr-proxy}
work=$(mktemp -d)
demo=''
cleanup() {
  [ -z "$demo" ] || { kill -INT "$demo" 2>/dev/null && wait "$demo" 2>/dev/null; } || true
  rm -rf "$work"
}
trap cleanup EXIT
die() { echo "readme-demo: $*" >&2; exit 1; }

# start runs the demo and waits for the line that says where it listens.
start() {
  [ -x "$binary" ] || die "no $binary: make build"
  "$binary" demo --listen 127.0.0.1:0 --admin 127.0.0.1:0 --token-delay 0s --json-ready >"$work/ready" 2>"$work/log" &
  demo=$!
  for _ in $(seq 300); do
    [ ! -s "$work/ready" ] || break
    kill -0 "$demo" 2>/dev/null || { cat "$work/log" >&2; die "the demo ended"; }
    sleep 0.1
  done
  OPENAI_BASE_URL=$(sed -n 's/.*"base_url":"\([^"]*\)".*/\1/p' "$work/ready")
  ADMIN=$(sed -n 's/.*"admin_url":"\([^"]*\)".*/\1/p' "$work/ready")
  [ -n "$OPENAI_BASE_URL" ] && [ -n "$ADMIN" ] || { cat "$work/log" >&2; die "the demo did not get ready in 30 s"; }
  export OPENAI_BASE_URL ADMIN
}

# normal replaces what no two runs have in common.
normal() {
  tr -d '\r' | sed -E \
    -e 's/^(Date: ).*/\1Thu, 01 Jan 1970 00:00:00 GMT/' \
    -e 's/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/00000000-0000-7000-8000-000000000000/g' \
    -e 's/(chatcmpl|cmpl|resp)-[0-9a-f]{16}/\1-0000000000000000/g' \
    -e 's/"created":[0-9]+/"created":0/g' \
    -e 's/^(X-Vsr-Confidence: ).*/\1#.###/' \
    -e 's/(ok: [a-z ]+|categories|confidence) [01]\.[0-9]{3}/\1 #.###/g' \
    -e 's/[0-9]+\.[0-9] (ms|µs)/#/g' -e 's/ +$//'
}

# say runs one command and prints it as a reader would type it.
say() {
  echo "\$ $1"
  local output
  output=$(PATH="$(cd "$(dirname "$binary")" && pwd):$PATH" bash -c "$1" 2>/dev/null | normal)
  printf '%s\n\n' "$output"
}

note() { echo "# $1"; }

transcript() {
  note 'Mathematics: the classifier says math, the decision "math" picks phi4-mini.'
  say 'curl -i $OPENAI_BASE_URL/chat/completions -H "Content-Type: application/json" \
    -d '\''{"model": "auto", "messages": [{"role": "user", "content": "What is 2+2 * (5-1)?"}]}'\'
  note 'History: no decision matches, the default model serves.'
  say 'curl -sD - -o /dev/null $OPENAI_BASE_URL/chat/completions -H "Content-Type: application/json" \
    -d '\''{"model": "auto", "messages": [{"role": "user", "content": "Why did the Roman Empire fall?"}]}'\'' | grep X-Vsr'
  note 'A model by name is honoured and costs no classification. Streams pass as they come.'
  say 'curl -N $OPENAI_BASE_URL/chat/completions -H "Content-Type: application/json" \
    -d '\''{"model": "llama3-8b", "stream": true, "max_tokens": 2, "messages": [{"role": "user", "content": "Hello!"}]}'\'
  note 'Why? The same walk with nothing sent.'
  say 'vsr-proxy explain "Why did the Roman Empire fall?" | grep -v runners-up'
  note 'What happened so far.'
  say 'curl -s $ADMIN/metrics | grep ^llm_decision_match_total'
}

# readme prints README.md with the transcript in its place.
readme() {
  awk -v file="$1" '
    /<!-- demo:begin -->/ { print; print "```console"; while ((getline line < file) > 0) print line; print "```"; skip = 1 }
    /<!-- demo:end -->/   { skip = 0; found = 1 }
    !skip                 { print }
    END                   { exit !found }
  ' README.md || die "README.md lacks the markers demo:begin and demo:end"
}

mode=${1-}
case $mode in
  '' | --check | --update) ;;
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) die "unknown argument: $mode" ;;
esac
start
transcript | sed '$d' >"$work/transcript"
case $mode in
  '') cat "$work/transcript" ;;
  --check)
    readme "$work/transcript" >"$work/README.md"
    if ! diff -u --label README.md --label "what the demo prints" README.md "$work/README.md"; then
      die "the README's transcript is out of date: scripts/readme-demo.sh --update"
    fi
    echo "README.md: the demo's transcript is as printed"
    ;;
  --update)
    readme "$work/transcript" >"$work/README.md"
    cat "$work/README.md" >README.md
    ;;
esac

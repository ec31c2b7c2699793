#!/usr/bin/env bash
# curl against $OPENAI_BASE_URL: what can only be seen below an SDK - bytes, headers, HTTP versions.
set -uo pipefail
: "${OPENAI_BASE_URL:?set it to the base URL of the proxy, for instance http://127.0.0.1:8801/v1}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chat=$OPENAI_BASE_URL/chat/completions
passed=0 failed=0

# check NAME CONDITION...: the condition is a command; what it and the last request said is shown when it fails.
check() {
  local name=$1
  shift
  if "$@" >"$work/why" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $name: $*"
    head -c 2000 "$work/why" "$work/head" "$work/body" 2>/dev/null
    echo
  fi
}

# send ARGS...: one request; status in $status, HTTP version in $version, $work/head and $work/body hold the answer.
send() {
  local said
  : >"$work/head" >"$work/body"
  said=$(curl --silent --show-error --max-time 30 --noproxy '*' -D "$work/head" -o "$work/body" -w '%{http_code} %{http_version}' "$@" 2>"$work/err")
  code=$?
  read -r status version <<<"${said:-000 0}"
}
post() { send -H 'Content-Type: application/json' "$@" "$chat"; }

header() { sed -n "s/^$1: *\(.*\)\r\$/\1/Ip" "$work/head"; }
is() { [ "$1" = "$2" ] || { echo "got '$1', want '$2'"; return 1; }; }
says() { grep -q -e "$1" "$work/body" || { echo "no '$1' in the body"; return 1; }; }
envelope() { is "$status" "$1" && says '"error"' && says '"message"' && says '"param"' && says '"code"' && is "$(header content-type)" application/json; }
digest() { sha256sum "$1" | cut -d' ' -f1; }

body() { printf '{"model":"%s","messages":[{"role":"user","content":"%s"}]%s}' "$1" "$2" "${3:-}"; }

post --data "$(body auto 'What is 2+2 * (5-1)?')"
check 'plain' is "$status" 200
check 'plain: mathematics' is "$(header x-vsr-selected-model)" phi4-mini
check 'plain: one request id' is "$(header x-request-id | wc -l | tr -d ' ')" 1

post -N --data "$(body auto 'Why did the Roman Empire fall?' ',"stream":true')"
check '-N stream' is "$status" 200
check '-N stream: history' is "$(header x-vsr-selected-model)" llama3-8b
check '-N stream: type' is "$(header content-type)" 'text/event-stream; charset=utf-8'
check '-N stream: ends properly' is "$(tail -n 2 "$work/body" | head -n 1)" 'data: [DONE]'
check '-N stream: only events' is "$(grep -vc -e '^data: ' -e '^$' "$work/body")" 0

# B7: with the model's own name the body passes byte for byte, whatever its spelling and its unknown fields.
printf '%s' '{ "messages" : [ {"content":"Se\u00f1or \ud83d\ude00 caf\u00e9 é","role":"user", "x":[1e400, 0.10, 9223372036854775808]} ] ,"model":"llama3-8b","unknown_field":{"b":1,"a":2} }' >"$work/exact"
post --data-binary "@$work/exact"
check 'B7 body unchanged' is "$(header x-simulated-body-sha256)" "$(digest "$work/exact")"

# A body over 1 MiB makes curl ask with "Expect: 100-continue" before it sends it.
{
  printf '{"model":"llama3-8b","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,'
  head -c 1500000 /dev/zero | base64 -w 0
  printf '"}}]}]}'
} >"$work/large"
post -H 'Expect: 100-continue' --data-binary "@$work/large"
check 'expect: 100 Continue first' is "$(head -n 1 "$work/head" | tr -d '\r')" 'HTTP/1.1 100 Continue'
check 'expect: answered' says '1 image(s)'
check 'expect: body unchanged' is "$(header x-simulated-body-sha256)" "$(digest "$work/large")"
post -H 'Transfer-Encoding: chunked' --data-binary "@$work/large"
check 'chunked upload unchanged' is "$(header x-simulated-body-sha256)" "$(digest "$work/large")"

post --http2-prior-knowledge --data "$(body auto 'What is 2+2 * (5-1)?')"
check 'h2c' is "$version $status $(header x-vsr-selected-model)" '2 200 phi4-mini'
post --http2-prior-knowledge -N --data "$(body auto 'Why did the Roman Empire fall?' ',"stream":true')"
check 'h2c stream' is "$version $status $(tail -n 2 "$work/body" | head -n 1)" '2 200 data: [DONE]'
post --http2-prior-knowledge --data-binary "@$work/large"
check 'h2c large body unchanged' is "$version $(header x-simulated-body-sha256)" "2 $(digest "$work/large")"

# U5: a stream that breaks must not look whole.
post -N --data "$(body llama3-8b 'simulate:reset' ',"stream":true')"
check 'U5 broken stream is an error to curl' test "$code" -ne 0
check 'U5 broken stream has what came' says 'llama3'
check 'U5 broken stream has no end mark' is "$(grep -c DONE "$work/body")" 0

# L4: a client that leaves is noticed by the backend.
stats() { post --data "$(body llama3-8b simulate:stats)"; sed -n 's/.*\\"cancelled\\":\([0-9]*\).*/\1/p' "$work/body"; }
before=$(stats)
post -N --max-time 0.5 --data "$(body llama3-8b 'simulate:stall' ',"stream":true')"
check 'L4 abort: curl gave up' is "$code" 28
for _ in $(seq 100); do
  after=$(stats)
  [ "${after:-0}" -gt "${before:-0}" ] && break
  sleep 0.05
done
check 'L4 abort reaches the backend' test "${after:-0}" -gt "${before:-0}"

# U9: a backend's error passes with its headers.
post --data "$(body llama3-8b 'simulate:error:429')"
check 'U9 429' envelope 429
check 'U9 429: Retry-After' is "$(header retry-after)" 1

# Requests that the proxy answers itself.
post --data '{"model":"auto"'
check 'B5 no JSON' envelope 400
post --data '{"model":"auto","model":"auto","messages":[{"role":"user","content":"x"}]}'
check 'B4 duplicate field' envelope 400
post --data '{"model":"auto"}'
check 'B9 no messages' envelope 400
check 'B9 no messages: param' says '"param":"messages"'
post -H 'x_selected_model: phi4-mini' --data "$(body auto hi)"
check 'H1 disguised header' envelope 400
post -H 'X-Selected-Model: phi4-mini' --data "$(body auto 'Why did the Roman Empire fall?')"
check 'H1 reserved header does not choose' is "$(header x-simulated-selected-model)" llama3-8b
post -H 'Content-Encoding: gzip' --data-binary "@$work/exact"
check 'B6 encoded body' envelope 415
send -H 'Content-Type: text/plain' --data "$(body auto hi)" "$chat"
check 'B8 other type' envelope 415
send "$OPENAI_BASE_URL/no/such/thing"
check 'H9 unknown path' envelope 404
send --path-as-is "$OPENAI_BASE_URL/../metrics"
check 'H9 no way up' envelope 404
send "$OPENAI_BASE_URL/models"
check 'models' is "$status" 200

echo "$(curl --version | sed -n '1s/^\(curl [^ ]*\).*/\1/p'): $passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# Holds what the documentation says against the program:
#
#   - every block that starts with ```yaml config, in README.md and below docs/ and deploy/, passes `vsr-proxy check`;
#     so do config.yaml and config.yaml with its commented-out keys (make manifests checks those of the manifests);
#   - docs/configuration.md has every key there is, with its default, and no other;
#   - the classifier's figures in README.md are those of its card; with --update they are written;
#   - docs/dependencies.md has every direct requirement of go.mod;
#   - local links lead to files that exist, and tests name no hazard that docs/hazards.md lacks.
#
# BINARY names another binary than bin/vsr-proxy.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${BINARY:-bin/vsr-proxy}
work=$(mktemp -d)
server='' failed=0 passed=0
cleanup() {
  [ -z "$server" ] || { kill -INT "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  rm -rf "$work"
}
trap cleanup EXIT
bad() { echo "check-docs: $*" >&2; failed=$((failed + 1)); }
good() { passed=$((passed + 1)); }

# Keys that examples name, in every way in which they may name them.
mkdir -p "$work/config/keys" "$work/keys"
export CLIENT_KEY=example OPENAI_API_KEY=example
for folder in "$work/config/keys" "$work/keys"; do echo example >"$folder/apps"; done

# check NAME FILE: the file is a whole configuration that loads.
check() {
  cp "$2" "$work/config/config.yaml"
  if output=$("$binary" check -c "$work/config/config.yaml" 2>&1); then good; else bad "$1: $output"; fi
}

# blocks FILE writes each marked block to a file of its own, named by its line.
blocks() {
  awk -v out="$work/block" '
    /^```yaml config$/ { file = out "-" NR; inside = 1; next }
    /^```/ && inside   { inside = 0; close(file); print file; next }
    inside             { print > file }
  ' "$1"
}

pages() { git ls-files -co --exclude-standard -- '*.md' | grep -v /testdata/ | sort -u | while read -r page; do [ ! -f "$page" ] || echo "$page"; done; }

check_configs() {
  local page block
  for page in $(pages); do
    for block in $(blocks "$page"); do check "$page:${block##*-}" "$block"; done
  done
  check config.yaml config.yaml
  # A commented-out key is "# key:" or "# - key:"; prose has no word with a colon there.
  sed -E 's/^( *)# ( *(- )?[a-z_0-9]+:( |$))/\1\2/' config.yaml >"$work/all.yaml"
  check "config.yaml, comments taken away" "$work/all.yaml"
}

# serve_full starts the proxy with one item in every list, so that /config shows every key, and prints the admin address.
serve_full() {
  cat >"$work/full.yaml" <<YAML
server: {listen: "127.0.0.1:0", api_keys: [{name: a, env: CLIENT_KEY}]}
admin: {listen: "127.0.0.1:0"}
classify: {heads: [{head: domain, model_dir: "$PWD/classify/models/default"}]}
models: [{name: m, endpoints: [{url: "http://127.0.0.1:9/v1"}]}]
routing:
  default_model: m
  signals:
    keywords: [{name: k, operator: OR, keywords: [w]}]
    domains: [{name: d, categories: [math]}]
    jailbreak: [{name: j}]
    pii: [{name: p}]
    complexity: [{name: c}]
  decisions: [{name: x, model: m, rules: {type: keyword, name: k}}]
YAML
  : >"$work/log"
  "$binary" serve -c "$work/full.yaml" 2>"$work/log" &
  server=$!
  for _ in $(seq 300); do
    ! grep -q 'msg=ready' "$work/log" || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  admin=$(sed -n 's/.*msg=ready.* admin=\([^ ]*\).*/\1/p' "$work/log")
  [ -n "$admin" ] || { cat "$work/log" >&2; bad "serve did not get ready"; return 1; }
}

check_keys() {
  serve_full || return 0
  curl -sf "http://$admin/config" >"$work/config.json" || { bad "no /config"; return 0; }
  if python3 - "$work/config.json" docs/configuration.md <<'PY'; then good; else failed=$((failed + 1)); fi
import json, re, sys

given = {  # what serve_full set, and what stands for it in the documentation
    "server.listen": "127.0.0.1:8801", "admin.listen": "127.0.0.1:8802", "routing.default_model": "",
}
seconds = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}

def plain(value):
    """One spelling for a value as /config and as the page write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(value) + "]"
    text = str(value)
    if re.fullmatch(r"(\d+(h|ms|m|s))+", text):
        return sum(int(n) * seconds[u] for n, u in re.findall(r"(\d+)(h|ms|m|s)", text))
    return text

def leaves(value, path):
    if path.endswith(".rules"):
        yield path, None  # a tree, described in the text
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from leaves(value[0], path + "[]")
    else:
        yield path, value

program = dict(leaves(json.load(open(sys.argv[1])), ""))
page = {}
for line in open(sys.argv[2], encoding="utf-8"):
    row = re.match(r"\| `([a-z_0-9.\[\]]+)` \| (?:`([^`]*)`)? *\|", line)
    if row:
        page[row[1]] = row[2] or ""

wrong = [f"{key} is not in docs/configuration.md" for key in sorted(program.keys() - page.keys())]
wrong += [f"docs/configuration.md has {key}, the program does not" for key in sorted(page.keys() - program.keys())]
for key in sorted(program.keys() & page.keys()):
    if "[]" in key and not page[key]:
        continue  # no default: the item above set it
    value = given.get(key, program[key])
    if value is not None and plain(value) != plain(page[key]):
        wrong.append(f"{key}: docs/configuration.md says {page[key]!r}, the program {value!r}")
for line in wrong:
    print("check-docs:", line, file=sys.stderr)
sys.exit(bool(wrong))
PY
}

# readme prints README.md with the first table below "## Measured" of the classifier's card in its place.
readme() {
  awk '/^## Measured/ { m = 1 } m && /^\|/ { t = 1; print } t && !/^\|/ { exit }' classify/models/default/README.md >"$work/card"
  awk -v file="$work/card" '
    /<!-- card:begin -->/ { print; print ""; while ((getline line < file) > 0) print line; print ""; skip = 1 }
    /<!-- card:end -->/   { skip = 0 }
    !skip                 { print }
  ' README.md
}

check_card() {
  readme >"$work/README.md"
  if diff -u --label README.md --label "the model's card" README.md "$work/README.md" >&2; then good; else
    bad "README.md has other figures than classify/models/default/README.md: scripts/check-docs.sh --update"
  fi
}

check_dependencies() {
  local module before=$failed
  while read -r module; do
    grep -qF "\`$module\`" docs/dependencies.md || bad "docs/dependencies.md lacks $module"
  done < <(sed -nE '/\/\/ indirect/d; s/^(require)?[[:space:]]+([a-z0-9.-]+\.[a-z]+\/[^ ]+) v.*/\2/p' go.mod)
  [ "$failed" != "$before" ] || good
}

check_links() {
  local page target before=$failed
  for page in $(pages); do
    while read -r target; do
      [ -e "$(dirname "$page")/${target%%#*}" ] || bad "$page: no file $target"
    done < <(grep -oE '\]\([^)#: ]+(#[^)]*)?\)' "$page" | sed -E 's/^\]\(|\)$//g')
  done
  [ "$failed" != "$before" ] || good
}

case ${1-} in
  '') ;;
  --update) readme >"$work/README.md" && cat "$work/README.md" >README.md; exit 0 ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 1 ;;
esac
[ -x "$binary" ] || { echo "check-docs: no $binary: make build" >&2; exit 1; }
check_configs
check_keys
check_card
check_dependencies
check_links
if scripts/hazards.sh --check; then good; else failed=$((failed + 1)); fi
echo "check-docs: $passed passed, $failed failed"
[ "$failed" = 0 ]

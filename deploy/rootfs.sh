#!/usr/bin/env bash
# Lays out the root of the image in a folder: the binary and ONNX Runtime from bin/, the shared libraries that they link
# (as the machine that built them has them, so they fit), certificates, and a user. Nothing else.
#
#   deploy/rootfs.sh FOLDER      after make build; the folder must not exist
set -euo pipefail
die() { echo "rootfs: $*" >&2; exit 1; }

[ $# = 1 ] || die "usage: deploy/rootfs.sh FOLDER"
root=$1
source=$(cd "$(dirname "$0")/.." && pwd)
[ ! -e "$root" ] || die "$root exists"
[ -x "$source/bin/vsr-proxy" ] || die "bin/vsr-proxy is missing: run make build"

mkdir -p "$root"/{opt/vsr-proxy,etc/ssl/certs,etc/vsr-proxy,tmp,proc,sys,dev}
cp "$source/bin/vsr-proxy" "$source/bin/libonnxruntime.so" "$root/opt/vsr-proxy/"
cp "$source/LICENSE" "$source/NOTICE" "$root/opt/vsr-proxy/"
cp "$source"/.cache/onnxruntime-*/{LICENSE,ThirdPartyNotices.txt} "$root/opt/vsr-proxy/" 2>/dev/null ||
  die "the runtime's licences are missing: run make deps"

# ldd prints "name => path (address)", and the loader as "path (address)".
libraries=$(ldd "$root/opt/vsr-proxy/vsr-proxy" "$root/opt/vsr-proxy/libonnxruntime.so")
! grep -q 'not found' <<<"$libraries" || die "a shared library is missing: $libraries"
grep -o '/[^ ]* (0x' <<<"$libraries" | cut -d' ' -f1 | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'nonroot:x:65532:65532::/:/sbin/nologin' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
chmod 1777 "$root/tmp"

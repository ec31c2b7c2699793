#!/usr/bin/env bash
# Puts the ONNX Runtime library that the binary loads at start under .cache/, from the wheel on PyPI.
# Done once; then it only checks the hashes again.
#
#   scripts/onnxruntime.sh         .cache/onnxruntime-1.24.4/libonnxruntime.so       (CPU; 15 to 17 MB to download)
#   scripts/onnxruntime.sh --gpu   .cache/onnxruntime-gpu-1.24.4/libonnxruntime.so   (253 MB) with the CUDA and TensorRT
#                                  providers beside it; x86-64 Linux only. It needs the driver, CUDA 12 and cuDNN 9
#                                  of the machine, which are not fetched here.
#
# CPU libraries are pinned for Linux on x86-64 and aarch64 (glibc 2.27 or newer) and for macOS 14 on Apple silicon;
# only the first of them is run by the tests. The wheel and every file taken from it must have the SHA-256 written
# below. The same hashes are compiled into the binary (classify/onnx/known.go; a test there compares the two lists).
set -euo pipefail

version=1.24.4

root=$(cd "$(dirname "$0")/.." && pwd)
die() { echo "onnxruntime: $*" >&2; exit 1; }
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; }
sha256() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1; }

# files: one line per file, SHA-256, name in the wheel's onnxruntime/capi, name here.
pins() {
  case $1 in
    onnxruntime-linux-x86_64)
      platform=manylinux_2_27_x86_64
      wheel=e54ad52e61d2d4618dcff8fa1480ac66b24ee2eab73331322db1049f11ccf330
      files="2d518e11c7767f9fdc4413bdbeb45acf30db504ff76a82fc19d9238a3f9f6c24 libonnxruntime.so.$version libonnxruntime.so"
      ;;
    onnxruntime-linux-aarch64)
      platform=manylinux_2_27_aarch64
      wheel=046ff290045a387676941a02a8ae5c3ebec6b4f551ae228711968c4a69d8f6b7
      files="f373ae5fd4d878ed17ebea26e5480bd3d0a15e3bd6bc94b878e6c1b73998d22a libonnxruntime.so.$version libonnxruntime.so"
      ;;
    onnxruntime-darwin-arm64)
      platform=macosx_14_0_arm64
      wheel=0bdfce8e9a6497cec584aab407b71bf697dac5e1b7b7974adc50bf7533bdb3a2
      files="f7a4418c1fbbb12705f26991c52cd9e4a90c54d4802c487d0facb20897790fe9 libonnxruntime.$version.dylib libonnxruntime.dylib"
      ;;
    onnxruntime-gpu-linux-x86_64)
      platform=manylinux_2_27_x86_64
      wheel=c2a698659271c28220b3f56fe9b63f70eae3b3c36afa544201bf750b929a36dc
      files="b10825f4306b01a4951c528554f2495c4597080c63637b300669544d9c142e76 libonnxruntime.so.$version libonnxruntime.so
086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d libonnxruntime_providers_shared.so libonnxruntime_providers_shared.so
3c4645a1f7c9b687b5480b8bd6235311b139b657a7ebee19f95c7340efac1c76 libonnxruntime_providers_cuda.so libonnxruntime_providers_cuda.so
e735b9fdc61a3953940d1be32cada651738ccb1f570cde8a3a3d1b0cf98290e2 libonnxruntime_providers_tensorrt.so libonnxruntime_providers_tensorrt.so"
      ;;
    *) return 1 ;;
  esac
}

# complete DIR: every file is there with its hash.
complete() {
  local hash inside name
  while read -r hash inside name; do
    [ -f "$1/$name" ] && [ "$(sha256 "$1/$name")" = "$hash" ] || return 1
  done <<<"$files"
}

# unpack WHEEL DIR takes the pinned files and the licences out of the wheel.
unpack() {
  python3 - "$1" "$2" <<PY
import shutil, sys, zipfile
wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as z:
    names = [("onnxruntime/LICENSE", "LICENSE"), ("onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt")]
    names += [("onnxruntime/capi/" + line.split()[1], line.split()[2]) for line in """$files""".splitlines()]
    for inside, name in names:
        with z.open(inside) as src, open(folder + "/" + name, "wb") as dst:
            shutil.copyfileobj(src, dst)
PY
}

package=onnxruntime
case ${1-} in
  '') ;;
  --gpu) package=onnxruntime-gpu ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; die "unknown argument: $1" ;;
esac

system=$(uname -s | tr '[:upper:]' '[:lower:]')
machine=$(uname -m)
[ "$system-$machine" = linux-arm64 ] && machine=aarch64
pins "$package-$system-$machine" ||
  die "no $package $version is pinned for $system on $machine: build ONNX Runtime yourself and name it in the" \
    "configuration, classify.runtime.path and classify.runtime.sha256"

out=$root/.cache/$package-$version
if complete "$out"; then exit 0; fi
python3 -m pip --version >/dev/null 2>&1 || die "python3 with pip is needed to fetch the $package wheel"

mkdir -p "$root/.cache"
work=$(mktemp -d "$out.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
start=$SECONDS
echo "onnxruntime: fetching the $package $version wheel ($platform), once"

# The wheels differ by Python version in the bindings only; one is pinned, whatever Python runs pip.
mkdir "$work/wheel" "$work/out"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --platform "$platform" --python-version 3.11 --implementation cp --abi cp311 \
  --dest "$work/wheel" "$package==$version"
file=$(echo "$work"/wheel/*.whl)
found=$(sha256 "$file")
[ "$found" = "$wheel" ] || die "$(basename "$file"): SHA-256 is $found, expected $wheel"

unpack "$file" "$work/out"
complete "$work/out" || die "a library in $(basename "$file") does not have its pinned SHA-256"
chmod 755 "$work/out"
rm -rf "$out"
mv "$work/out" "$out"
echo "onnxruntime: $out is ready after $((SECONDS - start)) s"

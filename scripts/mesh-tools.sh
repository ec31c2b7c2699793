#!/usr/bin/env bash
# Builds once what e2e/mesh runs besides our own binary, into .cache/mesh-KEY; then it only says where that is.
#
#   scripts/mesh-tools.sh          build what is missing; the last line is the folder
#   scripts/mesh-tools.sh --path   the folder, built or not; the exit status says whether all of it is there
#
# kube-apiserver, kube-controller-manager, kubectl, pilot-discovery (istiod), epp and llm-d-inference-sim are built from
# the Go modules that e2e/mesh/tools pins; etcd is Debian's package, by its SHA-256; the CRDs come out of the modules.
# KEY is a hash over all of these pins. From an empty build cache it takes about 1,900 seconds of processor time, 5.5 GB
# of disk for the Go build cache, and 2.2 GB of memory; stopped half-way, the next run goes on from Go's build cache.
# Envoy is not among them: scripts/envoy.sh fetches it.
set -euo pipefail

etcd_version=3.4.23-4+b4
etcd_sha256=3a9445d4560ad6de1c375756b2a17d97713df44cbd20a658c871fe108af7ef5d # amd64
binaries="etcd kube-apiserver kube-controller-manager kubectl pilot-discovery epp llm-d-inference-sim"

root=$(cd "$(dirname "$0")/.." && pwd)
die() { echo "mesh-tools: $*" >&2; exit 1; }
usage() { sed -n '2,11s/^# \{0,1\}//p' "$0"; }

pins() { cat "$root"/e2e/mesh/tools/*/go.mod "$root"/e2e/mesh/tools/*/go.sum; echo "$etcd_sha256"; go env GOVERSION GOARCH; }
key=$(pins | sha256sum | cut -c1-12)
folder=$root/.cache/mesh-$key

complete() {
  local name
  for name in $binaries; do [ -x "$folder/bin/$name" ] || return 1; done
  [ -s "$folder/crds/istio.yaml" ]
}

case ${1-} in
  '') ;;
  --path) echo "$folder"; complete; exit ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; die "unknown argument: $1" ;;
esac

if complete; then
  echo "$folder"
  exit
fi

[ "$(uname -s)-$(go env GOARCH)" = Linux-amd64 ] || die "etcd is pinned for Linux on amd64 only"
part=$folder.part
rm -rf "$part"
mkdir -p "$part/bin" "$part/crds" "$part/deb"

begin=$SECONDS
(
  cd "$part/deb"
  apt-get download "etcd-server=$etcd_version" >&2 || die "etcd-server $etcd_version: apt-get update first?"
  echo "$etcd_sha256  $(ls ./*.deb)" | sha256sum --check --quiet >&2
  dpkg -x ./*.deb .
  mv usr/bin/etcd ../bin/
)
rm -rf "$part/deb"

module() { (cd "$root/e2e/mesh/tools/apps" && go mod download "$1" && go list -m -f '{{.Dir}}' "$1"); }
documents() { sed -s '1s/^/---\n/' "$@"; }
documents "$(module sigs.k8s.io/gateway-api)"/config/crd/standard/*.yaml >"$part/crds/gateway-api.yaml"
documents "$(module sigs.k8s.io/gateway-api-inference-extension)"/config/crd/bases/*.yaml >"$part/crds/inference-extension.yaml"
documents "$(module istio.io/istio)/manifests/charts/base/files/crd-all.gen.yaml" >"$part/crds/istio.yaml"

# One module after the other, at low priority: this runs beside other work, on few cores. Without cgo the simulator's
# ZMQ is the one in Go, and needs no library of the machine.
build() {
  echo "mesh-tools: building e2e/mesh/tools/$1" >&2
  (cd "$root/e2e/mesh/tools/$1" && CGO_ENABLED=$2 nice -n 10 go build -mod=readonly -ldflags '-s -w' -o "$part/bin/" tool)
}
build kube 1
build apps 0

rm -rf "$folder"
mv "$part" "$folder"
complete || die "the build left something out of $folder"
echo "mesh-tools: built in $((SECONDS - begin)) s" >&2
echo "$folder"

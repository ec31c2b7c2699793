#!/usr/bin/env bash
# Runs e2e/mesh: this repository's manifests on a real control plane, without containers. Its README says what is tested.
#
#   scripts/e2e-mesh.sh                  after make build; what else is needed is built or fetched, once
#   scripts/e2e-mesh.sh -test.run Guide  any flags of a Go test binary
#   scripts/e2e-mesh.sh -mesh.hold       keeps the mesh up afterwards, until interrupted, and says how to reach it
#
# MESH_BUILD_MINUTES (40) is how long the tools may take to build: 0 uses them only if they are there. What is built by
# then is not lost, the next run goes on from Go's build cache. MESH_RUN_MINUTES (12) bounds the tests.
#
# The exit status is 75, and the last line says why, if the tests were not run: no root, no network namespaces, no tools,
# no time. It is no pass. Otherwise it is that of the tests.
set -euo pipefail

build_minutes=${MESH_BUILD_MINUTES:-40}
run_minutes=${MESH_RUN_MINUTES:-12}

root=$(cd "$(dirname "$0")/.." && pwd)
not_run() { echo "e2e-mesh: not run: $*" >&2; exit 75; }

[ "$(uname -s)" = Linux ] || not_run "network namespaces are Linux's"
[ "$(id -u)" = 0 ] || not_run "network namespaces need root"
[ -x "$root/bin/vsr-proxy" ] || not_run "bin/vsr-proxy is missing: make build"

if ! tools=$("$root/scripts/mesh-tools.sh" --path); then
  [ "$build_minutes" -gt 0 ] || not_run "the tools are not built, and MESH_BUILD_MINUTES allows no time for it"
  status=0
  timeout --kill-after 30 "${build_minutes}m" "$root/scripts/mesh-tools.sh" >&2 || status=$?
  [ "$status" != 124 ] || not_run "the tools did not build within $build_minutes minutes; the next run goes on from there"
  [ "$status" = 0 ] || not_run "the tools could not be built, see above"
fi
envoy=$(timeout --kill-after 30 5m "$root/scripts/envoy.sh") || not_run "Envoy could not be fetched, see above"

tests=$tools/mesh.test
cd "$root/e2e/mesh"
CGO_ENABLED=0 go test -tags mesh -c -o "$tests" .
# In the background, so that a signal to this script reaches the tests, which take the mesh down before they end.
VSR_MESH_TOOLS=$tools VSR_MESH_ENVOY=$envoy timeout --kill-after 60 "${run_minutes}m" \
  "$tests" -test.v -test.timeout "$((run_minutes - 1))m" "$@" &
trap 'kill -TERM $!' TERM INT HUP
status=0
wait $! || status=$?
trap - TERM INT HUP
wait $! 2>/dev/null || true
[ "$status" != 75 ] || not_run "see above"
exit "$status"

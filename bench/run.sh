#!/bin/bash
# Every stage of V2V and qemu-img beside it, in one run, on the guests that make-guest.sh makes. Prints medians as a table:
# seconds, CPU seconds, bytes that the process asked the host to read and write (system calls, so the page cache does not
# hide them), peak resident memory. The input is in the page cache for everybody; a run's output is removed, and the host's
# write-back finished, before the next one begins.
#
# usage: run.sh [-n RUNS] [-d DIRECTORY] [-k PATTERN]      (Linux; packages time and qemu-utils; root for the first run, which makes the guests)
# PATTERN picks rows by a part of their name. The rows of Windows need the corpus (../shared/corpus, or V2V_CORPUS).
set -euo pipefail
runs=3
dir=${V2V_BENCH:-/var/tmp/v2v-bench}
pattern=
while getopts n:d:k: option; do
  case $option in
    n) runs=$OPTARG ;;
    d) dir=$OPTARG ;;
    k) pattern=$OPTARG ;;
    *) echo "usage: run.sh [-n RUNS] [-d DIRECTORY] [-k PATTERN]" >&2; exit 2 ;;
  esac
done
repo=$(cd "$(dirname "$0")/.." && pwd)
for tool in qemu-img dotnet /usr/bin/time; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
[ -f "$dir/guest.ova" ] || "$repo/bench/make-guest.sh" "$dir"
for type in xfs btrfs; do
  [ -f "$dir/$type/guest.ova" ] || "$repo/bench/make-guest.sh" "$dir/$type" $type
done
corpus=${V2V_CORPUS:-$repo/../shared/corpus}
[ ! -d "$corpus" ] || [ -f "$dir/windows/guest.ova" ] || "$repo/bench/make-windows-guest.sh" "$dir/windows" "$corpus"
dotnet build -c Release -v q -nologo "$repo/src/V2V.Shell" >/dev/null
v2v=$repo/src/V2V.Shell/bin/Release/net10.0/v2v
ova=$dir/guest.ova vmdk=$dir/guest-disk1.vmdk out=$dir/out
results=$(mktemp)
trap 'rm -rf "$results" "$results".* "$out"' EXIT

# once NAME COMMAND...: one run, one line of numbers. The shell's own counters include those of the children it waited for.
once() {
  local name=$1; shift
  rm -rf "$out"; mkdir "$out"; sync -f "$dir"
  bash -c '
    result=$1; shift
    /usr/bin/time -o "$result.time" -f "%e %U %S %M" "$@" >"$result.log" 2>&1 || { cat "$result.log" >&2; exit 1; }
    cat /proc/$$/io >"$result.io"' _ "$results" "$@"
  local seconds user system peak read written
  read -r seconds user system peak <"$results.time"
  read=$(awk '/^rchar/ { print $2 }' "$results.io")
  written=$(awk '/^wchar/ { print $2 }' "$results.io")
  awk -v n="$name" -v e="$seconds" -v u="$user" -v s="$system" -v r="$read" -v w="$written" -v m="$peak" \
    'BEGIN { printf "%s\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\n", n, e, u + s, r / 1048576, w / 1048576, m / 1024 }' >>"$results"
}

names=()
declare -A commands
add() { case $1 in *"$pattern"*) names+=("$1"); commands["$1"]=$2 ;; esac; }
add "v2v: start of the host" "$v2v -Command '\$null'"
add "v2v: inspection" "$v2v -Command 'Import-V2VSource -Ova $ova | Get-V2VInspection'"
add "v2v: inspection, digests not verified" "$v2v -Command 'Import-V2VSource -Ova $ova -SkipManifest | Get-V2VInspection'"
add "v2v: inspection + conversion" "$v2v -Command 'Import-V2VSource -Ova $ova | Convert-V2VGuest | Remove-V2VOverlay'"
add "v2v: whole pipeline, qcow2" "$v2v -Command 'Import-V2VSource -Ova $ova | Convert-V2VGuest | Export-V2VDisk -Local $out'"
add "v2v: the same, digests not verified" "$v2v -Command 'Import-V2VSource -Ova $ova -SkipManifest | Convert-V2VGuest | Export-V2VDisk -Local $out'"
add "v2v: whole pipeline, raw" "$v2v -Command 'Import-V2VSource -Ova $ova | Convert-V2VGuest | Export-V2VDisk -Local $out -Format raw'"
add "v2v: whole pipeline, nothing written" "$v2v -Command 'Import-V2VSource -Ova $ova | Convert-V2VGuest | Export-V2VDisk -Null'"
add "v2v: export as it is, qcow2" "$v2v -Command 'Import-V2VSource -Ova $ova | Export-V2VDisk -Local $out'"
add "v2v: export as it is, raw" "$v2v -Command 'Import-V2VSource -Ova $ova | Export-V2VDisk -Local $out -Format raw'"
add "qemu-img convert, qcow2" "qemu-img convert -m 16 -W -O qcow2 $vmdk $out/disk"
add "qemu-img convert, qcow2, then fsync" "qemu-img convert -m 16 -W -O qcow2 $vmdk $out/disk && sync $out/disk"
add "qemu-img convert, raw" "qemu-img convert -m 16 -W -O raw $vmdk $out/disk"
add "qemu-img convert, raw, then fsync" "qemu-img convert -m 16 -W -O raw $vmdk $out/disk && sync $out/disk"

for type in xfs btrfs; do
  other=$dir/$type/guest.ova
  add "v2v: inspection + conversion, $type" "$v2v -Command 'Import-V2VSource -Ova $other | Convert-V2VGuest | Remove-V2VOverlay'"
  add "v2v: whole pipeline, qcow2, $type" "$v2v -Command 'Import-V2VSource -Ova $other | Convert-V2VGuest | Export-V2VDisk -Local $out'"
  add "qemu-img convert, qcow2, $type" "qemu-img convert -m 16 -W -O qcow2 $dir/$type/guest-disk1.vmdk $out/disk"
done

if [ -f "$dir/windows/guest.ova" ]; then
  windows="Import-V2VSource -Ova $dir/windows/guest.ova"
  add "v2v: inspection + conversion, windows" "$v2v -Command '$windows | Convert-V2VGuest -VirtioWin $dir/windows/virtio-win | Remove-V2VOverlay'"
  add "v2v: whole pipeline, qcow2, windows" "$v2v -Command '$windows | Convert-V2VGuest -VirtioWin $dir/windows/virtio-win | Export-V2VDisk -Local $out'"
  add "qemu-img convert, qcow2, windows" "qemu-img convert -m 16 -W -O qcow2 $dir/windows/guest-disk1.vmdk $out/disk"
fi

cat "$ova" "$vmdk" "$dir"/*/guest* >/dev/null
for ((run = 1; run <= runs; run++)); do
  for name in "${names[@]}"; do
    once "$name" bash -c "${commands[$name]}"
  done
done

echo "$(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg), $(qemu-img --version | head -1), medians of $runs runs"
printf '%-40s %8s %8s %10s %10s %9s\n' "" "seconds" "CPU s" "read MiB" "write MiB" "peak MiB"
for name in "${names[@]}"; do
  printf '%-40s' "$name"
  for column in 2 3 4 5 6; do
    awk -F'\t' -v n="$name" -v c="$column" '$1 == n { print $c }' "$results" | sort -n | awk '{ v[NR] = $1 } END { printf " %9s", v[int((NR + 1) / 2)] }'
  done
  echo
done

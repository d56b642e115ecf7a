#!/bin/bash
# Makes a guest that is ready to be converted and prints its folder:
#   disk1.raw, disk2.raw      its disks, after a boot under VMware's devices (a split guest has not run yet: it is exported right after its installation)
#   source.log[.report]       what it said in that boot
#   refused.log[.report]      what it said when it was booted from virtio-blk as it is, until TEXT came or fifteen minutes were over
#   site/                     the package repository of a guest that has one
#   machine/                  for the guests of install-debian.sh: what run-machine.sh starts
# Nothing of this depends on what is tested, and it takes minutes under software emulation: it is kept in the cache and made again when one of
# the scripts that make it changes. What did not boot from VMware's devices, or did boot from virtio, is not kept.
#
# usage: prepare.sh bios|uefi LAYOUT SUITE TEXT       (root; what build-debian.sh, install-debian.sh and boot.sh need)
set -euo pipefail
firmware=$1 layout=$2 suite=$3 text=$4
here=$(cd "$(dirname "$0")" && pwd)
cache=${V2V_GUEST_CACHE:-/var/tmp/v2v-guests}
cd "$here"
scripts=(tree.sh v2v-report.sh boot.sh direct.sh)
if [ -e "layouts/$layout.sh" ]; then
  scripts+=(install-debian.sh run-machine.sh "layouts/$layout.sh" machine/*.sh)
else
  scripts+=(build-debian.sh install-grub-bios.sh)
fi
key=$({ sha256sum "${scripts[@]}"; echo "$@"; } | sha256sum | cut -c1-12)
folder=$cache/guest-$layout-$suite-$key
new=$folder.new
mkdir -p "$cache"
exec 9>"$cache/guest-$layout-$suite.lock"
flock 9
# What earlier scripts made and nobody used for two hours takes the room that the tests need.
find "$cache" -maxdepth 1 -name "guest-$layout-$suite-*" ! -path "$folder" -mmin +120 -exec rm -rf {} +
find "$cache" -maxdepth 1 -name '*.tar' -mtime +2 -delete

# give_up FILE...: why there is no guest.
give_up() {
  for file; do tail -n 60 "$file"; done >&2
  exit 1
}

if [ ! -e "$folder" ]; then
  rm -rf "$new"
  mkdir "$new"
  if [ -e "layouts/$layout.sh" ]; then
    ./install-debian.sh "$layout" "$new" "$suite" >"$new/build.log" 2>&1 9>&- || give_up "$new/build.log"
  else
    ./build-debian.sh "$layout" "$new/disk1.raw" "$suite" >"$new/build.log" 2>&1 9>&- || give_up "$new/build.log"
  fi
  disks=$(ls "$new"/disk?.raw | paste -sd,)
  if [ "$layout" = split ]; then
    mv "$new/disk1.raw.site" "$new/site"
    direct=--direct
  else
    ./boot.sh "$firmware" pvscsi "$disks" raw "$new/source.log" --write --timeout 1500 9>&- || true
    grep -qa '^V2V-REPORT state=running' "$new/source.log.report" || give_up "$new/source.log" "$new/source.log.report"
  fi
  ./boot.sh "$firmware" virtio-blk "$disks" raw "$new/refused.log" ${direct:-} --until "$text" --timeout 900 9>&- || true
  grep -qaF "$text" "$new/refused.log" || give_up "$new/refused.log"
  mv "$new" "$folder"
fi
touch "$folder"
echo "$folder"

#!/bin/bash
# Makes the benchmark's guest: a 6 GiB disk of an installed Debian with 1.4 GiB in use and 0.7 GiB of deleted garbage, all of
# it real files (they compress as files do), as a streamOptimized VMDK inside an OVA.
#
# On XFS the root is one file system, as build-debian.sh lays it out for ext4; on Btrfs it is the subvolume @ beside @home, compressed by zstd.
#
# usage: make-guest.sh DIRECTORY [ext4|xfs|btrfs]       (root, for loop mounts; the packages that build-debian.sh names; xfsprogs, btrfs-progs)
set -euo pipefail
out=$1 type=${2:-ext4}
here=$(cd "$(dirname "$0")" && pwd)
guests=$here/../tests/V2V.EndToEnd.Tests/guests
used_mib=1434 garbage_mib=717
mkdir -p "$out"
raw=$out/guest.raw
GUEST_MIB=6144 "$guests/build-debian.sh" bios "$raw"

mnt=$(mktemp -d)
trap 'umount "$mnt" 2>/dev/null || true; rmdir "$mnt" || true; rm -f "$out/tree.tar"' EXIT
sectors=$(sfdisk -l -o Sectors "$raw" | awk '/^ *[0-9]+$/ {print $1; exit}')
attach() { mount -o "loop,offset=1048576,sizelimit=$((sectors * 512))$1" "$raw" "$mnt"; }
attach ""
if [ "$type" != ext4 ]; then
  # The installed system moves to a file system of the other type.
  tar -C "$mnt" --xattrs -cf "$out/tree.tar" .
  uuid=$(findmnt -no UUID "$mnt")
  umount "$mnt"
  device=$(losetup -f --show -o 1048576 --sizelimit $((sectors * 512)) "$raw")
  wipefs -aq "$device"
  if [ "$type" = xfs ]; then
    mkfs.xfs -q -f -m "uuid=$uuid" "$device"
    options= flags=
  else
    mkfs.btrfs -q -f -U "$uuid" "$device"
    mount "$device" "$mnt"
    btrfs -q subvolume create "$mnt/@"
    btrfs -q subvolume create "$mnt/@home"
    umount "$mnt"
    options=,subvol=@,compress=zstd:1 flags=" rootflags=subvol=@"
  fi
  losetup -d "$device"
  attach "$options"
  tar -C "$mnt" --xattrs -xpf "$out/tree.tar"
  rm "$out/tree.tar"
  sed -i "s|^\(/dev/sda1 */ *\)ext4 .*|\1$type defaults$options 0 0|" "$mnt/etc/fstab"
  [ "$type" = xfs ] || echo "/dev/sda1 /home btrfs defaults,subvol=@home,compress=zstd:1 0 0" >>"$mnt/etc/fstab"
  sed -i "s| ro console| ro$flags console|;s|insmod ext2|insmod $type|" "$mnt/boot/grub/grub.cfg"
  [ "$type" = xfs ] || sed -i 's|\([ \t]\)/boot/|\1/@/boot/|' "$mnt/boot/grub/grub.cfg"
fi
mkdir "$mnt/srv/data"
# Copies of the guest's own files until so much is in use.
fill() {
  local target=$1 want=$2 n=0
  while [ "$(du -sm "$target" | cut -f1)" -lt "$want" ]; do
    local left=$((want - $(du -sm "$target" | cut -f1)))
    n=$((n + 1)); mkdir "$target/$n"
    tar -C "$mnt" --exclude=./srv --exclude=./garbage -cf - ./usr ./var ./boot | head -c "${left}M" | tar -C "$target/$n" -xf - 2>/dev/null || true
  done
}
base=$(du -sm --exclude=srv "$mnt" | cut -f1)
fill "$mnt/srv/data" $((used_mib - base))
mkdir "$mnt/garbage"
fill "$mnt/garbage" $garbage_mib
sync
rm -rf "$mnt/garbage"
df -h "$mnt" | tail -1
umount "$mnt"

"$here/pack-ova.sh" "$raw" "$out" debian10_64Guest
rm "$raw"
ls -l "$out"

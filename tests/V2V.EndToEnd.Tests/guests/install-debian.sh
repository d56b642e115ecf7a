#!/bin/bash
# Installs Debian as an installer does, onto disks that need md, device-mapper or encryption, which the kernel of a container mostly lacks:
# debootstrap makes the tree here, and a machine with VMware's devices, running from that tree, partitions the disks, copies itself onto them and
# makes the initramfs and the boot loader there (machine/install.sh). What dracut's host-only mode and MODULES=dep find is therefore VMware's.
# layouts/LAYOUT.sh says what is peculiar to a layout: packages, sizes of the disks, and functions that machine/install.sh and machine/check.sh name.
#
# usage: install-debian.sh LAYOUT FOLDER [SUITE]       (root; debootstrap, e2fsprogs, kmod, cpio, busybox, qemu-system-x86)
# Makes FOLDER/disk1.raw ... and FOLDER/machine, which run-machine.sh can start again.
set -euo pipefail
layout=$1 folder=$2 suite=${3:-trixie}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tree.sh"
. "$here/layouts/$layout.sh"
mkdir -p "$cache" "$folder/machine"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
base=systemd-sysv,udev,dbus,iproute2,kmod,zstd,open-vm-tools,qemu-guest-agent,fdisk
packages="linux-image-amd64 $packages"
complete_tree() { make_tree "$root" base "$suite" "$base" && add_packages "$root" $packages; }
cached_tree "$root" "$cache/$suite-$layout-$(printf %s "$base $packages" | sha256sum | cut -c1-8).tar" complete_tree
name_guest "$root"
networkd "$root"
cp -r "$here/machine" "$root/v2v"
cp "$here/layouts/$layout.sh" "$root/v2v/layout.sh"
mkdir -p "$root/target"
kernel=$(basename "$root"/boot/vmlinuz-*) kernel=${kernel#vmlinuz-}
depmod -b "$root" "$kernel"

# The machine starts with a busybox that mounts the tree.
start=$work/start
mkdir -p "$start/bin" "$start/modules" "$start/media"
busybox=$(command -v busybox)
cp "$busybox" "$start/bin/"
for library in $(ldd "$busybox" 2>/dev/null | grep -oE '/[^ ]+' || true); do mkdir -p "$start$(dirname "$library")"; cp -L "$library" "$start$library"; done
number=100
for module in vmw_pvscsi sd_mod ext4; do modprobe -d "$root" -S "$kernel" --show-depends $module 2>/dev/null | awk '$1 == "insmod" {print $2}'; done | awk '!seen[$0]++' |
  while read -r module; do
    number=$((number + 1))
    file=$start/modules/$number-$(basename "${module%.xz}")
    case $module in *.xz) xz -dc "$module" ;; *) cat "$module" ;; esac >"$file"
  done
cp "$here/machine/start.sh" "$start/init"
chmod 755 "$start/init"
(cd "$start" && find . | cpio -o -H newc --quiet | gzip -1) >"$folder/machine/initramfs"
cp "$root/boot/vmlinuz-$kernel" "$folder/machine/vmlinuz"
rm -f "$folder/machine/tree"
truncate -s 2G "$folder/machine/tree"
mke2fs -q -t ext4 -d "$root" "$folder/machine/tree"

disks=()
for size in "${disk_mib[@]}"; do
  disks+=("$folder/disk$((${#disks[@]} + 1)).raw")
  rm -f "${disks[-1]}"
  truncate -s "${size}M" "${disks[-1]}"
done
"$here/run-machine.sh" install "$folder/machine" "$folder/install.log" raw "${disks[@]}"

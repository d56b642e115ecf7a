#!/bin/bash
# Boots a disk under software emulation (V2V_ACCEL=kvm where KVM works) and writes what the guest says on ttyS0 to LOG.
# The report of v2v-report.sh, on ttyS1, goes to LOG.report.
# usage: boot.sh bios|uefi pvscsi|virtio-blk|virtio-scsi|sata DISK FORMAT LOG [--write] [--timeout S] [--until TEXT] [--direct] [--serve FOLDER]
# Ends when the guest powers off, when LOG contains TEXT, or at the timeout (exit 124). --direct starts the kernel of a UEFI guest without its
# loader. --serve shows a folder as a package repository at http://10.0.2.100; there is no other network.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
firmware=$1 bus=$2 disk=$3 format=$4 log=$5; shift 5
write= timeout=300 until= direct= serve=
while [ $# -gt 0 ]; do
  case $1 in
    --write) write=1 ;; --timeout) timeout=$2; shift ;; --until) until=$2; shift ;; --direct) direct=1 ;;
    --serve) serve=",guestfwd=tcp:10.0.2.100:80-cmd:$here/serve.sh $2"; shift ;;
    *) exit 2 ;;
  esac
  shift
done
[ "$bus" != pvscsi ] || direct=1
mac=52:54:00:12:34:56
args=(-machine q35,accel=${V2V_ACCEL:-tcg} -cpu max -m 768 -smp 2 -display none -no-reboot -nodefaults -vga std -serial "file:$log" -serial "file:$log.report" -monitor none
  -drive "file=$disk,format=$format,if=none,id=d0,cache=unsafe$([ -n "$write" ] || echo ,snapshot=on)"
  -netdev "user,id=n0,restrict=on$serve")
case $bus in
  # VMware's machine: the card sits in the slot that gives it the name ens192.
  pvscsi) args+=(-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off -device pcie-root-port,id=rp192,slot=192,chassis=1
    -device pvscsi,id=scsi0,bus=pcie.0 -device scsi-hd,bus=scsi0.0,drive=d0,bootindex=1 -device "vmxnet3,netdev=n0,mac=$mac,bus=rp192,romfile=") ;;
  virtio-blk) args+=(-device virtio-blk-pci,drive=d0,bootindex=1 -device "virtio-net-pci,netdev=n0,mac=$mac,romfile=") ;;
  virtio-scsi) args+=(-device virtio-scsi-pci,id=scsi0 -device scsi-hd,bus=scsi0.0,drive=d0,bootindex=1 -device "virtio-net-pci,netdev=n0,mac=$mac,romfile=") ;;
  sata) args+=(-device ide-hd,drive=d0,bootindex=1 -device "e1000,netdev=n0,mac=$mac,romfile=") ;;
  *) exit 2 ;;
esac
if [ "$firmware" = uefi ]; then
  scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
  vars=$scratch/vars.fd
  if [ -n "$direct" ]; then
    # Debian's OVMF has no driver for pvscsi, VMware's firmware does: hand the kernel over as GRUB would, by grub.cfg's own words.
    for start in $(sfdisk -l -o Start,Type "$disk" | awk '/Linux filesystem/ {print $1}'); do
      in_guest() { debugfs -R "$1" "$disk?offset=$((start * 512))" 2>/dev/null; }
      for boot in /boot ""; do
        menu=$(in_guest "cat $boot/grub/grub.cfg"); [ -z "$menu" ] || break 2
      done
    done
    # The entry that is the default by its identifier, or the first.
    id=$(printf '%s\n' "$menu" | sed -n 's/^ *set default="\(.*>\)\?\([^$"]*\)"$/\2/p' | tail -1)
    set -- $(printf '%s\n' "$menu" | awk -v id="'$id'" 'BEGIN {on = id == "\047" 0 "\047"} index($0, id) {on = 1} on && $1 == "linux" {sub(/^[ \t]*linux[ \t]+/, ""); print; exit}')
    kernel=$1; shift
    in_guest "dump $kernel $scratch/vmlinuz"; in_guest "dump ${kernel/vmlinuz/initrd.img} $scratch/initrd"
    args+=(-kernel "$scratch/vmlinuz" -initrd "$scratch/initrd" -append "$* rootdelay=5")
  fi
  cp /usr/share/OVMF/OVMF_VARS_4M.fd "$vars"
  args+=(-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive "if=pflash,format=raw,file=$vars")
fi
: >"$log"; : >"$log.report"
qemu-system-x86_64 "${args[@]}" &
pid=$!
for ((i = 0; i < timeout; i++)); do
  sleep 1
  kill -0 $pid 2>/dev/null || { wait $pid; exit $?; }
  if [ -n "$until" ] && grep -aqF "$until" "$log" "$log.report"; then kill -9 $pid; wait $pid 2>/dev/null; exit 0; fi
done
kill -9 $pid; wait $pid 2>/dev/null
exit 124

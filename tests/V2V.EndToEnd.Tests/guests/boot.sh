#!/bin/bash
# Boots disks under software emulation (V2V_ACCEL=kvm where KVM works) and writes what the guest says on ttyS0 to LOG.
# The report of v2v-report.sh, on ttyS1, goes to LOG.report.
# usage: boot.sh bios|uefi pvscsi|virtio-blk|virtio-scsi|sata DISK[,DISK...] FORMAT LOG [--write] [--timeout S] [--until TEXT] [--direct] [--serve FOLDER]
# Ends when the guest powers off or panics, when LOG contains TEXT, or at the timeout (exit 124). One processor: with two, QEMU's emulation now and
# then runs code that the kernel is just patching ("Oops: int3"). --direct starts the kernel of a UEFI guest without its
# loader. --serve shows a folder as a package repository at http://10.0.2.100; there is no other network.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
firmware=$1 bus=$2 format=$4 log=$5
IFS=, read -ra disks <<<"$3"
shift 5
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
args=(-machine q35,accel=${V2V_ACCEL:-tcg} -cpu max -m 768 -smp 1 -display none -no-reboot -nodefaults -vga std -serial "file:$log" -serial "file:$log.report" -monitor none
  -netdev "user,id=n0,restrict=on$serve")
case $bus in
  # VMware's machine: the card sits in the slot that gives it the name ens192.
  pvscsi) nic="vmxnet3,bus=rp192" disk_device=scsi-hd,bus=scsi0.0
    args+=(-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off -device pcie-root-port,id=rp192,slot=192,chassis=1 -device pvscsi,id=scsi0,bus=pcie.0) ;;
  virtio-blk) nic=virtio-net-pci disk_device=virtio-blk-pci ;;
  virtio-scsi) nic=virtio-net-pci disk_device=scsi-hd,bus=scsi0.0; args+=(-device virtio-scsi-pci,id=scsi0) ;;
  sata) nic=e1000 disk_device=ide-hd ;;
  *) exit 2 ;;
esac
for i in "${!disks[@]}"; do
  args+=(-drive "file=${disks[i]},format=$format,if=none,id=d$i,cache=unsafe$([ -n "$write" ] || echo ,snapshot=on)")
  args+=(-device "$disk_device,drive=d$i$([ "$i" != 0 ] || echo ,bootindex=1)$([ "$disk_device" != scsi-hd,bus=scsi0.0 ] || echo ",scsi-id=$i")")
done
args+=(-device "$nic,netdev=n0,mac=$mac,romfile=")
if [ "$firmware" = uefi ]; then
  scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
  vars=$scratch/vars.fd
  if [ -n "$direct" ]; then
    # Debian's OVMF has no driver for pvscsi, VMware's firmware does: hand the kernel over as the loader would.
    . "$here/direct.sh"
    if ! from_entries "${disks[0]}" "$scratch"; then from_grub "${disks[0]}" "$scratch"; fi
    args+=(-kernel "$scratch/vmlinuz" -initrd "$scratch/initrd" -append "$(cat "$scratch/options") rootdelay=5")
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
  if grep -aqF "Kernel panic - not syncing" "$log"; then kill -9 $pid; wait $pid 2>/dev/null; exit 1; fi
  if [ -n "$until" ] && grep -aqF "$until" "$log" "$log.report"; then kill -9 $pid; wait $pid 2>/dev/null; exit 0; fi
done
kill -9 $pid; wait $pid 2>/dev/null
exit 124

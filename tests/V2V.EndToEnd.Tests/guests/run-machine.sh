#!/bin/bash
# Starts the machine that install-debian.sh made, with VMware's devices and the given disks as /dev/sda, /dev/sdb, on machine/SCRIPT.sh. "check" writes nothing.
# usage: run-machine.sh install|check MACHINE LOG raw|qcow2 DISK...
set -euo pipefail
script=$1 machine=$2 log=$3 format=$4
shift 4
# systemd-detect-virt says vmware, and no vendor is QEMU: dracut's host-only mode would take virtio's drivers along.
args=(-machine "q35,accel=${V2V_ACCEL:-tcg}" -cpu max,-hypervisor -smbios "type=1,manufacturer=VMware,, Inc.,product=VMware7,,1"
  -smbios "type=2,manufacturer=Intel Corporation" -smbios "type=3,manufacturer=No Enclosure" -m 1024 -smp 1 -nodefaults -display none -no-reboot -device pvscsi,id=scsi0
  -kernel "$machine/vmlinuz" -initrd "$machine/initramfs" -serial "file:$log")
number=0 letters=(a b c d e)
for disk; do
  args+=(-drive "file=$disk,format=$format,if=none,id=d$number,cache=unsafe$([ "$script" = install ] || echo ,snapshot=on)" -device "scsi-hd,bus=scsi0.0,drive=d$number,scsi-id=$number")
  number=$((number + 1))
done
# Its own disk comes last and is as new each time.
args+=(-drive "file=$machine/tree,format=raw,if=none,id=tree,snapshot=on" -device scsi-hd,bus=scsi0.0,drive=tree,scsi-id=$number)
args+=(-append "console=ttyS0 panic=-1 v2v=$script v2v_disks=$(IFS=,; echo "${letters[*]:0:number + 1}")")
timeout 1500 qemu-system-x86_64 "${args[@]}" || true
if ! grep -q "^V2V-DONE" "$log"; then
  tail -60 "$log" >&2
  exit 1
fi

#!/bin/bash
# Puts GRUB's boot.img and core.img into the MBR and the gap behind it, as grub-install does for an MBR disk.
# Offsets: GRUB manual, "Images"; grub/i386/pc/boot.h: the kernel sector at 0x5c, the block list at the end of sector 0 of core.img.
set -euo pipefail
image=$1 boot=$2 core=$3
dd if="$boot" of="$image" bs=1 count=440 conv=notrunc status=none
# boot.img loads sector 1; jmp over the floppy probing at 0x66 is for floppies only: replace by two nops.
printf '\x01\0\0\0\0\0\0\0' | dd of="$image" bs=1 seek=$((0x5c)) conv=notrunc status=none
printf '\x90\x90' | dd of="$image" bs=1 seek=$((0x66)) conv=notrunc status=none
sectors=$((($(stat -c %s "$core") + 511) / 512))
[ "$sectors" -lt 2047 ] || { echo "core.img does not fit in front of the first partition" >&2; exit 1; }
dd if="$core" of="$image" bs=512 seek=1 conv=notrunc status=none
# First block list entry, at 0x1f4 of core.img's first sector: start sector (8 bytes), length (2), segment (2).
le() { local v=$1 n=$2 s=; for ((i = 0; i < n; i++)); do s+=$(printf '\\x%02x' $((v >> (8 * i) & 255))); done; printf "$s"; }
{ le 2 8; le $((sectors - 1)) 2; le $((0x820)) 2; } | dd of="$image" bs=1 seek=$((512 + 0x1f4)) conv=notrunc status=none

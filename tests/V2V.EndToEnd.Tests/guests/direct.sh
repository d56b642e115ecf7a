# Sourced by boot.sh: the kernel, the initramfs and the command line that a guest's boot loader would take, put into FOLDER/{vmlinuz,initrd,options}.

# from_entries DISK FOLDER: by a Boot Loader Specification entry on the ESP; fails if there is none.
from_entries() {
  local disk=$1 folder=$2 start esp entry
  start=$(sfdisk -l -o Start,Type "$disk" | awk '/EFI System/ {print $1; exit}')
  esp=$disk@@$((start * 512))
  entry=$(mdir -b -i "$esp" ::/loader/entries 2>/dev/null | grep '\.conf$' | tail -1)
  [ -n "$entry" ] || return 1
  mtype -i "$esp" "$entry" >"$folder/entry"
  field() { sed -n "s/^$1[ \t]*//p" "$folder/entry"; }
  mcopy -n -i "$esp" "::$(field linux)" "$folder/vmlinuz"
  mcopy -n -i "$esp" "::$(field initrd)" "$folder/initrd"
  field options >"$folder/options"
}

# from_grub DISK FOLDER: by the default entry of grub.cfg in /boot/grub or, on a file system of its own, in /grub.
from_grub() {
  local disk=$1 folder=$2 start menu boot id kernel
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
  in_guest "dump $kernel $folder/vmlinuz"; in_guest "dump ${kernel/vmlinuz/initrd.img} $folder/initrd"
  echo "$*" >"$folder/options"
}

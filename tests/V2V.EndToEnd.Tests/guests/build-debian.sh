#!/bin/bash
# Installs Debian with debootstrap into a raw disk image, the way a VMware guest looks:
#   * the initramfs knows VMware's drivers only (MODULES=list: vmw_pvscsi, vmxnet3), so virtio cannot boot;
#   * /dev/sdX names in fstab, in the kernel's command line and in resume;
#   * open-vm-tools installed; a static address on ens192, the name that VMware's PCI slot gives.
# The guest has a login on ttyS0 and reports what the tests ask for on ttyS1 (v2v-report.service).
# Layouts: bios and uefi have one file system and ifupdown; split is UEFI with /boot on ext3, netplan over systemd-networkd, a
# default entry by its identifier, grub.cfg by the guest's own grub-mkconfig, and its agent's package not installed but in OUTPUT.raw.site,
# a repository that boot.sh can serve to it. GUEST_KERNEL=linux-image-cloud-amd64 adds a kernel that comes first in the menu but is not the
# default; its initramfs takes some minutes more at the first boot under software emulation.
#
# usage: build-debian.sh bios|uefi|split OUTPUT.raw [SUITE]       (root; debootstrap, e2fsprogs, dosfstools, mtools, fdisk)
set -euo pipefail
layout=$1 image=$2 suite=${3:-bookworm}
firmware=$([ "$layout" = bios ] && echo bios || echo uefi)
here=$(cd "$(dirname "$0")" && pwd)
size_mib=${GUEST_MIB:-3072}
. "$here/tree.sh"
case $suite in
  bullseye) agent_needs=libglib2.0-0,liburing1,libnuma1 ;;
  bookworm) agent_needs=libglib2.0-0,liburing2,libnuma1 ;;
  *) agent_needs=libglib2.0-0t64,liburing2,libnuma1 ;;
esac
base=linux-image-amd64,systemd-sysv,udev,dbus,ifupdown,iproute2,initramfs-tools,zstd,open-vm-tools,$agent_needs,apt-utils,openssh-server
efi=grub-efi-amd64-signed,shim-signed,grub-efi-amd64-bin,grub2-common
case $layout in
  bios) packages=$base,grub-pc-bin,grub2-common ;;
  uefi) packages=$base,$efi ;;
  split) packages=linux-image-amd64${GUEST_KERNEL:+,$GUEST_KERNEL},systemd-sysv,udev,dbus,netplan.io,iproute2,initramfs-tools,zstd,open-vm-tools,apt-utils,$efi ;;
  *) echo "the layout must be bios, uefi or split" >&2; exit 2 ;;
esac

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
root=$work/root
cleanup() {
  umount -l "$root/proc" "$root/sys" "$root/dev" "$work/mnt/proc" "$work/mnt/sys" "$work/mnt/dev" "$work/mnt/usr/sbin/grub-probe" 2>/dev/null || true
  umount "$work/mnt/boot" "$work/mnt" 2>/dev/null || true
  if mountpoint -q "$work/mnt" || mountpoint -q "$root/dev"; then echo "$work is still in use" >&2; else rm -rf "$work"; fi
}
trap cleanup EXIT

make_tree "$root" "$layout" "$suite" "$packages" $([ "$layout" != split ] || echo add_site)

# Partitions. BIOS: root, swap in an extended partition. UEFI: ESP, root, swap. Split: ESP, /boot, root, swap.
rm -f "$image"; truncate -s "${size_mib}M" "$image"
swap_mib=256 boot_mib=0
if [ "$layout" = bios ]; then
  root_start=1; root_mib=$((size_mib - swap_mib - 4)); swap_start=$((root_start + root_mib + 2))
  sfdisk -q "$image" <<PT
label: dos
label-id: 0x5eed0001
start=$((root_start * 2048)), size=$((root_mib * 2048)), type=83, bootable
start=$(((swap_start - 1) * 2048)), type=5
start=$((swap_start * 2048)), size=$((swap_mib * 2048)), type=82
PT
  root_dev=/dev/sda1 swap_dev=/dev/sda5 esp_dev= boot_dev=
else
  [ "$layout" = uefi ] || boot_mib=256
  esp_start=1 esp_mib=64; boot_start=$((esp_start + esp_mib)); root_start=$((boot_start + boot_mib))
  root_mib=$((size_mib - esp_mib - boot_mib - swap_mib - 2)); swap_start=$((root_start + root_mib))
  {
    echo "label: gpt"
    echo "start=$((esp_start * 2048)), size=$((esp_mib * 2048)), type=uefi, name=\"EFI System\""
    [ $boot_mib = 0 ] || echo "start=$((boot_start * 2048)), size=$((boot_mib * 2048)), type=linux, name=\"boot\""
    echo "start=$((root_start * 2048)), size=$((root_mib * 2048)), type=linux, name=\"root\""
    echo "start=$((swap_start * 2048)), size=$((swap_mib * 2048)), type=swap, name=\"swap\""
  } | sfdisk -q "$image"
  esp_dev=/dev/sda1 boot_dev= root_dev=/dev/sda2 swap_dev=/dev/sda3
  [ $boot_mib = 0 ] || { boot_dev=/dev/sda2 root_dev=/dev/sda3 swap_dev=/dev/sda4; }
fi
root_uuid=$(cat /proc/sys/kernel/random/uuid)
boot_uuid=$([ $boot_mib = 0 ] && echo "$root_uuid" || cat /proc/sys/kernel/random/uuid)

# The guest's configuration.
{
  echo "# <file system> <mount point> <type> <options> <dump> <pass>"
  echo "$root_dev  /  ext4  errors=remount-ro  0  1"
  # A loaded test machine takes longer than systemd's 90 seconds to show a device.
  patience=x-systemd.device-timeout=600
  [ -z "$boot_dev" ] || echo "$boot_dev  /boot  ext3  defaults,$patience  0  2"
  [ -z "$esp_dev" ] || echo "$esp_dev  /boot/efi  vfat  umask=0077,$patience  0  1"
  echo "$swap_dev  none  swap  sw,$patience  0  0"
  echo "/dev/sr0  /media/cdrom0  udf,iso9660 user,noauto  0  0"
} >"$root/etc/fstab"
mkdir -p "$root/boot/efi" "$root/boot/grub" "$root/media/cdrom0"
name_guest "$root"
if [ "$layout" = split ]; then
  cat >"$root/etc/netplan/01-guest.yaml" <<'NET'
network:
  version: 2
  renderer: networkd
  ethernets:
    ens192:
      addresses: [10.0.2.77/24]
      routes:
        - to: default
          via: 10.0.2.2
NET
  chmod 600 "$root/etc/netplan/01-guest.yaml"
  echo 'deb [trusted=yes] http://10.0.2.100 ./' >"$root/etc/apt/sources.list"
  rm -rf "$image.site"; mv "$root/v2v-site" "$image.site"
else
  ifupdown "$root"
fi
sed -i 's/^MODULES=.*/MODULES=list/' "$root/etc/initramfs-tools/initramfs.conf"
printf '# the hypervisor this guest was installed on\nvmw_pvscsi\nvmxnet3\nsd_mod\next4\n' >>"$root/etc/initramfs-tools/modules"
echo COMPRESSLEVEL=1 >>"$root/etc/initramfs-tools/initramfs.conf"
[ "$layout" != split ] || : >"$root/etc/v2v-check-grub"
mkdir -p "$root/etc/initramfs-tools/conf.d"; echo "RESUME=$swap_dev" >"$root/etc/initramfs-tools/conf.d/resume"
kernel=$(basename "$(ls "$root"/boot/vmlinuz-* | grep -v cloud | tail -1)" | sed s/vmlinuz-//)
[ "$layout" != split ] || grub_default="\"gnulinux-advanced-$root_uuid>gnulinux-$kernel-advanced-$root_uuid\""
cat >"$root/etc/default/grub" <<GRUB
GRUB_DEFAULT=${grub_default:-0}
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 resume=$swap_dev"
GRUB_DISABLE_LINUX_UUID=true
GRUB
mount --bind /proc "$root/proc"; mount --bind /sys "$root/sys"; mount --bind /dev "$root/dev"
chroot "$root" update-initramfs -u -k all >/dev/null

# GRUB's configuration as grub-mkconfig writes it for a disk it calls /dev/sda.
part=$([ "$firmware" = bios ] && echo msdos1 || echo gpt2)
module=$([ "$firmware" = bios ] && echo part_msdos || echo part_gpt)
cat >"$root/boot/grub/grub.cfg" <<CFG
set default="0"
set timeout=1
insmod $module
insmod ext2
set root='hd0,$part'
if [ x\$feature_platform_search_hint = xy ]; then
  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,$part $root_uuid
else
  search --no-floppy --fs-uuid --set=root $root_uuid
fi
serial --unit=0 --speed=115200
menuentry 'Debian GNU/Linux' --class debian --class gnu-linux --class os {
	linux	/boot/vmlinuz-$kernel root=$root_dev ro console=tty0 console=ttyS0,115200 resume=$swap_dev
	initrd	/boot/initrd.img-$kernel
}
CFG
[ "$firmware" = bios ] && cp -r "$root/usr/lib/grub/i386-pc" "$root/boot/grub/"
umount "$root/proc" "$root/sys" "$root/dev"
rm -f "$root/etc/machine-id"; : >"$root/etc/machine-id"

# File systems. Some garbage is written and deleted first where asked for, to give a trim something to do.
mkdir "$work/mnt"
mke2fs -q -t ext4 -U "$root_uuid" -L root -E offset=$((root_start * 1048576)) "$image" "${root_mib}M"
[ $boot_mib = 0 ] || mke2fs -q -t ext3 -U "$boot_uuid" -L boot -E offset=$((boot_start * 1048576)) "$image" "${boot_mib}M"
mount -o loop,offset=$((root_start * 1048576)),sizelimit=$((root_mib * 1048576)) "$image" "$work/mnt"
if [ "${GUEST_GARBAGE_MIB:-0}" -gt 0 ]; then
  head -c "${GUEST_GARBAGE_MIB}M" /dev/urandom >"$work/mnt/garbage"; sync; rm "$work/mnt/garbage"; sync
fi
if [ $boot_mib != 0 ]; then
  mkdir "$work/mnt/boot"; mount -o loop,offset=$((boot_start * 1048576)),sizelimit=$((boot_mib * 1048576)) "$image" "$work/mnt/boot"
fi
tar -C "$root" --xattrs -cf - . | tar -C "$work/mnt" --xattrs -xpf -
if [ "$layout" = split ]; then
  # The guest's own grub-mkconfig; what it asks about the disk that is not there yet is answered for it.
  cat >"$work/grub-probe" <<PROBE
#!/bin/sh
at=/ target=
for a; do case \$a in --target=*) target=\${a#*=} ;; --device) ;; -*) ;; *) at=\$a ;; esac; done
case \$at in /boot*|$boot_dev) device=$boot_dev uuid=$boot_uuid hint=hd0,gpt2 ;; *) device=$root_dev uuid=$root_uuid hint=hd0,gpt3 ;; esac
case \$target in
  device) echo \$device ;; fs_uuid) echo \$uuid ;; partuuid) exit 1 ;; fs) echo ext2 ;; partmap) echo gpt ;; hints_string) echo --hint-bios=\$hint ;;
  compatibility_hint) echo \$hint ;; drive) echo "(\$hint)" ;; abstraction) ;; *) exit 1 ;;
esac
PROBE
  chmod 755 "$work/grub-probe"
  for d in proc sys dev; do mount --bind "/$d" "$work/mnt/$d"; done
  mount --bind "$work/grub-probe" "$work/mnt/usr/sbin/grub-probe"
  chroot "$work/mnt" grub-mkconfig -o /boot/grub/grub.cfg 2>"$work/grub.log" || { cat "$work/grub.log" >&2; exit 1; }
  umount "$work/mnt/usr/sbin/grub-probe"
  umount "$work/mnt/proc" "$work/mnt/sys" "$work/mnt/dev"
  umount "$work/mnt/boot"
fi
if [ "${GUEST_EXTRA_MIB:-0}" -gt 0 ]; then
  mkdir "$work/mnt/srv/data"; head -c "$((GUEST_EXTRA_MIB / 2))M" /dev/urandom >"$work/mnt/srv/data/random"
  tar -C "$root" -cf - usr lib etc 2>/dev/null | head -c "$((GUEST_EXTRA_MIB / 2))M" >"$work/mnt/srv/data/files.tar" || true
fi
umount "$work/mnt"
dd if=/dev/zero of="$work/swap" bs=1M count=0 seek=$swap_mib status=none; mkswap -q "$work/swap"
dd if="$work/swap" of="$image" bs=1M seek=$swap_start conv=notrunc,sparse status=none

# Boot loader.
if [ "$firmware" = bios ]; then
  mkdir "$work/grub"; cp "$root/usr/lib/grub/i386-pc/boot.img" "$work/grub/"
  grub_mkimage() { chroot "$root" grub-mkimage "$@"; }
  grub_mkimage -O i386-pc -o /tmp/core.img -p "(hd0,$part)/boot/grub" biosdisk part_msdos ext2 serial normal search
  cp "$root/tmp/core.img" "$work/grub/core.img"; rm "$root/tmp/core.img"
  "$here/install-grub-bios.sh" "$image" "$work/grub/boot.img" "$work/grub/core.img"
else
  esp=$work/esp.img; truncate -s ${esp_mib}M "$esp"; mkfs.fat -F 32 -n ESP "$esp" >/dev/null
  mmd -i "$esp" ::/EFI ::/EFI/debian
  mcopy -i "$esp" "$root/usr/lib/shim/shimx64.efi.signed" ::/EFI/debian/shimx64.efi
  mcopy -i "$esp" "$root/usr/lib/shim/mmx64.efi.signed" ::/EFI/debian/mmx64.efi
  mcopy -i "$esp" "$root/usr/lib/shim/fbx64.efi.signed" ::/EFI/debian/fbx64.efi
  mcopy -i "$esp" "$root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" ::/EFI/debian/grubx64.efi
  printf 'search.fs_uuid %s root hd0,gpt2\nset prefix=($root)%s/grub\nconfigfile $prefix/grub.cfg\n' "$boot_uuid" "$([ $boot_mib = 0 ] && echo /boot)" >"$work/grub.cfg"
  mcopy -i "$esp" "$work/grub.cfg" ::/EFI/debian/grub.cfg
  dd if="$esp" of="$image" bs=1M seek=$esp_start conv=notrunc,sparse status=none
fi
echo "$image: $suite, $layout, kernel $kernel, root $root_uuid"

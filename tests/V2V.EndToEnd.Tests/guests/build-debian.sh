#!/bin/bash
# Installs Debian with debootstrap into a raw disk image, the way a VMware guest looks:
#   * the initramfs knows VMware's drivers only (MODULES=list: vmw_pvscsi, vmxnet3), so virtio cannot boot;
#   * /dev/sdX names in fstab, in the kernel's command line and in resume;
#   * open-vm-tools installed; a static address on ens192, the name that VMware's PCI slot gives.
# The guest has a login on ttyS0 and reports what the tests ask for on ttyS1 (v2v-report.service).
#
# usage: build-debian.sh bios|uefi OUTPUT.raw [SUITE]       (root; debootstrap, e2fsprogs, dosfstools, mtools, fdisk)
set -euo pipefail
firmware=$1 image=$2 suite=${3:-bookworm}
here=$(cd "$(dirname "$0")" && pwd)
size_mib=${GUEST_MIB:-3072}
cache=${V2V_GUEST_CACHE:-/var/tmp/v2v-guests}
mirror=$(sed -n 's/^URIs: *//p;s/^deb *\(\[[^]]*\] *\)\?\(http[^ ]*debian\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1 || true)
[ -n "$mirror" ] || { echo "no Debian mirror in the apt sources" >&2; exit 1; }
base=linux-image-amd64,systemd-sysv,udev,dbus,ifupdown,iproute2,initramfs-tools,zstd,open-vm-tools,libglib2.0-0,liburing2,libnuma1,apt-utils,openssh-server
case $firmware in
  bios) packages=$base,grub-pc-bin,grub2-common ;;
  uefi) packages=$base,grub-efi-amd64-signed,shim-signed,grub-efi-amd64-bin,grub2-common ;;
  *) echo "firmware must be bios or uefi" >&2; exit 2 ;;
esac

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
root=$work/root
cleanup() { umount -l "$root/proc" "$root/sys" "$root/dev" 2>/dev/null || true; umount "$work/mnt" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT

tarball=$cache/$suite-$firmware-$(printf %s "$packages" | sha256sum | cut -c1-8).tar
if [ ! -f "$tarball" ]; then
  debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$mirror" >"$cache/debootstrap-$firmware.log" 2>&1 || { tail -20 "$cache/debootstrap-$firmware.log" >&2; exit 1; }
  rm -f "$root"/var/cache/apt/archives/*.deb
  tar -C "$root" --xattrs -cf "$tarball.partial" . && mv "$tarball.partial" "$tarball"
else
  mkdir -p "$root"; tar -C "$root" --xattrs -xpf "$tarball"
fi

# Partitions. BIOS: root, swap in an extended partition. UEFI: ESP, root, swap.
rm -f "$image"; truncate -s "${size_mib}M" "$image"
swap_mib=256
if [ "$firmware" = bios ]; then
  root_start=1; root_mib=$((size_mib - swap_mib - 4)); swap_start=$((root_start + root_mib + 2))
  sfdisk -q "$image" <<PT
label: dos
label-id: 0x5eed0001
start=$((root_start * 2048)), size=$((root_mib * 2048)), type=83, bootable
start=$(((swap_start - 1) * 2048)), type=5
start=$((swap_start * 2048)), size=$((swap_mib * 2048)), type=82
PT
  root_dev=/dev/sda1 swap_dev=/dev/sda5 esp_dev=
else
  esp_start=1 esp_mib=64; root_start=$((esp_start + esp_mib)); root_mib=$((size_mib - esp_mib - swap_mib - 2)); swap_start=$((root_start + root_mib))
  sfdisk -q "$image" <<PT
label: gpt
start=$((esp_start * 2048)), size=$((esp_mib * 2048)), type=uefi, name="EFI System"
start=$((root_start * 2048)), size=$((root_mib * 2048)), type=linux, name="root"
start=$((swap_start * 2048)), size=$((swap_mib * 2048)), type=swap, name="swap"
PT
  root_dev=/dev/sda2 swap_dev=/dev/sda3 esp_dev=/dev/sda1
fi

# The guest's configuration.
{
  echo "# <file system> <mount point> <type> <options> <dump> <pass>"
  echo "$root_dev  /  ext4  errors=remount-ro  0  1"
  [ -z "$esp_dev" ] || echo "$esp_dev  /boot/efi  vfat  umask=0077  0  1"
  echo "$swap_dev  none  swap  sw  0  0"
  echo "/dev/sr0  /media/cdrom0  udf,iso9660 user,noauto  0  0"
} >"$root/etc/fstab"
mkdir -p "$root/boot/efi" "$root/boot/grub" "$root/media/cdrom0"
echo vmguest >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 vmguest\n' >"$root/etc/hosts"
cat >"$root/etc/network/interfaces" <<'NET'
auto lo
iface lo inet loopback

allow-hotplug ens192
iface ens192 inet static
    address 10.0.2.77/24
    gateway 10.0.2.2
    dns-nameservers 10.0.2.3
NET
sed -i 's/^MODULES=.*/MODULES=list/' "$root/etc/initramfs-tools/initramfs.conf"
printf '# the hypervisor this guest was installed on\nvmw_pvscsi\nvmxnet3\nsd_mod\next4\n' >>"$root/etc/initramfs-tools/modules"
mkdir -p "$root/etc/initramfs-tools/conf.d"; echo "RESUME=$swap_dev" >"$root/etc/initramfs-tools/conf.d/resume"
cat >"$root/etc/default/grub" <<GRUB
GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 resume=$swap_dev"
GRUB_DISABLE_LINUX_UUID=true
GRUB
echo 'root:v2v' | chroot "$root" chpasswd
cp "$here/v2v-report.sh" "$root/usr/local/sbin/v2v-report"; chmod 755 "$root/usr/local/sbin/v2v-report"
cat >"$root/etc/systemd/system/v2v-report.service" <<'UNIT'
[Unit]
Description=Report to the test on the serial console
[Service]
Type=exec
ExecStart=/usr/local/sbin/v2v-report
[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl enable -q v2v-report.service serial-getty@ttyS0.service
mount --bind /proc "$root/proc"; mount --bind /sys "$root/sys"; mount --bind /dev "$root/dev"
chroot "$root" update-initramfs -u -k all >/dev/null

# GRUB's configuration as grub-mkconfig writes it for a disk it calls /dev/sda.
kernel=$(basename "$(ls "$root"/boot/vmlinuz-* | tail -1)" | sed s/vmlinuz-//)
part=$([ "$firmware" = bios ] && echo msdos1 || echo gpt2)
module=$([ "$firmware" = bios ] && echo part_msdos || echo part_gpt)
root_uuid=$(cat /proc/sys/kernel/random/uuid)
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
mount -o loop,offset=$((root_start * 1048576)) "$image" "$work/mnt"
if [ "${GUEST_GARBAGE_MIB:-0}" -gt 0 ]; then
  head -c "${GUEST_GARBAGE_MIB}M" /dev/urandom >"$work/mnt/garbage"; sync; rm "$work/mnt/garbage"; sync
fi
tar -C "$root" --xattrs -cf - . | tar -C "$work/mnt" --xattrs -xpf -
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
  printf 'search.fs_uuid %s root hd0,gpt2\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' "$root_uuid" >"$work/grub.cfg"
  mcopy -i "$esp" "$work/grub.cfg" ::/EFI/debian/grub.cfg
  dd if="$esp" of="$image" bs=1M seek=$esp_start conv=notrunc,sparse status=none
fi
echo "$image: $firmware, kernel $kernel, root $root_uuid"

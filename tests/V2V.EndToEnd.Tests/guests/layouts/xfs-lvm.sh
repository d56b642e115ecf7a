# UEFI; systemd-boot with entries of the Boot Loader Specification; /boot on ext4 beside the ESP; the root on XFS over a volume group whose two
# physical volumes lie on two disks; dracut, host-only.
packages="dracut systemd-boot lvm2 xfsprogs dosfstools"
disk_mib=(2048 1536)

make_storage() {
  printf 'label: gpt\nsize=300MiB, type=uefi\nsize=256MiB, type=linux\ntype=lvm\n' | sfdisk -q /dev/sda
  udevadm settle
  mkfs.vfat -F 32 /dev/sda1
  mke2fs -q -t ext4 /dev/sda2
  # The second disk has no partition table.
  pvcreate -q /dev/sda3 /dev/sdb
  vgcreate -q vmguest /dev/sda3 /dev/sdb
  lvcreate -q -y -L 256M -n swap vmguest /dev/sdb
  lvcreate -q -y -L 2300M -n root vmguest
  mkfs.xfs -q /dev/vmguest/root
  mkswap /dev/vmguest/swap
  mount /dev/vmguest/root /target
  mkdir /target/boot
  mount /dev/sda2 /target/boot
  mkdir /target/boot/efi
  mount /dev/sda1 /target/boot/efi
}

configure() {
  cat >/target/etc/fstab <<FSTAB
/dev/mapper/vmguest-root  /          xfs   defaults              0 0
UUID=$(uuid /dev/sda2)  /boot      ext4  defaults,$patience    0 2
UUID=$(uuid /dev/sda1)  /boot/efi  vfat  umask=0077,$patience  0 1
/dev/mapper/vmguest-swap  none       swap  sw,$patience          0 0
FSTAB
  # What this guest does without is left out: it takes minutes under emulation.
  printf 'omit_dracutmodules+=" crypt virtiofs mdraid dmraid multipath nvdimm pcsc i18n "\nhostonly="yes"\nhostonly_mode="strict"\ncompress="zstd -1 -q"\n' >/target/etc/dracut.conf.d/10-guest.conf
  mkdir -p /target/etc/kernel
  echo "root=/dev/mapper/vmguest-root ro console=tty0 console=ttyS0,115200" >/target/etc/kernel/cmdline
  printf 'layout=bls\nBOOT_ROOT=/boot/efi\n' >/target/etc/kernel/install.conf
}

install_boot() {
  dracut --force "/boot/initrd.img-$kernel" "$kernel"
  bootctl --no-variables --esp-path=/boot/efi install
  kernel-install add "$kernel" "/boot/vmlinuz-$kernel" "/boot/initrd.img-$kernel"
  find /boot/efi -type f -exec ls -l {} +
  cat /boot/efi/loader/entries/*.conf
  lsinitrd "/boot/initrd.img-$kernel" | grep '\.ko'
}

release_storage() { vgchange -an; }

check_storage() {
  fsck.vfat -n /dev/sda1
  e2fsck -fn /dev/sda2
  vgchange -ay
  xfs_repair -n /dev/vmguest/root
}

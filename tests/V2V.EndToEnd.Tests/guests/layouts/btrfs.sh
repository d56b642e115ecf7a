# BIOS, GRUB in the MBR; one Btrfs with the subvolumes @, @home and @var, compressed by zstd; initramfs-tools with MODULES=dep.
packages="initramfs-tools grub-pc btrfs-progs"
disk_mib=(3072)

make_storage() {
  printf 'label: dos\nsize=2800MiB, type=83, bootable\ntype=82\n' | sfdisk -q /dev/sda
  udevadm settle
  mkfs.btrfs -q /dev/sda1
  mkswap /dev/sda2
  mount /dev/sda1 /target
  for volume in @ @home @var; do btrfs -q subvolume create /target/$volume; done
  umount /target
  mount -o subvol=@,compress=zstd:1 /dev/sda1 /target
  mkdir /target/home /target/var
  mount -o subvol=@home,compress=zstd:1 /dev/sda1 /target/home
  mount -o subvol=@var,compress=zstd:1 /dev/sda1 /target/var
}

configure() {
  cat >/target/etc/fstab <<FSTAB
/dev/sda1  /      btrfs  subvol=@,compress=zstd:1                0 0
/dev/sda1  /home  btrfs  subvol=@home,compress=zstd:1,$patience  0 0
/dev/sda1  /var   btrfs  subvol=@var,compress=zstd:1,$patience   0 0
/dev/sda2  none   swap   sw,$patience                            0 0
FSTAB
  echo "kept in a subvolume" >/target/home/note
  sed -i 's/^MODULES=.*/MODULES=dep/' /target/etc/initramfs-tools/initramfs.conf
  printf 'COMPRESS=zstd\nCOMPRESSLEVEL=1\n' >>/target/etc/initramfs-tools/initramfs.conf
  echo "RESUME=none" >/target/etc/initramfs-tools/conf.d/resume
  printf 'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\nGRUB_DISABLE_LINUX_UUID=true\n' >>/target/etc/default/grub
}

install_boot() {
  rm -f /boot/initrd.img-*
  update-initramfs -c -k "$kernel"
  lsinitramfs "/boot/initrd.img-$kernel" | grep '\.ko'
  grub-install --target=i386-pc /dev/sda
  update-grub
}

release_storage() { :; }

check_storage() { btrfs check --readonly --check-data-csum /dev/sda1; }

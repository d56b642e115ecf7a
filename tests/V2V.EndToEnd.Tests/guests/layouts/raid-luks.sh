# BIOS; GPT on two disks; RAID 1 over both for /boot and for a LUKS2 volume; LVM in that; the root on ext4. The initramfs opens the volume by a key
# file of its own; the passphrase "v2v-secret" opens it too. initramfs-tools with MODULES=dep.
packages="initramfs-tools e2fsprogs grub-pc mdadm cryptsetup-initramfs lvm2"
disk_mib=(2600 2600)

make_storage() {
  for disk in sda sdb; do printf 'label: gpt\nsize=2MiB, type=21686148-6449-6E6F-744E-656564454649\nsize=256MiB, type=raid\ntype=raid\n' | sfdisk -q /dev/$disk; done
  udevadm settle
  mdadm --create /dev/md0 --run --homehost=vmguest --name=boot --metadata=1.0 --level=1 --raid-devices=2 --assume-clean /dev/sda2 /dev/sdb2
  mdadm --create /dev/md1 --run --homehost=vmguest --name=system --metadata=1.2 --level=1 --raid-devices=2 --assume-clean --bitmap=internal /dev/sda3 /dev/sdb3
  mke2fs -q -t ext4 /dev/md0
  head -c 64 /dev/urandom >/tmp/key
  printf v2v-secret >/tmp/passphrase
  cost="--pbkdf argon2id --pbkdf-memory 65536 --pbkdf-parallel 1 --pbkdf-force-iterations 4"
  cryptsetup luksFormat -q --type luks2 $cost --key-file /tmp/passphrase /dev/md1
  cryptsetup luksAddKey -q $cost --key-file /tmp/passphrase /dev/md1 /tmp/key
  cryptsetup open --key-file /tmp/key /dev/md1 system_crypt
  pvcreate -q /dev/mapper/system_crypt
  vgcreate -q vmguest /dev/mapper/system_crypt
  lvcreate -q -y -L 256M -n swap vmguest
  lvcreate -q -y -l 100%FREE -n root vmguest
  mke2fs -q -t ext4 /dev/vmguest/root
  mkswap /dev/vmguest/swap
  mount /dev/vmguest/root /target
  mkdir /target/boot
  mount /dev/md0 /target/boot
}

configure() {
  mkdir -m 700 /target/etc/keys
  cp /tmp/key /target/etc/keys/system.key
  chmod 400 /target/etc/keys/system.key
  echo "system_crypt UUID=$(uuid /dev/md1) /etc/keys/system.key luks,initramfs" >/target/etc/crypttab
  echo 'KEYFILE_PATTERN=/etc/keys/*.key' >>/target/etc/cryptsetup-initramfs/conf-hook
  cat >/target/etc/fstab <<FSTAB
/dev/mapper/vmguest-root  /      ext4  errors=remount-ro   0 1
UUID=$(uuid /dev/md0)  /boot  ext4  defaults,$patience  0 2
/dev/mapper/vmguest-swap  none   swap  sw,$patience        0 0
FSTAB
  { echo "HOMEHOST <system>"; echo "MAILADDR root"; mdadm --detail --scan; } >/target/etc/mdadm/mdadm.conf
  sed -i 's/^MODULES=.*/MODULES=dep/' /target/etc/initramfs-tools/initramfs.conf
  printf 'COMPRESS=zstd\nCOMPRESSLEVEL=1\nUMASK=0077\n' >>/target/etc/initramfs-tools/initramfs.conf
  echo "RESUME=none" >/target/etc/initramfs-tools/conf.d/resume
  printf 'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\n' >>/target/etc/default/grub
}

install_boot() {
  rm -f /boot/initrd.img-*
  update-initramfs -c -k "$kernel"
  lsinitramfs "/boot/initrd.img-$kernel" | grep -E '\.ko|key'
  grub-install --target=i386-pc /dev/sda
  grub-install --target=i386-pc /dev/sdb
  update-grub
}

release_storage() {
  vgchange -an
  cryptsetup close system_crypt
  mdadm --stop /dev/md0 /dev/md1
}

check_storage() {
  cat /proc/mdstat
  mdadm --stop --scan
  mdadm --assemble /dev/md0 /dev/sda2 /dev/sdb2
  mdadm --assemble /dev/md1 /dev/sda3 /dev/sdb3
  # Both halves of each array hold the same.
  for array in md0 md1; do
    echo check >/sys/block/$array/md/sync_action
    until [ "$(cat /sys/block/$array/md/sync_action)" = idle ]; do sleep 1; done
    echo "$array: $(cat /sys/block/$array/md/mismatch_cnt) sectors differ"
    [ "$(cat /sys/block/$array/md/degraded)" = 0 ]
  done
  e2fsck -fn /dev/md0
  printf v2v-secret | cryptsetup open --key-file - /dev/md1 system_crypt
  vgchange -ay
  e2fsck -fn /dev/vmguest/root
}

# Installs the system it runs from onto /dev/sda and /dev/sdb. A layout has:
#   make_storage      makes file systems and mounts them below /target
#   configure         writes the guest's files in /target
#   install_boot      runs in the guest: initramfs of $kernel, boot loader
#   release_storage   closes what make_storage opened
. /v2v/common.sh
patience=x-systemd.device-timeout=600 # a loaded test machine takes longer than systemd's 90 seconds to show a device
uuid() { blkid -s UUID -o value "$1"; }

make_storage
udevadm settle
tar --one-file-system --xattrs --exclude=./target --exclude=./v2v -C / -cf - . | tar --xattrs -C /target -xpf -
tr -d - </proc/sys/kernel/random/uuid >/target/etc/machine-id
# Nothing is out of date in what was just installed: the first boot need not run ldconfig again.
touch /target/etc/.updated /target/var/.updated
configure
mkdir /target/v2v
cat /v2v/layout.sh - >/target/v2v/inside.sh <<'INSIDE'
set -eE
trap 'echo "failed inside: $BASH_COMMAND"' ERR
kernel=$(uname -r)
install_boot
INSIDE
for d in dev proc sys run tmp; do mount --rbind /$d /target/$d; done
chroot /target bash /v2v/inside.sh
for d in dev proc sys run tmp; do umount -l /target/$d; done
rm -r /target/v2v
sync
umount -R /target
release_storage
echo
echo V2V-DONE
finish

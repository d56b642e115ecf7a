#!/bin/busybox sh
# /init of the machine: mounts its tree, the last disk, and goes on there.
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
script=$(/bin/busybox sed 's/.*v2v=\([a-z]*\).*/\1/' /proc/cmdline)
for module in /modules/*; do /bin/busybox insmod "$module"; done
until tree=$(/bin/busybox ls /dev/sd? 2>/dev/null | /bin/busybox tail -n 1) && /bin/busybox mount -t ext4 "$tree" /media 2>/dev/null && [ -e /media/v2v/layout.sh ]; do
  /bin/busybox umount /media 2>/dev/null
  /bin/busybox sleep 1
done
/bin/busybox umount /dev /proc
exec /bin/busybox switch_root /media /bin/bash "/v2v/$script.sh"

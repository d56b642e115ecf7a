#!/bin/busybox sh
# /init of the machine: mounts its tree, the last disk, and goes on there.
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
script=$(/bin/busybox sed 's/.*v2v=\([a-z]*\).*/\1/' /proc/cmdline)
/bin/busybox mount -t sysfs sys /sys
for module in /modules/*; do
  case $module in
    *-scsi_mod.ko) /bin/busybox insmod "$module" scan=manual ;;
    *) /bin/busybox insmod "$module" ;;
  esac
done
# The kernel names disks in the order in which it finishes looking at them, which may be any. One after the other they get the names of their places.
place=0
for letter in $(/bin/busybox sed 's/.*v2v_disks=\([a-z,]*\).*/\1/; s/,/ /g' /proc/cmdline); do
  tree=/dev/sd$letter
  echo "0 $place 0" >/sys/class/scsi_host/host0/scan
  until [ -b "$tree" ]; do /bin/busybox sleep 0.1; done
  place=$((place + 1))
done
/bin/busybox mount -t ext4 "$tree" /media
/bin/busybox umount /sys /dev /proc
exec /bin/busybox switch_root /media /bin/bash "/v2v/$script.sh"

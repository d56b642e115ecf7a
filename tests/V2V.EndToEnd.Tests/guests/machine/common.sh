# Sourced by install.sh and check.sh, the first process of the machine: a small but complete system around them.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive SYSTEMD_RELAX_ESP_CHECKS=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts pts /dev/pts
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
exec >/dev/ttyS0 2>&1 </dev/null
finish() {
  sync
  poweroff -ff
  sleep 60
}
set -E
trap 'echo "failed: $BASH_COMMAND"; finish' ERR
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
udevadm settle
. /v2v/layout.sh

# Sourced by build-debian.sh and install-debian.sh: the guest's files, before they lie on a disk.

cache=${V2V_GUEST_CACHE:-/var/tmp/v2v-guests}

mirror() {
  sed -n 's/^URIs: *//p;s/^deb *\(\[[^]]*\] *\)\?\(http[^ ]*debian\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1
}

# cached_tree FOLDER TARBALL COMMAND...: the tree that COMMAND makes in FOLDER, or a copy of what it made before.
cached_tree() {
  local root=$1 tarball=$2
  shift 2
  if [ -f "$tarball" ]; then
    touch "$tarball"
    mkdir -p "$root"
    tar -C "$root" --xattrs -xpf "$tarball"
  else
    mkdir -p "$cache"
    "$@" >"$tarball.log" 2>&1 || { tail -20 "$tarball.log" >&2; return 1; }
    tar -C "$root" --xattrs -cf "$tarball.partial" . && mv "$tarball.partial" "$tarball"
  fi
}

# make_tree FOLDER NAME SUITE PACKAGES [FUNCTION]: installs a release with these packages and lets FUNCTION change it.
make_tree() {
  cached_tree "$1" "$cache/$3-$2-$(printf %s "$4" | sha256sum | cut -c1-8).tar" bootstrap "$@"
}
bootstrap() {
  mkdir -p "$cache/packages"
  debootstrap --variant=minbase --cache-dir="$cache/packages" --include="$4" "$3" "$1" "$(mirror)" || return 1
  rm -f "$1"/var/cache/apt/archives/*.deb
  [ -z "${5:-}" ] || "$5" "$1"
}

# add_packages FOLDER PACKAGE...: has apt install packages whose dependencies debootstrap would choose wrongly.
add_packages() {
  local root=$1
  shift
  chroot "$root" apt-get update -q
  mount --bind /proc "$root/proc"
  # The initramfs that counts is made on the machine that installs.
  mkdir -p "$root/etc/dracut.conf.d"
  echo 'compress="cat"' >"$root/etc/dracut.conf.d/00-apt.conf"
  INITRD=No DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qy --no-install-recommends "$@" || { umount "$root/proc"; return 1; }
  umount "$root/proc"
  rm "$root/etc/dracut.conf.d/00-apt.conf"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin
}

# add_site FOLDER: puts a repository with the guest agent and what it needs into FOLDER/v2v-site.
add_site() {
  chroot "$1" apt-get update -q
  chroot "$1" apt-get install -qy --no-install-recommends --download-only qemu-guest-agent
  mkdir "$1/v2v-site"
  mv "$1"/var/cache/apt/archives/*.deb "$1/v2v-site"
  chroot "$1" sh -c 'cd /v2v-site && apt-ftparchive packages . >Packages && apt-ftparchive release . >Release'
  rm -rf "$1"/var/lib/apt/lists/*
}

# name_guest FOLDER: a name, a password, a login on ttyS0, and the report on ttyS1.
# On a loaded test machine the uevents of the serial lines come later than systemd's 90 seconds, and then there would be no login.
name_guest() {
  local root=$1
  echo vmguest >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 vmguest\n' >"$root/etc/hosts"
  echo 'root:v2v' | chroot "$root" chpasswd
  mkdir -p "$root/etc/systemd/system.conf.d"
  printf '[Manager]\nDefaultDeviceTimeoutSec=600\n' >"$root/etc/systemd/system.conf.d/10-patience.conf"
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
}

# ifupdown FOLDER: a static address on the card that VMware's slot 192 makes ens192.
ifupdown() {
  cat >"$1/etc/network/interfaces" <<'NET'
auto lo
iface lo inet loopback

allow-hotplug ens192
iface ens192 inet static
    address 10.0.2.77/24
    gateway 10.0.2.2
    dns-nameservers 10.0.2.3
NET
}

# networkd FOLDER: the same for systemd-networkd.
networkd() {
  printf '[Match]\nName=ens192\n[Network]\nAddress=10.0.2.77/24\nGateway=10.0.2.2\n' >"$1/etc/systemd/network/20-guest.network"
  chroot "$1" systemctl enable -q systemd-networkd.service
}

#!/bin/bash
# Makes the benchmark's Windows guest: a 6 GiB disk with NTFS that holds a real SYSTEM hive (of Windows 10) from the corpus, a SOFTWARE hive grown to 60 MiB,
# and 1.4 GiB of real files. There is no Windows to boot in it; inspection and conversion read and write what they would in one.
#
# usage: make-windows-guest.sh DIRECTORY [CORPUS]       (root; packages ntfs-3g, fdisk, qemu-utils, libwin-hivex-perl)
set -euo pipefail
out=$1 corpus=${2:-${V2V_CORPUS:-}}
here=$(cd "$(dirname "$0")" && pwd)
corpus=${corpus:-$here/../../shared/corpus}
mkdir -p "$out"
raw=$out/guest.raw volume=$out/volume.raw mnt=$(mktemp -d)
trap 'umount "$mnt" 2>/dev/null || true; rmdir "$mnt" || true; rm -f "$volume" "$out"/software* "$out"/system*' EXIT
rm -f "$raw" "$volume"
truncate -s 6G "$raw"
printf 'label: gpt\nstart=2048, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n' | sfdisk -q "$raw"
sectors=$(sfdisk -l -o Sectors "$raw" | awk '/^ *[0-9]+$/ {print $1; exit}')
truncate -s $((sectors * 512)) "$volume"
mkntfs -q -F -L Windows "$volume"

cp "$corpus/registry/hivex/minimal" "$out/software"
chmod u+w "$out/software"
cat >"$out/software.reg" <<'REG'
Windows Registry Editor Version 5.00

[\Microsoft]

[\Microsoft\Windows]

[\Microsoft\Windows\CurrentVersion]
"DevicePath"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,74,00,25,00,5c,00,69,00,6e,00,66,00,00,00

[\Microsoft\Windows\CurrentVersion\Uninstall]

[\Microsoft\Windows\CurrentVersion\Uninstall\{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}]
"DisplayName"="VMware Tools"
"DisplayVersion"="12.1.5.20735119"
"Publisher"="VMware, Inc."
"UninstallString"="MsiExec.exe /I{AF174E64-22CF-4386-A9B5-73DFC6B49E4D}"

[\Microsoft\Windows NT]

[\Microsoft\Windows NT\CurrentVersion]
"ProductName"="Windows 10 Pro"
"EditionID"="Professional"
"InstallationType"="Client"
"CurrentVersion"="6.3"
"CurrentMajorVersionNumber"=dword:0000000a
"CurrentMinorVersionNumber"=dword:00000000
"CurrentBuild"="16299"
"CurrentBuildNumber"="16299"
REG
hivexregedit --merge "$out/software" "$out/software.reg"
perl - "$out/software" 60 <<'PERL'
use strict; use warnings; use Win::Hivex;
my ($file, $mebibytes) = @ARGV;
my $hive = Win::Hivex->open($file, write => 1);
sub text { return join('', map { "$_\0" } split //, "$_[0]\0"); }
sub child { my ($node, $name) = @_; return $hive->node_get_child($node, $name) || $hive->node_add_child($node, $name); }
my $classes = child(child($hive->root, 'Classes'), 'CLSID');
for (my $n = 0; $n * 1260 < $mebibytes * 1048576; $n++) {
  my $key = $hive->node_add_child(child($classes, sprintf('%04x', $n >> 7)), sprintf('{%08x-0000-4000-8000-%012x}', $n * 2654435761 % 4294967296, $n));
  my $server = $hive->node_add_child($key, 'InprocServer32');
  $hive->node_set_values($key, [{ key => '', t => 1, value => text("Component number $n of the machine") }, { key => 'AppID', t => 1, value => text(sprintf('{%08x}', $n)) }]);
  $hive->node_set_values($server, [{ key => '', t => 2, value => text("%SystemRoot%\\system32\\component$n.dll") }, { key => 'ThreadingModel', t => 1, value => text('Both') }]);
}
$hive->commit(undef);
PERL

mount -t ntfs-3g -o loop "$volume" "$mnt"
config=$mnt/Windows/System32/config
mkdir -p "$config" "$mnt/Windows/System32/drivers" "$mnt/Windows/INF" "$mnt/Program Files" "$mnt/Users/Public"
# The hive was copied from a running machine without its logs; hivex closes it.
xz -dc "$corpus/registry/regipy/SYSTEM_WIN_10_1709.xz" >"$out/system"
printf 'Windows Registry Editor Version 5.00\n\n[\\ControlSet001\\Services\\partmgr\\Parameters]\n"SanPolicy"=dword:00000003\n' >"$out/system.reg"
hivexregedit --merge "$out/system" "$out/system.reg"
cp "$out/system" "$config/SYSTEM"
cp "$out/software" "$config/SOFTWARE"
# The head of a 64-bit program is all that is read of the kernel.
{ printf 'MZ'; head -c 58 /dev/zero; printf '\200\0\0\0'; head -c 64 /dev/zero; printf 'PE\0\0\144\206'; head -c 4000 /dev/zero; } >"$mnt/Windows/System32/ntoskrnl.exe"
n=0
while [ "$(du -sm "$mnt" | cut -f1)" -lt 1434 ]; do
  left=$((1434 - $(du -sm "$mnt" | cut -f1)))
  n=$((n + 1)); mkdir "$mnt/Users/Public/$n"
  tar -C /usr -cf - bin lib share 2>/dev/null | head -c "${left}M" | tar -C "$mnt/Users/Public/$n" -xf - 2>/dev/null || true
done
ls -l "$config"
umount "$mnt"
dd if="$volume" of="$raw" bs=1M seek=1 conv=notrunc,sparse status=none
"$here/pack-ova.sh" "$raw" "$out" windows9_64Guest

. "$here/virtio-driver.sh"
driver "$out/virtio-win/viostor/w10/amd64" amd64 viostor SCSIAdapter 4D36E97B-E325-11CE-BFC1-08002BE10318 1001 1042
driver "$out/virtio-win/vioscsi/w10/amd64" amd64 vioscsi SCSIAdapter 4D36E97B-E325-11CE-BFC1-08002BE10318 1004 1048
driver "$out/virtio-win/netkvm/w10/amd64" amd64 netkvm Net 4D36E972-E325-11CE-BFC1-08002BE10318 1000 1041
rm "$raw"
ls -l "$out"

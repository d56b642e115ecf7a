#!/bin/bash
# Converts the same phony Windows guest with virt-v2v and with V2V and prints how the registries and the files differ: docs/compared-with-virt-v2v.md
# explains the differences.
#
# usage: windows.sh win10|win11|win2k22|win7-32|winxp-32 FOLDER [CORPUS]
# (root; packages virt-v2v, nbdkit, libnbd-bin, linux-image-amd64, ntfs-3g, libwin-hivex-perl, fdisk, qemu-utils, xz-utils; about two minutes, of which virt-v2v, without KVM, takes most)
# FOLDER gets the guest, both results and both logs, and differences.txt, which is also printed.
set -euo pipefail
export LC_ALL=C
version=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
corpus=${3:-${V2V_CORPUS:-$here/../../../shared/corpus}}
. "$here/../../bench/virtio-driver.sh"
mkdir -p "$out"
out=$(cd "$out" && pwd)
mnt=$(mktemp -d)
trap 'umount "$mnt" 2>/dev/null || true; rmdir "$mnt"' EXIT

case $version in
  win10) system=SYSTEM_WIN_10_1709 name=w10 architecture=amd64 machine=34404 ;;
  win11) system=SYSTEM_WIN_10_1709 name=w11 architecture=amd64 machine=34404 ;;
  win2k22) system=SYSTEM_WIN_10_1709 name=2k22 architecture=amd64 machine=34404 ;;
  win7-32) system=SYSTEM name=w7 architecture=x86 machine=332 ;;
  winxp-32) system= name=xp architecture=x86 machine=332 ;;
  *) echo "unknown version $version" >&2; exit 2 ;;
esac

# The guest: the version's SOFTWARE keys, and a real SYSTEM hive where there is one.
cp "$corpus/registry/hivex/minimal" "$out/SOFTWARE"
chmod u+w "$out/SOFTWARE"
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SOFTWARE' "$out/SOFTWARE" "$corpus/windows-inspection/virt-v2v/$version-software.reg"
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SOFTWARE' "$out/SOFTWARE" "$corpus/windows-inspection/virt-v2v/windows-software-all.reg"
{
  printf 'Windows Registry Editor Version 5.00\n\n[\\Microsoft\\Windows\\CurrentVersion]\n"DevicePath"=hex(2):'
  printf '%%SystemRoot%%\\inf\0' | iconv -f ascii -t utf-16le | od -An -v -tx1 | tr -d '\n' | sed 's/^ //; s/ /,/g'
  printf '\n'
} >"$out/more.reg"
hivexregedit --merge "$out/SOFTWARE" "$out/more.reg"
if [ -n "$system" ]; then
  # The hive was copied from a running machine without its logs; hivex closes it.
  xz -dc "$corpus/registry/regipy/$system.xz" >"$out/SYSTEM"
  printf 'Windows Registry Editor Version 5.00\n\n[\\Setup]\n' | hivexregedit --merge "$out/SYSTEM" /dev/stdin
else
  cp "$corpus/registry/hivex/minimal" "$out/SYSTEM"
  chmod u+w "$out/SYSTEM"
  hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$out/SYSTEM" "$corpus/windows-inspection/virt-v2v/windows-system.reg"
  printf 'Windows Registry Editor Version 5.00\n\n[\\ControlSet001\\Control]\n\n[\\ControlSet001\\Enum]\n' | hivexregedit --merge "$out/SYSTEM" /dev/stdin
fi
rm -f "$out/volume.raw" "$out/guest.raw"
truncate -s 400M "$out/volume.raw"
truncate -s 402M "$out/guest.raw"
mkntfs -q -F -L Windows "$out/volume.raw" 2>/dev/null
mount -t ntfs-3g -o loop "$out/volume.raw" "$mnt"
mkdir -p "$mnt/Windows/System32/config" "$mnt/Windows/System32/drivers" "$mnt/Windows/INF" "$mnt/Windows/TEMP" "$mnt/Program Files"
cp "$out/SYSTEM" "$out/SOFTWARE" "$mnt/Windows/System32/config"
for program in ntoskrnl.exe cmd.exe; do
  perl -e 'print pack("a2 x58 V x64 a4 v v V V V v v v x4000", "MZ", 128, "PE", $ARGV[0], 1, 0, 0, 0, 240, 34, $ARGV[0] == 0x8664 ? 0x20b : 0x10b)' $machine >"$mnt/Windows/System32/$program"
done
umount "$mnt"
printf 'label: gpt\nstart=2048, size=819200, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n' | sfdisk -q "$out/guest.raw"
dd if="$out/volume.raw" of="$out/guest.raw" bs=1M seek=1 conv=notrunc,sparse status=none

# Drivers and virt-v2v's programs.
rm -rf "$out/virtio-win" "$out/virt-tools"
for d in viostor:SCSIAdapter:4D36E97B:1001:1042 vioscsi:SCSIAdapter:4D36E97B:1004:1048 netkvm:Net:4D36E972:1000:1041 balloon:System:4D36E97D:1002:1045; do
  IFS=: read -r driver class guid old new <<<"$d"
  driver "$out/virtio-win/$driver/$name/$architecture" $architecture $driver $class "$guid-E325-11CE-BFC1-08002BE10318" $old $new
done
mkdir "$out/virt-tools"
for program in rhsrvany.exe pnp_wait.exe; do echo "$program" >"$out/virt-tools/$program"; done

rm -rf "$out/virt-v2v" "$out/v2v"
mkdir "$out/virt-v2v"
cp --sparse=always "$out/guest.raw" "$out/guest-virt-v2v.raw"
start=$SECONDS
LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg VIRTIO_WIN=$out/virtio-win VIRT_TOOLS_DATA_DIR=$out/virt-tools \
  virt-v2v -i disk "$out/guest-virt-v2v.raw" -o local -os "$out/virt-v2v" -of raw -on guest >"$out/virt-v2v.log" 2>&1 || { tail -20 "$out/virt-v2v.log"; exit 1; }
rm "$out/guest-virt-v2v.raw"
echo "virt-v2v: $((SECONDS - start)) s"
dotnet build -v q -nologo -c Release "$here/../../src/V2V.Shell" >/dev/null
start=$SECONDS
dotnet "$here/../../src/V2V.Shell/bin/Release/net10.0/v2v.dll" -Command \
  "Import-V2VSource -Disk '$out/guest.raw' -Name guest | Convert-V2VGuest -VirtioWin '$out/virtio-win' | Export-V2VDisk -Local '$out/v2v' -Format raw" >"$out/v2v.log" 2>&1 || { tail -20 "$out/v2v.log"; exit 1; }
echo "V2V: $((SECONDS - start)) s"

# list DISK FOLDER: both hives as text and the files with their digests.
list() {
  mount -t ntfs-3g -o ro,loop,offset=1048576,sizelimit=419430400 "$1" "$mnt"
  for hive in SYSTEM SOFTWARE; do
    # A line for each key and value, with the key in front.
    hivexregedit --export --unsafe-printable-strings "$mnt/Windows/System32/config/$hive" '\' 2>/dev/null | sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}' |
      awk -v h="$hive" '/^\[/ {key = substr($0, 2, length($0) - 2); print h key; next} /=/ {print h key " | " $0}' | sort >"$2.$hive"
  done
  (cd "$mnt" && find . -type f ! -path '*/config/*' -printf '%P\n' | sort | while read -r file; do printf '%s %s\n' "$file" "$(sha256sum <"$file" | cut -c1-12)"; done) >"$2.files"
  umount "$mnt"
}
list "$out/guest.raw" "$out/list-source"
list "$out/virt-v2v/guest-sda" "$out/list-virt-v2v"
list "$out/v2v/guest-sda" "$out/list-v2v"
# changes FILE RESULT: what was added and what was removed, of a removed key only the key.
changes() {
  comm -3 "$1" "$2" | awk '/^\t/ {print "+ " substr($0, 2); next}
    gone != "" && (index($0, gone "\\") == 1 || index($0, gone " | ") == 1) {next}
    {gone = / \| / ? "" : $0; print "- " $0}' | sort
}
for what in files SYSTEM SOFTWARE; do
  changes "$out/list-source.$what" "$out/list-virt-v2v.$what" >"$out/changes-virt-v2v"
  changes "$out/list-source.$what" "$out/list-v2v.$what" >"$out/changes-v2v"
  echo "== $what: both"
  comm -12 "$out/changes-virt-v2v" "$out/changes-v2v"
  echo "== $what: virt-v2v only"
  comm -23 "$out/changes-virt-v2v" "$out/changes-v2v"
  echo "== $what: V2V only"
  comm -13 "$out/changes-virt-v2v" "$out/changes-v2v"
done | cut -c1-300 | tee "$out/differences.txt"

#!/bin/bash
# Makes the benchmark's guest: a 6 GiB disk of an installed Debian with 1.4 GiB in use and 0.7 GiB of deleted garbage, all of
# it real files (they compress as files do), as a streamOptimized VMDK inside an OVA.
#
# On XFS the root is one file system, as build-debian.sh lays it out for ext4; on Btrfs it is the subvolume @ beside @home, compressed by zstd.
#
# usage: make-guest.sh DIRECTORY [ext4|xfs|btrfs]       (root, for loop mounts; the packages that build-debian.sh names; xfsprogs, btrfs-progs)
set -euo pipefail
out=$1 type=${2:-ext4}
here=$(cd "$(dirname "$0")" && pwd)
guests=$here/../tests/V2V.EndToEnd.Tests/guests
used_mib=1434 garbage_mib=717
mkdir -p "$out"
raw=$out/guest.raw
GUEST_MIB=6144 "$guests/build-debian.sh" bios "$raw"

mnt=$(mktemp -d)
trap 'umount "$mnt" 2>/dev/null || true; rmdir "$mnt"; rm -f "$out/tree.tar"' EXIT
sectors=$(sfdisk -l -o Sectors "$raw" | awk '/^ *[0-9]+$/ {print $1; exit}')
attach() { mount -o "loop,offset=1048576,sizelimit=$((sectors * 512))$1" "$raw" "$mnt"; }
attach ""
if [ "$type" != ext4 ]; then
  # The installed system moves to a file system of the other type.
  tar -C "$mnt" --xattrs -cf "$out/tree.tar" .
  uuid=$(findmnt -no UUID "$mnt")
  umount "$mnt"
  device=$(losetup -f --show -o 1048576 --sizelimit $((sectors * 512)) "$raw")
  wipefs -aq "$device"
  if [ "$type" = xfs ]; then
    mkfs.xfs -q -f -m "uuid=$uuid" "$device"
    options= flags=
  else
    mkfs.btrfs -q -f -U "$uuid" "$device"
    mount "$device" "$mnt"
    btrfs -q subvolume create "$mnt/@"
    btrfs -q subvolume create "$mnt/@home"
    umount "$mnt"
    options=,subvol=@,compress=zstd:1 flags=" rootflags=subvol=@"
  fi
  losetup -d "$device"
  attach "$options"
  tar -C "$mnt" --xattrs -xpf "$out/tree.tar"
  rm "$out/tree.tar"
  sed -i "s|^\(/dev/sda1 */ *\)ext4 .*|\1$type defaults$options 0 0|" "$mnt/etc/fstab"
  [ "$type" = xfs ] || echo "/dev/sda1 /home btrfs defaults,subvol=@home,compress=zstd:1 0 0" >>"$mnt/etc/fstab"
  sed -i "s| ro console| ro$flags console|;s|insmod ext2|insmod $type|" "$mnt/boot/grub/grub.cfg"
  [ "$type" = xfs ] || sed -i 's|\([ \t]\)/boot/|\1/@/boot/|' "$mnt/boot/grub/grub.cfg"
fi
mkdir "$mnt/srv/data"
# Copies of the guest's own files until so much is in use.
fill() {
  local target=$1 want=$2 n=0
  while [ "$(du -sm "$target" | cut -f1)" -lt "$want" ]; do
    local left=$((want - $(du -sm "$target" | cut -f1)))
    n=$((n + 1)); mkdir "$target/$n"
    tar -C "$mnt" --exclude=./srv --exclude=./garbage -cf - ./usr ./var ./boot | head -c "${left}M" | tar -C "$target/$n" -xf - 2>/dev/null || true
  done
}
base=$(du -sm --exclude=srv "$mnt" | cut -f1)
fill "$mnt/srv/data" $((used_mib - base))
mkdir "$mnt/garbage"
fill "$mnt/garbage" $garbage_mib
sync
rm -rf "$mnt/garbage"
df -h "$mnt" | tail -1
umount "$mnt"

qemu-img convert -O vmdk -o subformat=streamOptimized,adapter_type=lsilogic "$raw" "$out/guest-disk1.vmdk"
size=$(stat -c %s "$out/guest-disk1.vmdk")
cat >"$out/guest.ovf" <<OVF
<?xml version="1.0" encoding="UTF-8"?>
<Envelope vmw:buildId="build-1" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References><File ovf:href="guest-disk1.vmdk" ovf:id="file1" ovf:size="$size"/></References>
  <DiskSection>
    <Info>Virtual disks</Info>
    <Disk ovf:capacity="6" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection><Info>Networks</Info><Network ovf:name="VM Network"><Description>VM Network</Description></Network></NetworkSection>
  <VirtualSystem ovf:id="guest">
    <Info>A virtual machine</Info>
    <Name>guest</Name>
    <OperatingSystemSection ovf:id="96" vmw:osType="debian10_64Guest"><Info>OS</Info></OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Hardware</Info>
      <System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID><vssd:VirtualSystemIdentifier>guest</vssd:VirtualSystemIdentifier><vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
      <Item><rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits><rasd:ElementName>2 CPUs</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
      <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ElementName>2048 MB</rasd:ElementName><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>2048</rasd:VirtualQuantity></Item>
      <Item><rasd:Address>0</rasd:Address><rasd:ElementName>SCSI 0</rasd:ElementName><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType></Item>
      <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>Disk 1</rasd:ElementName><rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
      <Item><rasd:AddressOnParent>7</rasd:AddressOnParent><rasd:Address>52:54:00:12:34:56</rasd:Address><rasd:AutomaticAllocation>true</rasd:AutomaticAllocation><rasd:Connection>VM Network</rasd:Connection><rasd:ElementName>NIC 1</rasd:ElementName><rasd:InstanceID>5</rasd:InstanceID><rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType></Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
OVF
# One pass over the big file: its digest and its place in the OVA.
for file in guest.ovf guest-disk1.vmdk; do
  echo "SHA256($file)= $(sha256sum "$out/$file" | cut -d' ' -f1)"
done >"$out/guest.mf"
tar -C "$out" --format=ustar --owner=0 --group=0 -cf "$out/guest.ova" guest.ovf guest.mf guest-disk1.vmdk
rm "$raw"
ls -l "$out"

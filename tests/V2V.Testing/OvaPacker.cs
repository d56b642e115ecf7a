using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;

namespace V2V.Testing;

/// <summary>Packs a raw disk as the OVA that VMware's export makes of a machine with one pvscsi disk and one vmxnet3 card.</summary>
public static class OvaPacker
{
    /// <summary>Writes <paramref name="ovaPath"/>: OVF, SHA256 manifest and one streamOptimized disk, in this order.</summary>
    public static void Pack(string rawPath, string ovaPath, string name, string firmware, string macAddress)
    {
        string folder = Directory.CreateTempSubdirectory("v2v-ova-").FullName;
        try
        {
            string disk = Path.Combine(folder, name + "-disk1.vmdk");
            StreamOptimizedPacker.Pack(rawPath, disk);
            string ovf = Path.Combine(folder, name + ".ovf");
            File.WriteAllText(ovf, Ovf(name, firmware, macAddress, new FileInfo(disk).Length, new FileInfo(rawPath).Length));
            string manifest = Path.Combine(folder, name + ".mf");
            File.WriteAllLines(manifest, new[] { ovf, disk }.Select(f => $"SHA256({Path.GetFileName(f)})= {Digest(f)}"));
            using FileStream tar = File.Create(ovaPath);
            using var writer = new TarWriter(tar, TarEntryFormat.Ustar);
            foreach (string file in new[] { ovf, manifest, disk })
            {
                writer.WriteEntry(file, Path.GetFileName(file));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>SHA-256 of a file in lower-case hex digits.</summary>
    public static string Digest(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    private static string Ovf(string name, string firmware, string mac, long stored, long capacity) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
          xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
          xmlns:vmw="http://www.vmware.com/schema/ovf"
          xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
          <References>
            <File ovf:href="{name}-disk1.vmdk" ovf:id="file1" ovf:size="{stored}"/>
          </References>
          <DiskSection>
            <Info>Virtual disk information</Info>
            <Disk ovf:capacity="{capacity >> 20}" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1" ovf:fileRef="file1"
              ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
          </DiskSection>
          <NetworkSection>
            <Info>The list of logical networks</Info>
            <Network ovf:name="VM Network"><Description>The VM Network network</Description></Network>
          </NetworkSection>
          <VirtualSystem ovf:id="{name}">
            <Info>A virtual machine</Info>
            <Name>{name}</Name>
            <OperatingSystemSection ovf:id="96" vmw:osType="debian12_64Guest"><Info>The kind of installed guest operating system</Info></OperatingSystemSection>
            <VirtualHardwareSection>
              <Info>Virtual hardware requirements</Info>
              <System>
                <vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>
                <vssd:VirtualSystemIdentifier>{name}</vssd:VirtualSystemIdentifier><vssd:VirtualSystemType>vmx-19</vssd:VirtualSystemType>
              </System>
              <Item>
                <rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits><rasd:Description>Number of Virtual CPUs</rasd:Description>
                <rasd:ElementName>2 virtual CPU(s)</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID>
                <rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity>
              </Item>
              <Item>
                <rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:Description>Memory Size</rasd:Description>
                <rasd:ElementName>1024MB of memory</rasd:ElementName><rasd:InstanceID>2</rasd:InstanceID>
                <rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>1024</rasd:VirtualQuantity>
              </Item>
              <Item>
                <rasd:Address>0</rasd:Address><rasd:Description>SCSI Controller</rasd:Description><rasd:ElementName>SCSI Controller 0</rasd:ElementName>
                <rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType>
              </Item>
              <Item>
                <rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>Hard Disk 1</rasd:ElementName>
                <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID>
                <rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType>
              </Item>
              <Item>
                <rasd:Address>{mac}</rasd:Address><rasd:AddressOnParent>7</rasd:AddressOnParent><rasd:AutomaticAllocation>true</rasd:AutomaticAllocation>
                <rasd:Connection>VM Network</rasd:Connection><rasd:ElementName>Ethernet 1</rasd:ElementName><rasd:InstanceID>5</rasd:InstanceID>
                <rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType>
              </Item>
              <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="{(firmware == "uefi" ? "efi" : "bios")}"/>
            </VirtualHardwareSection>
          </VirtualSystem>
        </Envelope>

        """);
}

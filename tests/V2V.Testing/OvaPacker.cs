using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;

namespace V2V.Testing;

/// <summary>Packs raw disks as the OVA that VMware's export makes of a machine with its disks on one pvscsi controller and one vmxnet3 card.</summary>
public static class OvaPacker
{
    /// <summary>Writes <paramref name="ovaPath"/>: OVF, SHA256 manifest and one streamOptimized file for each disk, in this order.</summary>
    public static void Pack(IReadOnlyList<string> rawPaths, string ovaPath, string name, string firmware, string macAddress)
    {
        string folder = Directory.CreateTempSubdirectory("v2v-ova-").FullName;
        try
        {
            var disks = new List<Disk>();
            foreach (string raw in rawPaths)
            {
                string packed = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-disk{disks.Count + 1}.vmdk"));
                StreamOptimizedPacker.Pack(raw, packed);
                disks.Add(new Disk(packed, new FileInfo(packed).Length, new FileInfo(raw).Length));
            }

            string ovf = Path.Combine(folder, name + ".ovf");
            File.WriteAllText(ovf, Ovf(name, firmware, macAddress, disks));
            string manifest = Path.Combine(folder, name + ".mf");
            string[] described = [ovf, .. disks.Select(d => d.Path)];
            File.WriteAllLines(manifest, described.Select(f => $"SHA256({Path.GetFileName(f)})= {Digest(f)}"));
            using FileStream tar = File.Create(ovaPath);
            using var writer = new TarWriter(tar, TarEntryFormat.Ustar);
            foreach (string file in new[] { ovf, manifest }.Concat(disks.Select(d => d.Path)))
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

    private static string Each(IReadOnlyList<Disk> disks, Func<Disk, int, string> line) => string.Join("\n", disks.Select((d, i) => line(d, i + 1)));

    private static string Ovf(string name, string firmware, string mac, IReadOnlyList<Disk> disks) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
          xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
          xmlns:vmw="http://www.vmware.com/schema/ovf"
          xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
          <References>
        {Each(disks, (d, n) => $"""    <File ovf:href="{Path.GetFileName(d.Path)}" ovf:id="file{n}" ovf:size="{d.Stored}"/>""")}
          </References>
          <DiskSection>
            <Info>Virtual disk information</Info>
        {Each(disks, (d, n) => $"""
            <Disk ovf:capacity="{d.Capacity >> 20}" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk{n}" ovf:fileRef="file{n}"
              ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
        """)}
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
        {Each(disks, (_, n) => $"""
              <Item>
                <rasd:AddressOnParent>{n - 1}</rasd:AddressOnParent><rasd:ElementName>Hard Disk {n}</rasd:ElementName>
                <rasd:HostResource>ovf:/disk/vmdisk{n}</rasd:HostResource><rasd:InstanceID>{n + 5}</rasd:InstanceID>
                <rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType>
              </Item>
        """)}
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

    /// <param name="Path">The packed disk.</param>
    /// <param name="Stored">Its size.</param>
    /// <param name="Capacity">The size of the disk that it holds.</param>
    private sealed record Disk(string Path, long Stored, long Capacity);
}

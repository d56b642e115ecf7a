using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace V2V.Core.Tests.Sources;

/// <summary>Makes machines for tests: an OVF with chosen parts, files, a manifest, and containers made by the platform's own writers.</summary>
internal sealed class OvaBuilder
{
    public const string SmallDisk = """
        <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>Hard disk 1</rasd:ElementName><rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:InstanceID>9</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
        """;

    public const string ScsiController = """
        <Item><rasd:Address>0</rasd:Address><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType></Item>
        """;

    public string Name { get; set; } = "guest";

    public string OvfName { get; set; } = "guest.ovf";

    public string Files { get; set; } = """<File ovf:href="disk1.vmdk" ovf:id="file1"/>""";

    public string Disks { get; set; } = """<Disk ovf:capacity="10240" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>""";

    public string Memory { get; set; } = "<Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>1024</rasd:VirtualQuantity></Item>";

    public string Processors { get; set; } = "<Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>";

    public string Items { get; set; } = ScsiController + SmallDisk;

    public string System { get; set; } = "";

    public string HardwareType { get; set; } = "vmx-13";

    public Dictionary<string, byte[]> Content { get; } = new() { ["disk1.vmdk"] = Bytes(10240, 1) };

    public string? Manifest { get; set; }

    public string Ovf => Envelope(VirtualSystem());

    /// <summary>Bytes that differ from seed to seed and do not compress.</summary>
    public static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public string VirtualSystem(string? name = null, string? items = null) => $"""
        <VirtualSystem ovf:id="{name ?? Name}"><Info>x</Info><Name>{name ?? Name}</Name>{System}
        <VirtualHardwareSection><Info>x</Info><System><vssd:VirtualSystemType>{HardwareType}</vssd:VirtualSystemType></System>
        {Processors}{Memory}{items ?? Items}</VirtualHardwareSection></VirtualSystem>
        """;

    public string Envelope(string systems) => $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
        <References>{Files}</References><DiskSection><Info>x</Info>{Disks}</DiskSection>
        {systems}
        </Envelope>
        """;

    /// <summary>A manifest over everything, as VMware writes it.</summary>
    public OvaBuilder WithManifest(string algorithm = "SHA256")
    {
        var text = new StringBuilder();
        foreach ((string name, byte[] bytes) in All())
        {
            byte[] digest = algorithm switch { "SHA1" => SHA1.HashData(bytes), "SHA512" => SHA512.HashData(bytes), _ => SHA256.HashData(bytes) };
            text.Append(CultureInfo.InvariantCulture, $"{algorithm}({name})= {Convert.ToHexStringLower(digest)}\r\n");
        }

        Manifest = text.ToString();
        return this;
    }

    public IEnumerable<KeyValuePair<string, byte[]>> All(string? ovf = null)
    {
        yield return KeyValuePair.Create(OvfName, Encoding.UTF8.GetBytes(ovf ?? Ovf));
        if (Manifest is not null)
        {
            yield return KeyValuePair.Create(Path.ChangeExtension(OvfName, ".mf"), Encoding.UTF8.GetBytes(Manifest));
        }

        foreach (KeyValuePair<string, byte[]> file in Content)
        {
            yield return file;
        }
    }

    public string WriteFolder(string folder, string? ovf = null)
    {
        foreach ((string name, byte[] bytes) in All(ovf))
        {
            string path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }

        return folder;
    }

    public string WriteTar(string path, TarEntryFormat format = TarEntryFormat.Ustar, string prefix = "", string? ovf = null)
    {
        using FileStream stream = File.Create(path);
        WriteTar(stream, format, prefix, ovf);
        return path;
    }

    public void WriteTar(Stream stream, TarEntryFormat format = TarEntryFormat.Ustar, string prefix = "", string? ovf = null)
    {
        using var writer = new TarWriter(stream, format, leaveOpen: true);
        foreach ((string name, byte[] bytes) in All(ovf))
        {
            TarEntryType type = format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile : TarEntryType.RegularFile;
            TarEntry entry = format switch
            {
                TarEntryFormat.V7 => new V7TarEntry(type, prefix + name),
                TarEntryFormat.Ustar => new UstarTarEntry(type, prefix + name),
                TarEntryFormat.Gnu => new GnuTarEntry(type, prefix + name),
                _ => new PaxTarEntry(type, prefix + name),
            };
            entry.DataStream = new MemoryStream(bytes);
            writer.WriteEntry(entry);
        }
    }

    public string WriteZip(string path, CompressionLevel level, string prefix = "")
    {
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach ((string name, byte[] bytes) in All())
        {
            using Stream stream = zip.CreateEntry(prefix + name, level).Open();
            stream.Write(bytes);
        }

        return path;
    }
}

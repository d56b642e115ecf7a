using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using V2V.Storage.Images;
using V2V.Storage.Vmdk;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests.Vmdk;

/// <summary>Forms of VMDK that no tool here writes, put together from the format's description.</summary>
public class VmdkHandMadeTests
{
    private const int Grain = 65536;

    [Fact]
    public void EsxSparseExtent()
    {
        byte[] content = MakeContent(3 * 1024 * 1024 + 512);
        var members = new Dictionary<string, byte[]>
        {
            ["snap.vmdk"] = Descriptor("vmfsSparse", $"RW {content.Length / 512} VMFSSPARSE \"snap-delta.vmdk\""),
            ["snap-delta.vmdk"] = MakeCowd(content),
        };
        using BlockDevice disk = Open(members, "snap.vmdk");
        ImageContent.AssertSame(new MemoryDevice(content), disk);
        Assert.Contains(disk.GetExtents(0, disk.Length), e => e.Kind == BlockExtentKind.Absent);
    }

    [Fact]
    public void EsxSnapshotReadsThroughItsFlatParent()
    {
        byte[] parent = MakeContent(3 * 1024 * 1024);
        var child = new byte[parent.Length];
        parent.CopyTo(child, 0);
        child.AsSpan(Grain, Grain).Fill(0x77);
        var members = new Dictionary<string, byte[]>
        {
            ["base.vmdk"] = Descriptor("vmfs", $"RW {parent.Length / 512} VMFS \"base-flat.vmdk\"", cid: "11112222"),
            ["base-flat.vmdk"] = parent,
            ["snap.vmdk"] = Descriptor("vmfsSparse", $"RW {parent.Length / 512} VMFSSPARSE \"snap-delta.vmdk\"", parentCid: "11112222", parent: "/vmfs/volumes/ds/vm/base.vmdk"),
            ["snap-delta.vmdk"] = MakeCowd(child, grain => grain == 1),
        };
        using var folder = new TemporaryDirectory();
        foreach ((string name, byte[] bytes) in members)
        {
            File.WriteAllBytes(folder.File(name), bytes);
        }

        using BlockDevice disk = DiskImage.Open(folder.File("snap.vmdk"), allowAbsolute: false);
        ImageContent.AssertSame(new MemoryDevice(child), disk);
    }

    [Fact]
    public void ZeroAndFlatExtentsLieBehindEachOther()
    {
        byte[] flat = MakeContent(1 << 20);
        var members = new Dictionary<string, byte[]>
        {
            ["disk.vmdk"] = Descriptor("custom", "RW 100 ZERO\nRW 200 FLAT \"a b \"quoted\".vmdk\" 7\nRDONLY 50 ZERO\nRW 10 FLAT \"a b \"quoted\".vmdk\" 0"),
            ["a b \"quoted\".vmdk"] = flat,
        };
        var expected = new byte[360 * 512];
        flat.AsSpan(7 * 512, 200 * 512).CopyTo(expected.AsSpan(100 * 512));
        flat.AsSpan(0, 10 * 512).CopyTo(expected.AsSpan(350 * 512));
        using BlockDevice disk = Open(members, "disk.vmdk");
        ImageContent.AssertSame(new MemoryDevice(expected), disk);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void StreamWithItsDirectoryAtTheEnd(bool padded)
    {
        byte[] content = MakeContent(40 << 20);
        byte[] stream = MakeStream(content);
        if (padded)
        {
            Array.Resize(ref stream, stream.Length + 10240);
        }

        using BlockDevice disk = Open(new() { ["s.vmdk"] = stream }, "s.vmdk");
        Assert.Equal("streamOptimized", ((VmdkImage)disk).Descriptor?.CreateType);
        ImageContent.AssertSame(new MemoryDevice(content), disk);
    }

    [Fact]
    public void StreamWithoutItsFooterIsRefusedByName()
    {
        byte[] stream = MakeStream(MakeContent(2 << 20));
        foreach (int cut in (int[])[512, 1024, 1536, 5000])
        {
            V2VException error = Assert.Throws<V2VException>(() => Open(new() { ["s.vmdk"] = stream[..^cut] }, "s.vmdk"));
            Assert.Equal("VmdkFooterMissing", error.ErrorId);
        }

        BinaryPrimitives.WriteInt64LittleEndian(stream.AsSpan(stream.Length - 1024 + 12), 12345);
        Assert.Equal("VmdkFooterInvalid", Assert.Throws<V2VException>(() => Open(new() { ["s.vmdk"] = stream }, "s.vmdk")).ErrorId);
    }

    [Fact]
    public void GrainOfAnotherPlaceIsNoticed()
    {
        byte[] stream = MakeStream(MakeContent(2 << 20));
        int marker = 128 * 512;
        stream[marker] ^= 1;
        using BlockDevice disk = Open(new() { ["s.vmdk"] = stream }, "s.vmdk");
        Assert.Equal("VmdkGrainDamaged", Assert.Throws<V2VException>(() => ImageContent.Sha256(disk)).ErrorId);
    }

    [Theory]
    [InlineData("RW 100 VMFSRDM \"disk-rdm.vmdk\"", "VmdkDeviceExtent")]
    [InlineData("RW 100 VMFSRAW \"disk-rdm.vmdk\"", "VmdkDeviceExtent")]
    [InlineData("RW 100 FUTURE \"x\"", "VmdkExtentTypeUnsupported")]
    [InlineData("NOACCESS 100 FLAT \"x\"", "VmdkExtentNoAccess")]
    [InlineData("RW 100 FLAT \"missing.vmdk\" 0", "ImageFileNotFound")]
    [InlineData("RW 99999999 FLAT \"other.vmdk\" 0", "VmdkExtentTruncated")]
    [InlineData("RW 1 SPARSE \"other.vmdk\"", "VmdkHeaderInvalid")]
    [InlineData("RW 18446744073709551615 ZERO", "VmdkDescriptorInvalid")]
    [InlineData("RW 100 FLAT \"disk.vmdk", "VmdkDescriptorInvalid")]
    [InlineData("RW 100 SPARSE \"disk.vmdk\"", "ImageReferenceLoop")]
    public void ExtentsThatCannotBeReadAreNamed(string line, string errorId)
    {
        V2VException error = Assert.Throws<V2VException>(() => Open(new() { ["disk.vmdk"] = Descriptor("custom", line), ["other.vmdk"] = new byte[512] }, "disk.vmdk"));
        Assert.Equal(errorId, error.ErrorId);
    }

    [Fact]
    public void EncryptedDiskIsRefusedByName()
    {
        byte[] descriptor = Descriptor("monolithicSparse", "RW 100 ZERO\nencryption.keySafe = \"vmware:key/list/(pair/...)\"");
        Assert.Equal("VmdkEncrypted", Assert.Throws<V2VException>(() => Open(new() { ["d.vmdk"] = descriptor }, "d.vmdk")).ErrorId);
    }

    private static BlockDevice Open(Dictionary<string, byte[]> members, string name)
    {
        var resolver = new MemberResolver("test.ova", member => members.TryGetValue(member, out byte[]? bytes) ? new MemoryDevice(bytes, writable: false) : null);
        return DiskImage.Open(new MemoryDevice(members[name], writable: false), name, resolver);
    }

    private static byte[] Descriptor(string type, string extents, string cid = "fffffffe", string parentCid = "ffffffff", string? parent = null)
    {
        string hint = parent is null ? "" : $"parentFileNameHint=\"{parent}\"\n";
        return Encoding.UTF8.GetBytes($"# Disk DescriptorFile\nversion=1\nCID={cid}\nparentCID={parentCid}\ncreateType=\"{type}\"\n{hint}\n# Extent description\n{extents}\n\n# The Disk Data Base\nddb.adapterType = \"lsilogic\"\n");
    }

    private static byte[] MakeContent(int length)
    {
        var content = new byte[length];
        var random = new Random(length);
        for (int at = 0; at + Grain <= length; at += Grain * random.Next(1, 4))
        {
            int kind = random.Next(3);
            if (kind == 0)
            {
                random.NextBytes(content.AsSpan(at, Grain));
            }
            else
            {
                content.AsSpan(at, Grain).Fill((byte)random.Next(256));
            }
        }

        content[^1] = 1;
        return content;
    }

    private static byte[] MakeCowd(byte[] content, Func<int, bool>? isStored = null)
    {
        using var file = new MemoryStream();
        int grains = (content.Length + Grain - 1) / Grain;
        var head = new byte[512 * 4];
        BinaryPrimitives.WriteUInt32LittleEndian(head, 0x44574F43);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(8), 3);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(12), (uint)(content.Length / 512));
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(16), Grain / 512);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(20), 4);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(24), 1);
        var directory = new byte[512];
        BinaryPrimitives.WriteUInt32LittleEndian(directory, 5);
        var table = new byte[4096 * 4];
        using var data = new MemoryStream();
        for (int i = 0; i < grains; i++)
        {
            var grain = new byte[Grain];
            content.AsSpan(i * Grain, Math.Min(Grain, content.Length - (i * Grain))).CopyTo(grain);
            if (isStored?.Invoke(i) ?? grain.AsSpan().ContainsAnyExcept((byte)0))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(i * 4), (uint)(5 + 32 + (data.Length / 512)));
                data.Write(grain);
            }
        }

        file.Write(head);
        file.Write(directory);
        file.Write(table);
        data.WriteTo(file);
        return file.ToArray();
    }

    /// <summary>A stream-optimized file as VMware's exporter writes it: grains behind markers, tables behind their grains, footer.</summary>
    private static byte[] MakeStream(byte[] content)
    {
        using var file = new MemoryStream();
        int grains = content.Length / Grain;
        byte[] header = Header(content.Length / 512, -1);
        file.Write(header);
        byte[] descriptor = Descriptor("streamOptimized", $"RW {content.Length / 512} SPARSE \"s.vmdk\"");
        Array.Resize(ref descriptor, 127 * 512);
        file.Write(descriptor);
        int tables = (grains + 511) / 512;
        var directory = new byte[((tables * 4) + 511) / 512 * 512];
        for (int t = 0; t < tables; t++)
        {
            var table = new byte[2048];
            bool isUsed = false;
            for (int i = 0; i < 512 && (t * 512) + i < grains; i++)
            {
                ReadOnlySpan<byte> grain = content.AsSpan(((t * 512) + i) * Grain, Grain);
                if (!grain.ContainsAnyExcept((byte)0))
                {
                    continue;
                }

                isUsed = true;
                BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(i * 4), (uint)(file.Length / 512));
                using var packed = new MemoryStream();
                using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
                {
                    zlib.Write(grain);
                }

                var marker = new byte[12];
                BinaryPrimitives.WriteInt64LittleEndian(marker, ((t * 512L) + i) * (Grain / 512));
                BinaryPrimitives.WriteInt32LittleEndian(marker.AsSpan(8), (int)packed.Length);
                file.Write(marker);
                packed.WriteTo(file);
                file.Write(new byte[-file.Length & 511]);
            }

            if (isUsed)
            {
                file.Write(Marker(4, 1));
                BinaryPrimitives.WriteUInt32LittleEndian(directory.AsSpan(t * 4), (uint)(file.Length / 512));
                file.Write(table);
            }
        }

        file.Write(Marker(directory.Length / 512, 2));
        long directorySector = file.Length / 512;
        file.Write(directory);
        file.Write(Marker(1, 3));
        file.Write(Header(content.Length / 512, directorySector));
        file.Write(Marker(0, 0));
        return file.ToArray();
    }

    private static byte[] Marker(long sectors, int type)
    {
        var marker = new byte[512];
        BinaryPrimitives.WriteInt64LittleEndian(marker, sectors);
        BinaryPrimitives.WriteInt32LittleEndian(marker.AsSpan(12), type);
        return marker;
    }

    private static byte[] Header(long capacity, long directory)
    {
        var header = new byte[512];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x564D444B);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), 3);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), 0x30001);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), capacity);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), Grain / 512);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(28), 1);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(36), 20);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(44), 512);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(56), directory);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(64), 128);
        "\n \r\n"u8.CopyTo(header.AsSpan(73));
        header[77] = 1;
        return header;
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace V2V.Testing;

/// <summary>
/// Packs a raw disk as VMware's OVF export does: streamOptimized with markers, each grain table behind its grains, the grain
/// directory and a footer at the end (qemu-img's own streamOptimized writes neither footer nor trailing directory).
/// "Virtual Disk Format 5.0", sections "Hosted Sparse Extents" and "Stream-Optimized Compressed Sparse Extents".
/// </summary>
public static class StreamOptimizedPacker
{
    private const int SectorSize = 512;
    private const int GrainSectors = 128;
    private const int GrainSize = GrainSectors * SectorSize;
    private const int TableEntries = 512;
    private const ulong GrainDirectoryAtEnd = ulong.MaxValue;

    /// <summary>Writes <paramref name="vmdkPath"/>; grains of zeroes are left out.</summary>
    public static void Pack(string rawPath, string vmdkPath)
    {
        using FileStream raw = File.OpenRead(rawPath);
        using FileStream vmdk = File.Create(vmdkPath);
        long capacity = raw.Length / SectorSize;
        byte[] header = Header(capacity, GrainDirectoryAtEnd);
        vmdk.Write(header);
        vmdk.Write(Padded(Encoding.ASCII.GetBytes(Descriptor(capacity, Path.GetFileName(vmdkPath))), 20 * SectorSize));
        vmdk.Position = 128 * SectorSize;

        long tableSpan = (long)TableEntries * GrainSize;
        var directory = new uint[(raw.Length + tableSpan - 1) / tableSpan];
        var tableGrains = new byte[TableEntries][];
        for (int table = 0; table < directory.Length; table++)
        {
            long start = table * tableSpan;
            Parallel.For(0, TableEntries, i => tableGrains[i] = Compress(raw, start + ((long)i * GrainSize)));
            var entries = new byte[TableEntries * sizeof(uint)];
            bool any = false;
            for (int i = 0; i < TableEntries; i++)
            {
                if (tableGrains[i].Length == 0)
                {
                    continue;
                }

                any = true;
                BinaryPrimitives.WriteUInt32LittleEndian(entries.AsSpan(i * 4), checked((uint)(vmdk.Position / SectorSize)));
                var marker = new byte[12];
                BinaryPrimitives.WriteInt64LittleEndian(marker, (start / SectorSize) + ((long)i * GrainSectors));
                BinaryPrimitives.WriteInt32LittleEndian(marker.AsSpan(8), tableGrains[i].Length);
                vmdk.Write(marker);
                vmdk.Write(tableGrains[i]);
                AlignToSector(vmdk);
            }

            if (any)
            {
                vmdk.Write(Marker(entries.Length / SectorSize, 1));
                directory[table] = checked((uint)(vmdk.Position / SectorSize));
                vmdk.Write(entries);
            }
        }

        byte[] directoryBytes = new byte[(directory.Length * 4 + SectorSize - 1) / SectorSize * SectorSize];
        for (int i = 0; i < directory.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(directoryBytes.AsSpan(i * 4), directory[i]);
        }

        vmdk.Write(Marker(directoryBytes.Length / SectorSize, 2));
        ulong directoryAt = (ulong)(vmdk.Position / SectorSize);
        vmdk.Write(directoryBytes);
        vmdk.Write(Marker(1, 3));
        vmdk.Write(Header(capacity, directoryAt));
        vmdk.Write(Marker(0, 0));
    }

    private static byte[] Compress(FileStream raw, long offset)
    {
        if (offset >= raw.Length)
        {
            return [];
        }

        var grain = new byte[GrainSize];
        RandomAccess.Read(raw.SafeFileHandle, grain, offset);
        if (grain.AsSpan().IndexOfAnyExcept((byte)0) < 0)
        {
            return [];
        }

        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(grain);
        }

        return packed.ToArray();
    }

    private static byte[] Header(long capacity, ulong directoryOffset)
    {
        var header = new byte[SectorSize];
        "KDMV"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), 3);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), 0x30001);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), capacity);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), GrainSectors);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(28), 1);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(36), 20);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(44), TableEntries);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(56), directoryOffset);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(64), 128);
        "\n \r\n"u8.CopyTo(header.AsSpan(73));
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(77), 1);
        return header;
    }

    private static byte[] Marker(long sectors, int type)
    {
        var marker = new byte[SectorSize];
        BinaryPrimitives.WriteInt64LittleEndian(marker, sectors);
        BinaryPrimitives.WriteInt32LittleEndian(marker.AsSpan(12), type);
        return marker;
    }

    private static string Descriptor(long capacity, string name) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        # Disk DescriptorFile
        version=1
        CID=5eed0001
        parentCID=ffffffff
        createType="streamOptimized"

        # Extent description
        RW {capacity} SPARSE "{name}"

        # The Disk Data Base
        #DDB

        ddb.adapterType = "lsilogic"
        ddb.geometry.cylinders = "{Math.Min(capacity / (255 * 63), 65535)}"
        ddb.geometry.heads = "255"
        ddb.geometry.sectors = "63"
        ddb.virtualHWVersion = "19"

        """);

    private static byte[] Padded(byte[] content, int length)
    {
        Array.Resize(ref content, length);
        return content;
    }

    private static void AlignToSector(FileStream stream)
    {
        int rest = (int)(stream.Position % SectorSize);
        if (rest != 0)
        {
            stream.Write(new byte[SectorSize - rest]);
        }
    }
}

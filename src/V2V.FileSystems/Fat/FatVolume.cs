using System.Buffers.Binary;
using V2V.Storage;

namespace V2V.FileSystems.Fat;

/// <summary>What all parts of an open FAT file system share.</summary>
internal sealed class FatVolume
{
    public FatVolume(BlockDevice device)
    {
        Device = device;
        Geometry = FatGeometry.Read(device);
        Table = new FatTable(device, Geometry);
    }

    public BlockDevice Device { get; }

    public FatGeometry Geometry { get; }

    public FatTable Table { get; }

    /// <summary>Writes the table, and the count of free clusters where FAT32 keeps it (FSInfo, section 5 of the specification).</summary>
    public void Flush()
    {
        if (!Table.IsChanged)
        {
            return;
        }

        Table.Flush();
        if (Geometry.InfoSector == 0)
        {
            return;
        }

        Span<byte> info = stackalloc byte[512];
        Device.Read(Geometry.InfoSector, info);
        if (info.StartsWith("RRaA"u8) && info[484..].StartsWith("rrAa"u8))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(info[488..], (uint)Table.FreeClusters);
            BinaryPrimitives.WriteUInt32LittleEndian(info[492..], Table.NextFree);
            Device.Write(Geometry.InfoSector, info);
        }
    }
}

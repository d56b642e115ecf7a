using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>Which parts of an inode an item holds (XFS_ILOG_*).</summary>
[Flags]
internal enum InodeParts
{
    None = 0,
    Core = 1,
    DataLocal = 2,
    DataExtents = 4,
    DataRoot = 8,
    Device = 0x10,
    AttributeLocal = 0x40,
    AttributeExtents = 0x80,
    AttributeRoot = 0x100,

    /// <summary>The tree of the data fork came from another file.</summary>
    DataOwner = 0x200,
    AttributeOwner = 0x400,
    DataFork = DataLocal | DataExtents | DataRoot,
    AttributeFork = AttributeLocal | AttributeExtents | AttributeRoot,
}

/// <summary>Says which inode is meant and where it is (xfs_inode_log_format, also in the packed form of 32-bit kernels).</summary>
internal readonly record struct InodeItem(InodeParts Parts, ulong Number, uint Device, long Address, int Sectors, int Offset)
{
    private const int Size = 56;
    private const int PackedSize = 52;

    public static InodeItem Read(LogItem item)
    {
        ReadOnlySpan<byte> format = item.Format;
        if (format.Length is not (Size or PackedSize) || item.Regions.Count < 2)
        {
            throw LogErrors.Corrupt($"an inode item is cut short");
        }

        var parts = (InodeParts)BinaryPrimitives.ReadUInt32LittleEndian(format[4..]);
        ReadOnlySpan<byte> rest = format[(format.Length == Size ? 16 : 12)..];
        return new InodeItem(
            parts, BinaryPrimitives.ReadUInt64LittleEndian(rest), BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(rest[24..]), BinaryPrimitives.ReadInt32LittleEndian(rest[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(rest[36..]));
    }
}

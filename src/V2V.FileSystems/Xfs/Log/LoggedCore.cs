using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>The core of an inode as the log holds it: the fields of the disk in the byte order of the machine that wrote them.</summary>
internal static class LoggedCore
{
    private const int DataMask = 84;
    private const int DataState = 88;

    /// <summary>Offsets of the 16-bit fields of every version.</summary>
    private static readonly int[] s_words =
    [
        0, InodeLayout.Mode, InodeLayout.ProjectLow, InodeLayout.ProjectHigh, DataState, InodeLayout.Flags,
    ];

    private static readonly int[] s_doubleWords =
    [
        InodeLayout.Uid, InodeLayout.Gid, InodeLayout.Links, InodeLayout.ExtentSizeHint, DataMask, InodeLayout.Generation,
    ];

    private static readonly int[] s_times = [InodeLayout.AccessTime, InodeLayout.ModifiedTime, InodeLayout.ChangeTime];

    public static ushort Get16(ReadOnlySpan<byte> logged, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(logged[offset..]);

    /// <summary>Writes the core of an inode as the disk has it. The link of unlinked inodes is not part of it, nor is the checksum.</summary>
    public static void Write(ReadOnlySpan<byte> logged, Span<byte> inode, ulong lsn)
    {
        byte version = logged[InodeLayout.Version];
        foreach (int offset in s_words)
        {
            Swap16(logged, inode, offset);
        }

        foreach (int offset in s_doubleWords)
        {
            Swap32(logged, inode, offset);
        }

        inode[InodeLayout.Version] = version;
        inode[InodeLayout.Format] = logged[InodeLayout.Format];
        inode[InodeLayout.ForkOffset] = logged[InodeLayout.ForkOffset];
        inode[InodeLayout.AttributeFormat] = logged[InodeLayout.AttributeFormat];
        Be.Set16(inode, InodeLayout.OldLinks, version == 1 ? Get16(logged, InodeLayout.OldLinks) : 0);
        Swap64(logged, inode, InodeLayout.FileSize);
        Swap64(logged, inode, InodeLayout.Blocks);

        ulong flags = version == 3 ? BinaryPrimitives.ReadUInt64LittleEndian(logged[InodeLayout.Flags2..]) : 0;
        foreach (int offset in s_times)
        {
            WriteTime(logged, inode, offset, flags);
        }

        if (version == 3)
        {
            Swap64(logged, inode, InodeLayout.ChangeCount);
            Be.Set64(inode, InodeLayout.Lsn, lsn);
            Swap64(logged, inode, InodeLayout.Flags2);
            Swap32(logged, inode, InodeLayout.CowExtentSize);
            inode[(InodeLayout.CowExtentSize + 4)..InodeLayout.CreationTime].Clear();
            WriteTime(logged, inode, InodeLayout.CreationTime, flags);
            Swap64(logged, inode, InodeLayout.Number);
            logged.Slice(InodeLayout.Uuid, 16).CopyTo(inode[InodeLayout.Uuid..]);
        }

        // Version 2 counts its writes here. Replay begins the count anew, as the kernel's does.
        Be.Set64(inode, InodeLayout.LargeDataExtents, 0);
        Swap32(logged, inode, InodeLayout.DataExtents);
        Swap16(logged, inode, InodeLayout.AttributeExtents);
        if ((flags & InodeLayout.Flag2LargeExtentCounts) != 0)
        {
            Swap64(logged, inode, InodeLayout.LargeDataExtents);
        }
    }

    private static void WriteTime(ReadOnlySpan<byte> logged, Span<byte> inode, int offset, ulong flags)
    {
        if ((flags & InodeLayout.Flag2BigTime) != 0)
        {
            Swap64(logged, inode, offset);
        }
        else
        {
            Swap32(logged, inode, offset);
            Swap32(logged, inode, offset + 4);
        }
    }

    private static void Swap16(ReadOnlySpan<byte> logged, Span<byte> inode, int offset) => Be.Set16(inode, offset, Get16(logged, offset));

    private static void Swap32(ReadOnlySpan<byte> logged, Span<byte> inode, int offset) =>
        Be.Set32(inode, offset, BinaryPrimitives.ReadUInt32LittleEndian(logged[offset..]));

    private static void Swap64(ReadOnlySpan<byte> logged, Span<byte> inode, int offset) =>
        Be.Set64(inode, offset, BinaryPrimitives.ReadUInt64LittleEndian(logged[offset..]));
}

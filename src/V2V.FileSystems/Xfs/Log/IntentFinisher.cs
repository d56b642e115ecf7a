using System.Buffers.Binary;
using V2V.FileSystems.Xfs.Allocation;
using V2V.FileSystems.Xfs.Btrees;
using V2V.FileSystems.Xfs.Mapping;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// Finishes what the log's intents say was under way ("Log Intent Items" of the XFS documentation), in the order of the log: freeing
/// extents, changes of the reverse map, of reference counts, of block maps and of parent pointers.
/// </summary>
internal sealed class IntentFinisher(XfsVolume volume)
{
    private const int HeaderSize = 16;
    private const uint TypeMask = 0xFF;
    private const uint AttributeFlag = 1u << 31;

    private readonly XfsSuperblock _super = volume.Super;

    public void Finish(IntentTable intents)
    {
        volume.Space.IsFreeing = true;
        foreach (LogItem item in intents.Items)
        {
            ReadOnlySpan<byte> format = item.Format;
            uint count = BinaryPrimitives.ReadUInt32LittleEndian(format[4..]);
            switch (item.Type)
            {
                case LogItemType.ExtentFreeIntent:
                    FreeExtents(format, count);
                    break;
                case LogItemType.ReverseMapIntent:
                    ForEach(format, count, 32, ChangeReverseMap);
                    break;
                case LogItemType.RefcountIntent:
                    ForEach(format, count, 16, ChangeRefcount);
                    break;
                case LogItemType.BlockMapIntent:
                    ForEach(format, count, 32, ChangeBlockMap);
                    break;
                case LogItemType.AttributeIntent:
                    ParentIntent.Finish(volume, item);
                    break;
                default:
                    throw Refuse(item);
            }

            volume.Trim();
        }
    }

    /// <summary>The error for an intent that is not finished here.</summary>
    public static Exception Refuse(LogItem item) => LogErrors.Intent(item.Type switch
    {
        LogItemType.ExtentFreeIntent => "freeing extents (EFI)",
        LogItemType.ReverseMapIntent => "a change of the reverse map (RUI)",
        LogItemType.RefcountIntent => "a change of reference counts (CUI)",
        LogItemType.BlockMapIntent => "a change of a block map (BUI)",
        LogItemType.AttributeIntent => "a change of an extended attribute (ATTRI)",
        _ => "an exchange of the content of two files (XMI)",
    });

    private static void ForEach(ReadOnlySpan<byte> format, uint count, int size, Action<ReadOnlySpan<byte>> action)
    {
        if (count > (uint)(format.Length - HeaderSize) / (uint)size)
        {
            throw LogErrors.Corrupt($"an intent is cut short");
        }

        for (int i = 0; i < (int)count; i++)
        {
            action(format.Slice(HeaderSize + (i * size), size));
        }
    }

    /// <summary>Extents have 16 bytes, or 12 if a 32-bit kernel logged them.</summary>
    private void FreeExtents(ReadOnlySpan<byte> format, uint count) =>
        ForEach(format, count, (ulong)(format.Length - HeaderSize) == count * 12UL ? 12 : 16, FreeExtent);

    private void FreeExtent(ReadOnlySpan<byte> extent)
    {
        (AllocationGroup group, uint start, uint count) = RunAt(extent, 0, 8);

        // What owned the blocks is not said, and may have been taken out of the reverse map already.
        foreach ((uint from, uint length, BlockUse use) in group.ReverseMap?.UsesOf(start, count) ?? [])
        {
            group.UnmapUse(from, length, use);
        }

        group.Free(start, count, RmapOwner.None);
    }

    private void ChangeReverseMap(ReadOnlySpan<byte> extent)
    {
        (AllocationGroup group, uint start, uint count) = RunAt(extent, 8, 24);
        ulong owner = BinaryPrimitives.ReadUInt64LittleEndian(extent);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(extent[28..]);
        var use = new BlockUse(
            owner, BinaryPrimitives.ReadUInt64LittleEndian(extent[16..]), (flags & AttributeFlag) != 0, (flags & (1u << 30)) != 0, (flags & (1u << 29)) != 0);
        use = use.HasOffset ? use : use with { Offset = 0 };
        switch (flags & TypeMask)
        {
            case 1 or 2 or 7:
                group.MapUse(start, count, use);
                break;
            case 3 or 4 or 8:
                group.UnmapUse(start, count, use);
                break;
            case 5 or 6:
                group.UnmapUse(start, count, use with { Unwritten = !use.Unwritten });
                group.MapUse(start, count, use);
                break;
            default:
                throw LogErrors.Corrupt($"an intent for the reverse map has the flags 0x{flags:x}");
        }
    }

    private void ChangeRefcount(ReadOnlySpan<byte> extent)
    {
        (AllocationGroup group, uint start, uint count) = RunAt(extent, 0, 8);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(extent[12..]);
        if (group.Refcounts is not RefcountTree tree)
        {
            throw LogErrors.Corrupt($"it changes reference counts, which the file system has not got");
        }

        group.RequireTreeSpace((uint)tree.Levels + 1);
        switch (flags & TypeMask)
        {
            case 1:
                tree.Increase(start, count);
                break;
            case 2:
                tree.Decrease(start, count, (from, length) => group.Free(from, length, RmapOwner.None));
                break;
            case 3:
                tree.SetAside(start, count);
                break;
            case 4:
                tree.Restore(start, count);
                break;
            default:
                throw LogErrors.Corrupt($"an intent for reference counts has the flags 0x{flags:x}");
        }
    }

    private void ChangeBlockMap(ReadOnlySpan<byte> extent)
    {
        RunAt(extent, 8, 24);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(extent[28..]);
        ulong fileBlock = BinaryPrimitives.ReadUInt64LittleEndian(extent[16..]);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(extent[24..]);
        if (fileBlock >= 1UL << 54 || count > ExtentRecord.MaxCount)
        {
            throw LogErrors.Corrupt($"an intent for a block map is out of range");
        }

        XfsInode inode = volume.Inodes.Get(BinaryPrimitives.ReadUInt64LittleEndian(extent));
        Fork fork = (flags & AttributeFlag) != 0 ? inode.Attributes : inode.Data;
        if (fork.Format is not (ForkFormat.Extents or ForkFormat.Tree) || !fork.Exists)
        {
            throw LogErrors.Corrupt($"an intent changes the block map of inode {inode.Number}, which has none");
        }

        switch (flags & TypeMask)
        {
            case 1:
                fork.Attach(new ExtentRecord(fileBlock, BinaryPrimitives.ReadUInt64LittleEndian(extent[8..]), count, (flags & (1u << 30)) != 0));
                break;
            case 2:
                fork.Detach(fileBlock, count);
                break;
            default:
                throw LogErrors.Corrupt($"an intent for a block map has the flags 0x{flags:x}");
        }
    }

    private (AllocationGroup Group, uint Start, uint Count) RunAt(ReadOnlySpan<byte> extent, int startOffset, int countOffset)
    {
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(extent[startOffset..]);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(extent[countOffset..]);
        if (!_super.IsValid(start, count))
        {
            throw LogErrors.Corrupt($"an intent is about block {start}, which lies outside the volume");
        }

        return (volume.Group(_super.GroupOf(start)), _super.BlockInGroup(start), count);
    }
}

using System.Buffers.Binary;
using V2V.FileSystems.Xfs.Attributes;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// An intent to change a parent pointer ("Attribute Intent Items" and "Parent Pointers" of the XFS documentation; xfs_attri_log_format): the
/// format, then the name, the new name, the value and the new value as far as the operation has them. Other attributes are logged so by
/// debug kernels only.
/// </summary>
internal static class ParentIntent
{
    private const int FormatSize = 40;
    private const int MaxName = 255;
    private const int ValueSize = 12;
    private const uint OperationMask = 0xFF;
    private const uint Set = 4;
    private const uint Remove = 5;
    private const uint Replace = 6;

    public static void Finish(XfsVolume volume, LogItem item)
    {
        ReadOnlySpan<byte> format = item.Format;
        if (format.Length < FormatSize)
        {
            throw LogErrors.Corrupt($"an intent is cut short");
        }

        uint operation = BinaryPrimitives.ReadUInt32LittleEndian(format[24..]) & OperationMask;
        if (operation is not (Set or Remove or Replace))
        {
            throw IntentFinisher.Refuse(item);
        }

        if (!volume.Super.HasParentPointers || BinaryPrimitives.ReadUInt32LittleEndian(format[32..]) != ValueSize
            || item.Regions.Count != (operation == Replace ? 5 : 3))
        {
            throw LogErrors.Corrupt($"an intent for a parent pointer contradicts itself");
        }

        XfsInode inode = volume.Inodes.GetAny(BinaryPrimitives.ReadUInt64LittleEndian(format[16..]));
        if (inode.Mode == 0 || inode.Generation != BinaryPrimitives.ReadUInt32LittleEndian(format[4..]))
        {
            throw LogErrors.Corrupt($"an intent is for a parent pointer of inode {inode.Number}, which is another file now");
        }

        uint lengths = BinaryPrimitives.ReadUInt32LittleEndian(format[28..]);
        var attributes = new AttributeStore(volume, inode);
        if (operation == Replace)
        {
            attributes.FinishParents(
                (Part(item, 1, lengths & ushort.MaxValue), Part(item, 3, ValueSize)), (Part(item, 2, lengths >> 16), Part(item, 4, ValueSize)));
            return;
        }

        (byte[], byte[]) pointer = (Part(item, 1, lengths), Part(item, 2, ValueSize));
        attributes.FinishParents(operation == Remove ? pointer : null, operation == Set ? pointer : null);
    }

    /// <summary>A region without what rounds its length up.</summary>
    private static byte[] Part(LogItem item, int region, uint length) => length is > 0 and <= MaxName && item.Regions[region].Length >= (int)length
        ? item.Regions[region].Data[..(int)length].ToArray()
        : throw LogErrors.Corrupt($"an intent for a parent pointer has a wrong length");
}

using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The indexes of the folder <c>$Extend</c> that list files by reparse tag and by object id, and the quotas of their owners.</summary>
internal static class ExtendIndexes
{
    private const int ObjectIdSize = 16;

    public static void AddReparse(NtfsVolume volume, FileRecord file, uint tag)
    {
        if (Open(volume, "$Reparse", "$R") is { } index && index.Find(ReparseKey(file, tag)) is null)
        {
            index.Insert(IndexEntry.ForView(ReparseKey(file, tag), default));
        }
    }

    public static void RemoveReparse(NtfsVolume volume, FileRecord file)
    {
        if (ReparsePoint.Read(volume, file) is { } point && Open(volume, "$Reparse", "$R") is { } index && index.Find(ReparseKey(file, point.Tag)) is not null)
        {
            index.Remove(ReparseKey(file, point.Tag));
        }
    }

    public static void RemoveObjectId(NtfsVolume volume, FileRecord file)
    {
        if (file.Find(AttributeType.ObjectId)?.Value is { Length: >= ObjectIdSize } id
            && Open(volume, "$ObjId", "$O") is { } index && index.Find(id.AsSpan(0, ObjectIdSize)) is not null)
        {
            index.Remove(id.AsSpan(0, ObjectIdSize));
        }
    }

    /// <summary>
    /// What the owners of files use is not counted here: where Windows counts it, it is told to count anew (<c>QUOTA_FLAG_OUT_OF_DATE</c>), which it does
    /// when it next mounts the volume.
    /// </summary>
    public static void MarkQuotasOutOfDate(NtfsVolume volume)
    {
        const int DefaultsId = 1, FlagsField = 4;
        const uint Tracking = 0x10 | 0x40 | 0x800, OutOfDate = 0x200;
        var key = new byte[4];
        WriteUInt32LittleEndian(key, DefaultsId);
        if (volume.FindExtend("$Quota") is not { } file || file.Find(AttributeType.IndexRoot, "$Q") is null
            || new IndexTree(volume, file, "$Q", IndexCollation.UnsignedInteger) is not { } index
            || index.Find(key) is not { Data.Length: >= FlagsField + 4 } defaults)
        {
            return;
        }

        uint flags = ReadUInt32LittleEndian(defaults.Data[FlagsField..]);
        if ((flags & Tracking) != 0 && (flags & OutOfDate) == 0)
        {
            WriteUInt32LittleEndian(defaults.Data[FlagsField..], flags | OutOfDate);
            byte[] data = defaults.Data.ToArray();
            index.Remove(key);
            index.Insert(IndexEntry.ForView(key, data));
        }
    }

    private static IndexTree? Open(NtfsVolume volume, string fileName, string indexName) =>
        volume.FindExtend(fileName) is { } file && file.Find(AttributeType.IndexRoot, indexName) is not null
            ? new IndexTree(volume, file, indexName, IndexCollation.UnsignedIntegers)
            : null;

    private static byte[] ReparseKey(FileRecord file, uint tag)
    {
        var key = new byte[12];
        WriteUInt32LittleEndian(key, tag);
        WriteUInt64LittleEndian(key.AsSpan(4), file.Reference);
        return key;
    }
}

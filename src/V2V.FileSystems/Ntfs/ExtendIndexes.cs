using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The indexes of the folder <c>$Extend</c> that list files by reparse tag and by object id.</summary>
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

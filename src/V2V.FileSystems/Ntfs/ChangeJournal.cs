using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// The journal of changes that programs of the guest read, <c>$Extend\$UsnJrnl</c>. Our changes are not in it, so it gets a new id: its readers
/// (search, backup) then look at the volume afresh instead of trusting it.
/// </summary>
internal static class ChangeJournal
{
    private const int MaxSize = 32;

    public static void StartAnew(NtfsVolume volume)
    {
        if (volume.FindExtend("$UsnJrnl") is not { } journal
            || journal.Find(AttributeType.Data, "$Max") is not { Value.Length: >= MaxSize } max
            || journal.Find(AttributeType.Data, "$J") is not { } records)
        {
            return;
        }

        WriteInt64LittleEndian(max.Value.AsSpan(16), StandardInformation.FromTime(DateTimeOffset.UtcNow));
        WriteInt64LittleEndian(max.Value.AsSpan(24), records.Length);
        volume.Mft.Save(journal);
    }
}

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>How a range of a BitLocker volume is stored.</summary>
internal enum StoredAs
{
    /// <summary>Encrypted.</summary>
    Encrypted,

    /// <summary>As it is.</summary>
    Plain,

    /// <summary>Not at all: BitLocker keeps its own data there and shows zeroes.</summary>
    Nothing,

    /// <summary>As BitLocker's own first sector, in which Vista changed two fields of NTFS'.</summary>
    VistaBootSector,
}

/// <summary>A range of the volume as its file system sees it.</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Byte behind the last.</param>
/// <param name="Stored">Where the first byte is stored.</param>
/// <param name="As">How.</param>
internal readonly record struct LayoutRange(long Start, long End, long Stored, StoredAs As);

/// <summary>
/// Where each byte of a volume is stored and whether it is encrypted there: the file system's first sectors elsewhere, nothing where the metadata lies, and
/// plain data behind the mark that an unfinished conversion has come to (libbde, Virtual sectors).
/// </summary>
internal sealed class VolumeLayout
{
    private const int VistaPlain = 8192;
    private const int MetadataSize = 64 << 10;
    private const int VistaMetadataSize = 16 << 10;

    private readonly List<LayoutRange> _ranges = [];

    private VolumeLayout(long length) => Length = length;

    /// <summary>Bytes in the volume, whole sectors.</summary>
    internal long Length { get; }

    /// <summary>Why the volume must not be written, or null.</summary>
    internal string? ReadOnlyReason { get; private init; }

    /// <summary>The range that a byte lies in.</summary>
    internal LayoutRange this[long offset]
    {
        get
        {
            int low = 0, high = _ranges.Count - 1;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                (low, high) = _ranges[middle].Start <= offset ? (middle, high) : (low, middle - 1);
            }

            return _ranges[low];
        }
    }

    /// <summary>Lays out a volume.</summary>
    /// <exception cref="V2VException"><c>BitLockerMetadataDamaged</c> or <c>BitLockerConversionUnfinished</c>.</exception>
    internal static VolumeLayout Build(BlockDevice device, VolumeHeader header, MetadataBlock metadata, string target)
    {
        int sector = header.SectorSize;
        long length = device.Length / sector * sector;
        if (metadata.IsDirty)
        {
            throw BitLockerErrors.Unfinished(target);
        }

        EncryptOnWrite? onWrite = metadata.State != MetadataBlock.Decrypted && header.EncryptOnWriteOffsets.Length > 0 ? EncryptOnWrite.Read(device, header, target) : null;
        List<(long Start, long End, bool IsEncrypted)> states = onWrite?.Runs ?? States(metadata, sector, length);
        if (states.Exists(s => s.Start % sector != 0 || s.End % sector != 0))
        {
            throw BitLockerErrors.Damaged("a bitmap of its conversion begins within a sector", target);
        }

        if (states[^1].End < length)
        {
            // A partition may be larger than the volume in it.
            states.Add((states[^1].End, length, false));
        }

        var layout = new VolumeLayout(length)
        {
            ReadOnlyReason = onWrite is { IsMixed: true } ? "BitLocker has not finished encrypting or decrypting it (manage-bde -status)" : null,
        };
        long head = metadata.Version == 1 ? VistaPlain : (long)metadata.RelocatedSectors * sector;
        if (head > length || (metadata.Version > 1 && (metadata.RelocatedOffset % sector != 0 || metadata.RelocatedOffset < head || metadata.RelocatedOffset > length - head)))
        {
            throw BitLockerErrors.Damaged("its first sectors would lie outside", target);
        }

        if (metadata.Version == 1)
        {
            layout._ranges.Add(new LayoutRange(0, sector, 0, StoredAs.VistaBootSector));
            layout._ranges.Add(new LayoutRange(sector, head, sector, StoredAs.Plain));
        }
        else
        {
            layout.Add(0, metadata.RelocatedOffset, head, states, target);
        }

        long at = head;
        foreach ((long start, long end) in Reserved(header, metadata, onWrite, head))
        {
            if (end <= at || start >= length)
            {
                continue;
            }

            layout.Add(at, at, Math.Max(start, at) - at, states, target);
            at = Math.Max(start, at);
            layout._ranges.Add(new LayoutRange(at, Math.Min(end, length), at, StoredAs.Nothing));
            at = Math.Min(end, length);
        }

        layout.Add(at, at, length - at, states, target);
        return layout;
    }

    /// <summary>What is encrypted of a volume without bitmaps: all up to a mark.</summary>
    private static List<(long Start, long End, bool IsEncrypted)> States(MetadataBlock metadata, int sector, long length)
    {
        long mark = metadata.State == MetadataBlock.Decrypted ? 0 : metadata.EncryptedLength == 0 ? length : Math.Min(metadata.EncryptedLength / sector * sector, length);
        return [(0, mark, true), (mark, length, false)];
    }

    private static List<(long Start, long End)> Reserved(VolumeHeader header, MetadataBlock metadata, EncryptOnWrite? onWrite, long head)
    {
        int sector = header.SectorSize;
        long size = metadata.Version == 1 ? (VistaMetadataSize + header.ClusterSize - 1) / header.ClusterSize * header.ClusterSize : MetadataSize;
        List<(long Start, long End)> reserved = [.. metadata.Offsets.Where(o => o > 0 && o <= long.MaxValue - size).Select(o => (o, o + size))];
        if (metadata.Version > 1)
        {
            reserved.Add((metadata.RelocatedOffset, metadata.RelocatedOffset + head));
        }

        reserved.AddRange(onWrite?.Reserved ?? []);
        return [.. reserved.Select(r => (r.Start / sector * sector, (r.End + sector - 1) / sector * sector)).Order()];
    }

    /// <summary>Adds what is stored from a place on, cut where its state changes.</summary>
    private void Add(long start, long stored, long length, List<(long Start, long End, bool IsEncrypted)> states, string target)
    {
        long end = stored + length;
        for (int i = FindState(states, stored); stored < end; i++)
        {
            if (i >= states.Count || states[i].Start > stored)
            {
                throw BitLockerErrors.Damaged("the bitmaps of its conversion leave out parts of it", target);
            }

            long step = Math.Min(states[i].End, end) - stored;
            if (step > 0)
            {
                _ranges.Add(new LayoutRange(start, start + step, stored, states[i].IsEncrypted ? StoredAs.Encrypted : StoredAs.Plain));
            }

            start += Math.Max(step, 0);
            stored += Math.Max(step, 0);
        }
    }

    /// <summary>The first run that ends behind a place.</summary>
    private static int FindState(List<(long Start, long End, bool IsEncrypted)> states, long at)
    {
        int low = 0, high = states.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = states[middle].End > at ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}

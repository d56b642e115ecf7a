using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The part of the table that writes records, and takes and gives them.</summary>
internal sealed partial class MasterFileTable
{
    private const long FirstReserved = 16;
    private const long FirstFree = 24;
    private const int GrowStep = 64;
    private const long MostMirrored = 64;
    private const int MaxBitmap = 512 << 20;

    private byte[]? _used;
    private bool _usedChanged;
    private long _nextFree = FirstFree;

    /// <summary>True if a resident attribute may grow by so many bytes.</summary>
    public bool HasRoom(FileRecord file, NtfsAttribute attribute, int growth)
    {
        const int MostInExtension = 256;
        if (file.Extensions.Count > 0)
        {
            return attribute.Value!.Length + growth <= MostInExtension;
        }

        return RecordLayout.TotalSize(_volume, file) + growth + 8 <= RecordLayout.UsableSize(_volume.Geometry.RecordSize);
    }

    /// <summary>Writes all records of a file as its attributes are now.</summary>
    public void Save(FileRecord file)
    {
        if (file.Deleted)
        {
            return;
        }

        RecordLayout layout = RecordLayout.Make(_volume, file);
        while (file.Extensions.Count > layout.Records.Count - 1)
        {
            FreeRecord(file.Extensions[^1]);
            file.Extensions.RemoveAt(file.Extensions.Count - 1);
        }

        while (file.Extensions.Count < layout.Records.Count - 1)
        {
            file.Extensions.Add(file.Number == NtfsVolume.MftNumber ? TakeReserved() : TakeRecord());
        }

        var references = new List<ulong> { file.Reference };
        foreach (long number in file.Extensions)
        {
            references.Add((ulong)number | ((ulong)SequenceOf(number) << 48));
        }

        NtfsAttribute? list = MakeList(file, layout, references);
        for (int i = layout.Records.Count - 1; i >= 0; i--)
        {
            List<byte[]> attributes = [.. layout.Records[i].Select(p => p.Bytes)];
            if (i == 0 && list is not null)
            {
                int run = 0;
                int at = layout.Records[0].FindIndex(p => p.Attribute.Type > AttributeType.AttributeList);
                attributes.Insert(
                    at < 0 ? attributes.Count : at,
                    list.IsResident ? RecordWriter.Resident(list) : RecordWriter.NonResident(list, _volume.Geometry.ClusterSize, ref run, _volume.Geometry.RecordSize)!);
            }

            long number = i == 0 ? file.Number : file.Extensions[i - 1];
            ushort flags = i == 0 ? file.Flags : FileRecord.InUseFlag;
            WriteRecord(number, RecordWriter.Make(
                _volume.Geometry.RecordSize, number, (ushort)(references[i] >> 48), i == 0 ? file.LinkCount : (ushort)0, flags, i == 0 ? 0 : references[0], attributes));
        }
    }

    /// <summary>Takes a record for a new file; it is not on disk until it is saved.</summary>
    public FileRecord Create(ushort flags)
    {
        long number = TakeRecord();
        ushort sequence = SequenceOf(number);
        var file = new FileRecord(number, sequence) { Flags = (ushort)(flags | FileRecord.InUseFlag) };
        Remember(file);
        return file;
    }

    /// <summary>Gives back all clusters and records of a file.</summary>
    public void Delete(FileRecord file)
    {
        foreach (NtfsAttribute attribute in file.Attributes)
        {
            _volume.Content.Free(attribute);
        }

        if (file.List is { } list)
        {
            _volume.Content.Free(list);
        }

        file.Extensions.ForEach(FreeRecord);
        FreeRecord(file.Number);
        file.Deleted = true;
        _records.Remove(file.Number);
    }

    /// <summary>Writes the bitmap of records.</summary>
    public void Flush()
    {
        if (_usedChanged)
        {
            NtfsAttribute bitmap = Pinned.Get(AttributeType.Bitmap);
            _volume.Content.Write(bitmap, 0, _used);
            Save(Pinned);
            _usedChanged = false;
        }
    }

    private NtfsAttribute? MakeList(FileRecord file, RecordLayout layout, List<ulong> references)
    {
        if (layout.Records.Count == 1 || (layout.ListIsNonResident is false && file.List is not null))
        {
            if (file.List is { IsResident: false } old)
            {
                _volume.Content.Free(old);
            }

            file.List = null;
        }

        if (layout.Records.Count == 1)
        {
            return null;
        }

        byte[] content = layout.MakeList(references);
        file.List ??= new NtfsAttribute(AttributeType.AttributeList, "") { Value = [] };
        if (!layout.ListIsNonResident)
        {
            file.List.Value = content;
            return file.List;
        }

        if (file.List.IsResident)
        {
            file.List.Value = [];
            _volume.Content.MakeNonResident(file.List, 0);
        }

        _volume.Content.SetLength(file, file.List, content.Length);
        _volume.Content.Write(file.List, 0, content);
        return file.List;
    }

    private void WriteRecord(long number, byte[] record)
    {
        int size = record.Length;
        record.AsSpan(48, 2).Clear();
        WriteUInt16LittleEndian(record.AsSpan(48), NextUpdateNumber(number));
        Fixups.Apply(record);
        _volume.Content.Write(_data, number * size, record);
        if (number >= MostMirrored)
        {
            return;
        }

        NtfsAttribute mirror = Get(NtfsVolume.MirrorNumber).Get(AttributeType.Data);
        if ((number + 1) * size <= mirror.Length)
        {
            _volume.Content.Write(mirror, number * size, record);
        }
    }

    /// <summary>The update sequence number that is on disk.</summary>
    private ushort NextUpdateNumber(long number)
    {
        Span<byte> head = stackalloc byte[8];
        int size = _volume.Geometry.RecordSize;
        _volume.Content.Read(_data, number * size, head);
        int array = ReadUInt16LittleEndian(head[4..]);
        if (array < 8 || array > 500)
        {
            return 1;
        }

        _volume.Content.Read(_data, (number * size) + array, head[..2]);
        return ReadUInt16LittleEndian(head);
    }

    private ushort SequenceOf(long number) => Math.Max((ushort)1, ReadHeader(number)?.Sequence ?? 1);

    /// <summary>The header of a record that may be free; null if it was never written, which Windows leaves for later.</summary>
    private ParsedRecord? ReadHeader(long number)
    {
        Span<byte> head = stackalloc byte[48];
        _volume.Content.Read(_data, number * _volume.Geometry.RecordSize, head);
        return head.StartsWith("FILE"u8) ? RecordParser.ParseHeader(head, number) : null;
    }

    private byte[] Used()
    {
        if (_used is null)
        {
            _used = _volume.Content.ReadAll(Pinned.Get(AttributeType.Bitmap), MaxBitmap);
            if (_used.LongLength * 8 < Count)
            {
                throw NtfsErrors.Bitmap("that of $MFT is smaller than the table");
            }
        }

        return _used;
    }

    private long TakeRecord()
    {
        for (int turn = 0; turn < 2; turn++)
        {
            long start = turn == 0 ? _nextFree : FirstFree;
            byte[] used = Used();
            for (long number = start; number < Count; number++)
            {
                if (number % 8 == 0 && used[number / 8] == 0xFF)
                {
                    number += 7;
                }
                else if (TryTake(number))
                {
                    _nextFree = number + 1;
                    return number;
                }
            }
        }

        long first = Count;
        Grow();
        _nextFree = first + 1;
        return TryTake(first) ? first : throw NtfsErrors.Bitmap("a record beyond the table is marked as used");
    }

    /// <summary>A record for a part of $MFT's own runs must lie where the runs in its base record lead.</summary>
    private long TakeReserved()
    {
        long reachable = _data.Runs.Items[0].Count * _volume.Geometry.ClusterSize / _volume.Geometry.RecordSize;
        for (long number = FirstReserved; number < Math.Min(reachable, Count); number++)
        {
            if (TryTake(number))
            {
                return number;
            }
        }

        throw NtfsErrors.TooManyAttributes(NtfsVolume.MftNumber);
    }

    private bool TryTake(long number)
    {
        byte[] used = Used();
        if ((used[number / 8] & (1 << (int)(number % 8))) != 0)
        {
            return false;
        }

        if (ReadHeader(number) is { } header && (header.Flags & FileRecord.InUseFlag) != 0)
        {
            throw NtfsErrors.Bitmap(FormattableString.Invariant($"record {number} is in use, but not marked"));
        }

        used[number / 8] |= (byte)(1 << (int)(number % 8));
        _usedChanged = true;
        return true;
    }

    private void FreeRecord(long number)
    {
        ushort sequence = (ushort)(SequenceOf(number) + 1);
        WriteRecord(number, RecordWriter.Make(_volume.Geometry.RecordSize, number, Math.Max((ushort)1, sequence), 0, 0, 0, []));
        Used()[number / 8] &= (byte)~(1 << (int)(number % 8));
        _usedChanged = true;
        _nextFree = Math.Min(_nextFree, Math.Max(FirstFree, number));
    }

    private void Grow()
    {
        int size = _volume.Geometry.RecordSize;
        long clusters = _volume.Geometry.ClustersFor((long)GrowStep * size);
        long added = clusters * _volume.Geometry.ClusterSize / size;
        long first = Count;
        NtfsAttribute bitmap = Pinned.Get(AttributeType.Bitmap);
        long bitmapLength = (first + added + 63) / 64 * 8;
        byte[] used = Used();
        if (bitmapLength > used.Length)
        {
            _volume.Content.SetLength(Pinned, bitmap, bitmapLength);
            Array.Resize(ref used, (int)bitmapLength);
            _used = used;
            _volume.Content.Write(bitmap, 0, used);
        }

        // What is allocated already counts too: the table may end within a cluster.
        _volume.Content.Grow(_data.Runs, clusters);
        for (long number = first; number < first + added; number++)
        {
            byte[] record = RecordWriter.Make(size, number, 1, 0, 0, 0, []);
            WriteUInt16LittleEndian(record.AsSpan(48), 1);
            Fixups.Apply(record);
            _volume.Content.WriteClusters(_data.Runs, number * size, record);
        }

        _data.DataSize = _data.InitializedSize = (first + added) * size;
        Save(Pinned);
        _usedChanged = true;
    }
}

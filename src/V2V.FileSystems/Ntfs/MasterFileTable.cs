using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The file records, <c>$MFT</c>.</summary>
internal sealed partial class MasterFileTable
{
    /// <summary>Largest attribute list, as ntfs.sys has it.</summary>
    public const int MaxListSize = 256 << 10;

    private const int RecentCount = 1024;

    private readonly NtfsVolume _volume;
    private readonly NtfsAttribute _data;

    // A record has one object as long as anyone holds it; the most recent ones are held here.
    private readonly Dictionary<long, WeakReference<FileRecord>> _records = [];
    private readonly FileRecord?[] _recent = new FileRecord?[RecentCount];
    private int _nextRecent;

    public MasterFileTable(NtfsVolume volume)
    {
        _volume = volume;
        NtfsGeometry geometry = volume.Geometry;
        var first = new byte[geometry.RecordSize];
        volume.Device.Read(geometry.MftCluster * geometry.ClusterSize, first);
        if (!Fixups.Undo(first))
        {
            throw NtfsErrors.Record(0, "its last write was torn");
        }

        ParsedRecord parsed = RecordParser.Parse(first, 0);
        AttributeSegment head = parsed.Segments.Find(s => s.Attribute.Is(AttributeType.Data, "") && s.LowestVcn == 0);
        _data = head.Attribute is { IsResident: false } data ? data : throw NtfsErrors.Record(0, "$MFT has no runs");
        MappingPairs.Decode(head.Pairs.Span, _data.Runs, head.Clusters, geometry.ClusterCount);

        // The rest of the runs may be in other records, each of which the runs before it lead to.
        if (parsed.Segments.Find(s => s.Attribute.Type == AttributeType.AttributeList) is { Attribute: not null } list)
        {
            foreach (ListEntry entry in ReadList(list, 0).Where(e => e is { Type: AttributeType.Data, Name: "", LowestVcn: > 0 }).OrderBy(e => e.LowestVcn))
            {
                ParsedRecord part = RecordParser.Parse(ReadRaw(entry.Record), entry.Record);
                AttributeSegment segment = part.Segments.Find(s => s.Attribute.Is(AttributeType.Data, "") && s.LowestVcn == entry.LowestVcn);
                if (segment.Attribute is null || segment.LowestVcn != _data.Runs.ClusterCount)
                {
                    throw NtfsErrors.Record(0, "a part of the runs of $MFT is missing");
                }

                MappingPairs.Decode(segment.Pairs.Span, _data.Runs, segment.Clusters, geometry.ClusterCount);
            }
        }

        FileRecord self = Load(0);
        self.Attributes[self.Attributes.FindIndex(a => a.Is(AttributeType.Data, ""))] = _data;
        Remember(self);
        Pinned = self;
    }

    /// <summary>Number of records that the table has room for.</summary>
    public long Count => Math.Min(_data.InitializedSize, _data.DataSize) / _volume.Geometry.RecordSize;

    /// <summary>The record of <c>$MFT</c> itself.</summary>
    public FileRecord Pinned { get; }

    /// <summary>The file whose base record has this number.</summary>
    public FileRecord Get(long number)
    {
        if (_records.TryGetValue(number, out WeakReference<FileRecord>? reference) && reference.TryGetTarget(out FileRecord? record))
        {
            return record;
        }

        record = Load(number);
        Remember(record);
        return record;
    }

    /// <summary>The file that a directory refers to; the sequence number must fit.</summary>
    public FileRecord Get(ulong reference)
    {
        FileRecord record = Get((long)(reference & 0xFFFFFFFFFFFF));
        return (ushort)(reference >> 48) is var sequence && (sequence == 0 || sequence == record.Sequence)
            ? record
            : throw NtfsErrors.Record(record.Number, "a directory refers to an earlier file in it");
    }

    /// <summary>True if the record exists and is in use.</summary>
    public bool IsInUse(long number) =>
        number < Count && (RecordParser.ParseHeader(ReadRaw(number), number).Flags & FileRecord.InUseFlag) != 0;

    /// <summary>The bytes of a record with the fixups undone.</summary>
    public byte[] ReadRaw(long number)
    {
        int size = _volume.Geometry.RecordSize;
        if (number < 0 || number >= Count)
        {
            throw NtfsErrors.Record(number, "$MFT ends before it");
        }

        var record = new byte[size];
        _volume.Content.Read(_data, number * size, record);
        return Fixups.Undo(record) ? record : throw NtfsErrors.Record(number, "its last write was torn, or it was never written");
    }

    private void Remember(FileRecord record)
    {
        if (_records.Count > RecentCount * 4)
        {
            foreach (long dead in _records.Where(pair => !pair.Value.TryGetTarget(out _)).Select(pair => pair.Key).ToArray())
            {
                _records.Remove(dead);
            }
        }

        _records[record.Number] = new WeakReference<FileRecord>(record);
        _recent[_nextRecent] = record;
        _nextRecent = (_nextRecent + 1) % RecentCount;
    }

    private FileRecord Load(long number)
    {
        ParsedRecord parsed = RecordParser.Parse(ReadRaw(number), number);
        if ((parsed.Flags & FileRecord.InUseFlag) == 0)
        {
            throw NtfsErrors.Record(number, "it is not in use");
        }

        if (parsed.BaseReference != 0)
        {
            throw NtfsErrors.Record(number, "it belongs to another record");
        }

        var record = new FileRecord(number, parsed.Sequence) { Flags = parsed.Flags, LinkCount = parsed.LinkCount };
        List<AttributeSegment> segments = parsed.Segments;
        if (segments.Find(s => s.Attribute.Type == AttributeType.AttributeList) is { Attribute: not null } list)
        {
            segments = Collect(record, parsed, list);
        }

        Merge(record, segments);
        return record;
    }

    /// <summary>All headers that the attribute list names, in its order.</summary>
    private List<AttributeSegment> Collect(FileRecord record, ParsedRecord parsed, AttributeSegment list)
    {
        var segments = new List<AttributeSegment>();
        var records = new Dictionary<long, ParsedRecord> { [record.Number] = parsed };
        foreach (ListEntry entry in ReadList(list, record.Number))
        {
            if (!records.TryGetValue(entry.Record, out ParsedRecord? part))
            {
                part = RecordParser.Parse(ReadRaw(entry.Record), entry.Record);
                if ((long)(part.BaseReference & 0xFFFFFFFFFFFF) != record.Number || part.BaseReference == 0)
                {
                    throw NtfsErrors.Record(record.Number, FormattableString.Invariant($"its attribute list names record {entry.Record}, which belongs to another"));
                }

                records.Add(entry.Record, part);
                record.Extensions.Add(entry.Record);
            }

            // Attribute numbers are no help: some writers repeat them. Each header is taken once.
            int index = part.Segments.FindIndex(s => s.Attribute.Is(entry.Type, entry.Name) && s.LowestVcn == entry.LowestVcn);
            if (index < 0)
            {
                throw NtfsErrors.Record(record.Number, "its attribute list names an attribute that is not there");
            }

            segments.Add(part.Segments[index]);
            part.Segments.RemoveAt(index);
        }

        record.List = list.Attribute;
        return segments;
    }

    /// <summary>Puts the parts of non-resident attributes together.</summary>
    private void Merge(FileRecord record, List<AttributeSegment> segments)
    {
        foreach (AttributeSegment segment in segments.OrderBy(s => s.LowestVcn))
        {
            NtfsAttribute attribute = segment.Attribute;
            if (attribute.IsResident || segment.LowestVcn == 0)
            {
                record.Attributes.Add(attribute);
            }
            else
            {
                attribute = record.Find(attribute.Type, attribute.Name) is { IsResident: false } whole && whole.Runs.ClusterCount == segment.LowestVcn
                    ? whole
                    : throw NtfsErrors.Record(record.Number, "a part of an attribute is missing");
            }

            if (!attribute.IsResident)
            {
                MappingPairs.Decode(segment.Pairs.Span, attribute.Runs, segment.Clusters, _volume.Geometry.ClusterCount);
            }
        }
    }

    private readonly record struct ListEntry(uint Type, string Name, long LowestVcn, long Record);

    private List<ListEntry> ReadList(AttributeSegment list, long number)
    {
        NtfsAttribute attribute = list.Attribute;
        if (!attribute.IsResident && attribute.Runs.ClusterCount == 0)
        {
            MappingPairs.Decode(list.Pairs.Span, attribute.Runs, list.Clusters, _volume.Geometry.ClusterCount);
        }

        byte[] content = _volume.Content.ReadAll(attribute, MaxListSize);
        var entries = new List<ListEntry>();
        for (int at = 0; at + 26 <= content.Length;)
        {
            ReadOnlySpan<byte> entry = content.AsSpan(at);
            int length = ReadUInt16LittleEndian(entry[4..]);
            int nameLength = entry[6] * 2;
            if (length < 26 || length > entry.Length || (nameLength > 0 && entry[7] + nameLength > length))
            {
                throw NtfsErrors.Record(number, "its attribute list is damaged");
            }

            string name = nameLength == 0 ? "" : RecordParser.DecodeName(entry.Slice(entry[7], nameLength));
            entries.Add(new ListEntry(
                ReadUInt32LittleEndian(entry), name, ReadInt64LittleEndian(entry[8..]), (long)(ReadUInt64LittleEndian(entry[16..]) & 0xFFFFFFFFFFFF)));
            at += length;
        }

        return entries;
    }
}

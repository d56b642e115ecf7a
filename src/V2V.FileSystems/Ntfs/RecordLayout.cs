using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// Distributes the attributes of a file over its base record and as many extension records as it takes, and makes the attribute
/// list that names them. <c>$STANDARD_INFORMATION</c> stays in the base record, and the first runs of <c>$MFT</c>, by which the others are found.
/// </summary>
internal sealed class RecordLayout
{
    private const int ListEntryHeader = 26;
    private const int ListHeader = 24;
    private const int NonResidentListSize = 128;

    private readonly NtfsVolume _volume;
    private readonly FileRecord _file;
    private readonly int _usable;
    private readonly List<List<Placed>> _records = [];
    private readonly List<int> _free = [];

    private RecordLayout(NtfsVolume volume, FileRecord file, int reserved)
    {
        _volume = volume;
        _file = file;
        _usable = UsableSize(volume.Geometry.RecordSize);
        _records.Add([]);
        _free.Add(_usable - reserved);
    }

    /// <summary>An attribute header and what the list says of it.</summary>
    public readonly record struct Placed(NtfsAttribute Attribute, int Order, long LowestVcn, byte[] Bytes);

    /// <summary>Attribute headers by record, the base record first.</summary>
    public IReadOnlyList<List<Placed>> Records => _records;

    /// <summary>True if the list is too long for the base record.</summary>
    public bool ListIsNonResident { get; private init; }

    /// <summary>Bytes of a record that attributes may take.</summary>
    public static int UsableSize(int recordSize) => recordSize - RecordWriter.FirstAttribute(recordSize) - RecordWriter.EndSize;

    /// <summary>Bytes that all attributes take in one record; more than it has if they do not fit.</summary>
    public static int TotalSize(NtfsVolume volume, FileRecord file)
    {
        int size = 0;
        foreach (NtfsAttribute attribute in file.Attributes)
        {
            int run = 0;
            size += attribute.IsResident ? RecordWriter.ResidentSize(attribute, attribute.Value!.Length)
                : RecordWriter.NonResident(attribute, volume.Geometry.ClusterSize, ref run, volume.Geometry.RecordSize) is { } bytes && run == attribute.Runs.Items.Count ? bytes.Length
                : volume.Geometry.RecordSize;
            if (size > volume.Geometry.RecordSize)
            {
                break;
            }
        }

        return size;
    }

    /// <summary>Lays a file out.</summary>
    public static RecordLayout Make(NtfsVolume volume, FileRecord file)
    {
        SortAttributes(volume, file);
        if (TotalSize(volume, file) <= UsableSize(volume.Geometry.RecordSize))
        {
            var single = new RecordLayout(volume, file, 0);
            single.PlaceAll();
            return single;
        }

        int reserved = 160;
        while (reserved <= volume.Geometry.RecordSize * 2 / 5)
        {
            var layout = new RecordLayout(volume, file, reserved);
            layout.PlaceAll();
            int size = ListHeader + layout.ListSize;
            if (size <= reserved)
            {
                return layout;
            }

            reserved = (size + 7) & ~7;
        }

        var large = new RecordLayout(volume, file, NonResidentListSize) { ListIsNonResident = true };
        large.PlaceAll();
        return large.ListSize <= MasterFileTable.MaxListSize ? large : throw NtfsErrors.TooManyAttributes(file.Number);
    }

    /// <summary>The content of the attribute list.</summary>
    /// <param name="references">References of the records.</param>
    public byte[] MakeList(IReadOnlyList<ulong> references)
    {
        var list = new List<byte[]>();
        foreach ((Placed placed, int record, int id) in InListOrder())
        {
            string name = placed.Attribute.Name;
            var entry = new byte[EntrySize(name)];
            WriteUInt32LittleEndian(entry, placed.Attribute.Type);
            WriteUInt16LittleEndian(entry.AsSpan(4), (ushort)entry.Length);
            entry[6] = (byte)name.Length;
            entry[7] = ListEntryHeader;
            WriteInt64LittleEndian(entry.AsSpan(8), placed.LowestVcn);
            WriteUInt64LittleEndian(entry.AsSpan(16), references[record]);
            WriteUInt16LittleEndian(entry.AsSpan(24), (ushort)id);
            RecordParser.EncodeName(name, entry.AsSpan(ListEntryHeader));
            list.Add(entry);
        }

        return [.. list.SelectMany(e => e)];
    }

    private int ListSize => _records.Sum(r => r.Sum(p => EntrySize(p.Attribute.Name)));

    private static int EntrySize(string name) => (ListEntryHeader + (name.Length * 2) + 7) & ~7;

    private static void SortAttributes(NtfsVolume volume, FileRecord file)
    {
        NtfsAttribute[] sorted = [.. file.Attributes
            .OrderBy(a => a.Type)
            .ThenBy(a => a.Name, Comparer<string>.Create((x, y) => volume.UpCase.Compare(x, y)))];
        file.Attributes.Clear();
        file.Attributes.AddRange(sorted);
    }

    /// <summary>Headers in the list's order, with the record and the number that the header will have in it.</summary>
    private IEnumerable<(Placed Placed, int Record, int Id)> InListOrder()
    {
        // The attribute list itself takes a number in the base record, after $STANDARD_INFORMATION; see MasterFileTable.Save.
        return _records
            .SelectMany((record, index) => record.Select((placed, position) => (placed, index, index == 0 && placed.Attribute.Type > AttributeType.AttributeList ? position + 1 : position)))
            .OrderBy(item => item.placed.Order)
            .ThenBy(item => item.placed.LowestVcn);
    }

    private void PlaceAll()
    {
        // What must be in the base record goes first.
        foreach (int order in Enumerable.Range(0, _file.Attributes.Count).OrderBy(i => Priority(_file.Attributes[i])).ThenBy(i => i))
        {
            NtfsAttribute attribute = _file.Attributes[order];
            if (attribute.IsResident)
            {
                byte[] bytes = RecordWriter.Resident(attribute);
                Place(new Placed(attribute, order, 0, bytes));
            }
            else
            {
                PlaceRuns(attribute, order);
            }
        }

        foreach (List<Placed> record in _records)
        {
            record.Sort((x, y) => x.Order != y.Order ? x.Order.CompareTo(y.Order) : x.LowestVcn.CompareTo(y.LowestVcn));
        }
    }

    private int Priority(NtfsAttribute attribute) => attribute.Type switch
    {
        AttributeType.StandardInformation => 0,
        AttributeType.Data when _file.Number == NtfsVolume.MftNumber => 1,
        AttributeType.IndexRoot => 2,
        AttributeType.FileName => 3,
        _ => 4,
    };

    private void PlaceRuns(NtfsAttribute attribute, int order)
    {
        for (int run = 0, part = 0; part == 0 || run < attribute.Runs.Items.Count; part++)
        {
            long lowest = run == 0 ? 0 : attribute.Runs.Items[run].Vcn;
            int whole = run;
            byte[]? bytes = RecordWriter.NonResident(attribute, _volume.Geometry.ClusterSize, ref whole, _usable);
            bool inBase = part == 0 && attribute.Type == AttributeType.Data && _file.Number == NtfsVolume.MftNumber;
            int target = bytes is not null && whole == attribute.Runs.Items.Count ? _free.FindIndex(f => f >= bytes.Length) : -1;
            if (inBase && target != 0)
            {
                target = 0;
                whole = run;
                bytes = RecordWriter.NonResident(attribute, _volume.Geometry.ClusterSize, ref whole, _free[0]);
            }

            if (bytes is null)
            {
                throw NtfsErrors.TooManyAttributes(_file.Number);
            }

            Add(target >= 0 ? target : NewRecord(), new Placed(attribute, order, lowest, bytes));
            run = whole;
        }
    }

    private void Place(Placed placed)
    {
        int target = _free.FindIndex(f => f >= placed.Bytes.Length);
        if (placed.Bytes.Length > _usable || (target != 0 && placed.Attribute.Type == AttributeType.StandardInformation))
        {
            throw NtfsErrors.TooManyAttributes(_file.Number);
        }

        Add(target >= 0 ? target : NewRecord(), placed);
    }

    private int NewRecord()
    {
        _records.Add([]);
        _free.Add(_usable);
        return _records.Count - 1;
    }

    private void Add(int record, Placed placed)
    {
        _records[record].Add(placed);
        _free[record] -= placed.Bytes.Length;
    }
}

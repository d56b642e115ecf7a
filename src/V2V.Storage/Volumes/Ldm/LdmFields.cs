using System.Buffers.Binary;
using System.Text;

namespace V2V.Storage.Volumes.Ldm;

/// <summary>
/// The fields of a record, one after another. Numbers and texts of no fixed length have a byte with their length before them; flags tell which fields
/// at the end are there.
/// </summary>
internal ref struct LdmFields
{
    /// <summary>State, flags, kind and length.</summary>
    internal const int RecordHeader = 8;

    private readonly string _name;
    private readonly byte _flags;
    private readonly byte _revision;
    private ReadOnlySpan<byte> _rest;

    internal LdmFields(ReadOnlySpan<byte> record, string name)
    {
        _name = name;
        _flags = record[2];
        _revision = (byte)(record[3] >> 4);
        Kind = record[3] & 15;
        if (Kind == 0)
        {
            return;
        }

        if (BinaryPrimitives.ReadUInt16BigEndian(record) != 0)
        {
            throw LdmErrors.Unfinished(name);
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(record[4..]);
        _rest = length <= record.Length - RecordHeader ? record.Slice(RecordHeader, (int)length) : throw Short();
    }

    /// <summary>1 volume, 2 component, 3 partition, 4 disk, 5 group; 0 nothing.</summary>
    internal int Kind { get; }

    internal LdmVolume ReadVolume()
    {
        CheckRevision(5, 5);
        uint id = Number32();
        string name = Text();
        Text();
        Text();
        string state = Encoding.Latin1.GetString(Take(14)).TrimEnd('\0');
        Take(7);
        uint components = Number32();
        Take(16);
        ulong sectors = Number();
        Take(5);
        return new LdmVolume(id, name, state, components, sectors, new Guid(Take(16), bigEndian: true));
    }

    internal LdmComponent ReadComponent()
    {
        CheckRevision(3, 3);
        uint id = Number32();
        Text();
        string state = Text();
        var layout = (LdmLayout)Take(1)[0];
        Take(4);
        uint partitions = Number32();
        Take(16);
        uint volume = Number32();
        Take(1);
        return (_flags & 0x10) != 0
            ? new LdmComponent(id, state, layout, partitions, volume, Number(), Number32())
            : new LdmComponent(id, state, layout, partitions, volume, 0, 0);
    }

    internal LdmPartition ReadPartition()
    {
        CheckRevision(3, 3);
        Number32();
        Text();
        Take(12);
        ulong start = BinaryPrimitives.ReadUInt64BigEndian(Take(8)), offset = BinaryPrimitives.ReadUInt64BigEndian(Take(8)), sectors = Number();
        uint component = Number32(), disk = Number32();
        return new LdmPartition(start, offset, sectors, component, disk, (_flags & 0x08) != 0 ? Number32() : 0);
    }

    internal LdmDisk ReadDisk()
    {
        CheckRevision(3, 4);
        uint id = Number32();
        string name = Text();
        return _revision == 4 ? new LdmDisk(id, name, new Guid(Take(16), bigEndian: true))
            : Guid.TryParse(Text(), out Guid guid) ? new LdmDisk(id, name, guid)
            : throw LdmErrors.Damaged($"the disk {name} has no identity", _name);
    }

    private readonly void CheckRevision(int least, int most)
    {
        if (_revision < least || _revision > most)
        {
            throw LdmErrors.Version(FormattableString.Invariant($"a record of kind {Kind} is of revision {_revision}"), _name);
        }
    }

    private ulong Number()
    {
        ReadOnlySpan<byte> bytes = Take(Take(1)[0]);
        ulong value = 0;
        foreach (byte b in bytes)
        {
            value = value >> 56 == 0 ? (value << 8) | b : throw LdmErrors.Damaged("a number is too large", _name);
        }

        return value;
    }

    private uint Number32() => Number() is var value && value <= uint.MaxValue ? (uint)value : throw LdmErrors.Damaged("a number is too large", _name);

    private string Text() => Encoding.Latin1.GetString(Take(Take(1)[0]));

    private ReadOnlySpan<byte> Take(int length)
    {
        ReadOnlySpan<byte> taken = length <= _rest.Length ? _rest[..length] : throw Short();
        _rest = _rest[length..];
        return taken;
    }

    private readonly V2VException Short() => LdmErrors.Damaged("a record is shorter than its fields", _name);
}

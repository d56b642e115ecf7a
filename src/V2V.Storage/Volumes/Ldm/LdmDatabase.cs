using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Ldm;

/// <summary>
/// The database of a group, of which each disk has a copy. A table of contents (<c>TOCBLOCK</c>, up to four, the newest counts) leads to the header
/// (<c>VMDB</c>), and blocks of one size (<c>VBLK</c>) follow that, of which one or several make a record.
/// </summary>
internal sealed class LdmDatabase
{
    private const int TableSize = 512;
    private const int MaxBytes = 16 << 20;
    private const int BlockHeader = 16;
    private const int HeaderSize = 0xBD;
    private const ushort Committed = 1;

    private LdmDatabase(ulong sequence) => Sequence = sequence;

    /// <summary>Grows with every change: of two copies the higher one is newer.</summary>
    internal ulong Sequence { get; }

    internal List<LdmVolume> Volumes { get; } = [];

    internal List<LdmComponent> Components { get; } = [];

    internal List<LdmPartition> Partitions { get; } = [];

    internal List<LdmDisk> Disks { get; } = [];

    /// <summary>Reads the copy on a disk.</summary>
    /// <exception cref="V2VException"><c>LdmDatabaseDamaged</c>, <c>LdmVersionUnsupported</c>, <c>LdmTransactionUnfinished</c>.</exception>
    internal static LdmDatabase Read(BlockDevice disk, PrivateHeader header, string name)
    {
        if (header.DatabaseLength is < TableSize or > MaxBytes || header.DatabaseStart > disk.Length - header.DatabaseLength)
        {
            throw LdmErrors.Damaged("the database lies outside the disk", name);
        }

        var bytes = new byte[header.DatabaseLength];
        disk.Read(header.DatabaseStart, bytes);
        return Parse(FindConfig(bytes, header.SectorSize, name), name);
    }

    /// <summary>The part that the newest table of contents calls <c>config</c>.</summary>
    private static ReadOnlySpan<byte> FindConfig(byte[] bytes, int sectorSize, string name)
    {
        ReadOnlySpan<byte> newest = default;
        ulong sequence = 0;
        long sectors = bytes.Length / sectorSize;
        foreach (long sector in (long[])[1, 2, sectors - 3, sectors - 2])
        {
            if (sector < 1 || (sector * sectorSize) + TableSize > bytes.Length)
            {
                continue;
            }

            ReadOnlySpan<byte> table = bytes.AsSpan((int)(sector * sectorSize), TableSize);
            if (table.StartsWith("TOCBLOCK"u8) && LdmChecksum.IsRight(table) && BinaryPrimitives.ReadUInt64BigEndian(table[12..]) is var own && (newest.IsEmpty || own > sequence))
            {
                newest = table;
                sequence = own;
            }
        }

        if (newest.IsEmpty)
        {
            throw LdmErrors.Damaged("no table of contents has the right checksum", name);
        }

        foreach (int entry in (int[])[0x24, 0x46])
        {
            if (newest.Slice(entry, 8).StartsWith("config\0"u8))
            {
                ulong start = BinaryPrimitives.ReadUInt64BigEndian(newest[(entry + 10)..]), length = BinaryPrimitives.ReadUInt64BigEndian(newest[(entry + 18)..]);
                return start <= (ulong)sectors && length <= (ulong)sectors - start
                    ? bytes.AsSpan((int)start * sectorSize, (int)length * sectorSize)
                    : throw LdmErrors.Damaged("the table of contents points outside the database", name);
            }
        }

        throw LdmErrors.Damaged("the table of contents does not name the configuration", name);
    }

    private static LdmDatabase Parse(ReadOnlySpan<byte> config, string name)
    {
        if (config.Length < HeaderSize || !config.StartsWith("VMDB"u8))
        {
            throw LdmErrors.Damaged("the configuration has no header", name);
        }

        ushort major = BinaryPrimitives.ReadUInt16BigEndian(config[18..]);
        if (major != 4)
        {
            throw LdmErrors.Version(FormattableString.Invariant($"its database is {major}.{BinaryPrimitives.ReadUInt16BigEndian(config[20..])}"), name);
        }

        if (BinaryPrimitives.ReadUInt16BigEndian(config[16..]) != Committed)
        {
            throw LdmErrors.Unfinished(name);
        }

        uint last = BinaryPrimitives.ReadUInt32BigEndian(config[4..]), size = BinaryPrimitives.ReadUInt32BigEndian(config[8..]), first = BinaryPrimitives.ReadUInt32BigEndian(config[12..]);
        if (size is <= BlockHeader + LdmFields.RecordHeader or > 65536 || first < HeaderSize || first > config.Length)
        {
            throw LdmErrors.Damaged("the blocks of the configuration have an impossible size", name);
        }

        var database = new LdmDatabase(BinaryPrimitives.ReadUInt64BigEndian(config[0x75..]));
        database.ReadBlocks(config[(int)first..], (int)size, last, name);
        database.CheckCounts(config, name);
        return database;
    }

    private void ReadBlocks(ReadOnlySpan<byte> blocks, int size, uint last, string name)
    {
        var parts = new Dictionary<uint, byte[]?[]>();
        for (uint number = 0; number < last && blocks.Length >= size && blocks.StartsWith("VBLK"u8); number++)
        {
            ReadOnlySpan<byte> block = blocks[..size];
            blocks = blocks[size..];
            uint record = BinaryPrimitives.ReadUInt32BigEndian(block[8..]);
            int index = BinaryPrimitives.ReadUInt16BigEndian(block[12..]), count = BinaryPrimitives.ReadUInt16BigEndian(block[14..]);
            if (count == 0)
            {
                continue;
            }

            if (count == 1 && index == 0)
            {
                Add(block[BlockHeader..], name);
                continue;
            }

            if (!parts.TryGetValue(record, out byte[]?[]? whole))
            {
                parts.Add(record, whole = count <= MaxBytes / size ? new byte[]?[count] : throw LdmErrors.Damaged("a record has more blocks than there are", name));
            }

            if (index >= count || whole.Length != count || whole[index] is not null)
            {
                throw LdmErrors.Damaged("the blocks of a record contradict one another", name);
            }

            whole[index] = block[BlockHeader..].ToArray();
        }

        foreach (byte[]?[] whole in parts.Values)
        {
            Add(Array.Exists(whole, p => p is null) ? throw LdmErrors.Damaged("a block of a record is missing", name) : whole.SelectMany(p => p!).ToArray(), name);
        }
    }

    private void Add(ReadOnlySpan<byte> record, string name)
    {
        var fields = new LdmFields(record, name);
        switch (fields.Kind)
        {
            case 0 or 5:
                break;
            case 1:
                Volumes.Add(fields.ReadVolume());
                break;
            case 2:
                Components.Add(fields.ReadComponent());
                break;
            case 3:
                Partitions.Add(fields.ReadPartition());
                break;
            case 4:
                Disks.Add(fields.ReadDisk());
                break;
            default:
                throw LdmErrors.Version(FormattableString.Invariant($"a record is of kind {fields.Kind}"), name);
        }
    }

    /// <summary>The header counts the records of each kind.</summary>
    private void CheckCounts(ReadOnlySpan<byte> config, string name)
    {
        int field = 0x85;
        foreach (int found in (int[])[Volumes.Count, Components.Count, Partitions.Count, Disks.Count])
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(config[field..]) != found)
            {
                throw LdmErrors.Damaged("it has not as many records as it says", name);
            }

            field += 4;
        }
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using V2V.Storage.Partitions;
using V2V.Storage.Volumes;

namespace V2V.Storage.Tests.Volumes.Ldm;

/// <summary>A column or piece of a component: a range of a disk.</summary>
internal sealed record Piece(int Disk, ulong Start, ulong Sectors, ulong VolumeOffset = 0, uint Column = 0);

/// <summary>A copy of a volume.</summary>
internal sealed record Copy(int Layout, Piece[] Pieces, ulong Chunk = 0, string State = "ACTIVE");

/// <summary>
/// Makes dynamic disks in memory: MBR and GPT, with headers, tables of contents and records as Windows Server 2003 and 2008 write them.
/// ldmtool is the judge of whether they are right.
/// </summary>
internal sealed class LdmWriter
{
    private const int Sector = 512;
    private const int BlockSize = 128;
    private const int DatabaseSectors = 2048;

    private readonly List<bool> _gpt = [];
    private readonly List<byte[]> _records = [];
    private readonly uint[] _counts = new uint[4];
    private uint _nextId = 1000;

    public string Group { get; } = "HOST-Dg0";

    public ulong Sequence { get; set; } = 17;

    public ushort Status { get; set; } = 1;

    public long Sectors { get; init; } = 16384;

    public static Guid GroupId { get; } = new("0badcafe-0000-4000-8000-000000000001");

    public List<byte[]> Images { get; } = [];

    public static Guid DiskGuid(int disk) => new(FormattableString.Invariant($"0badcafe-0000-4000-8000-0000000001{disk:d2}"));

    public static Guid VolumeGuid(uint id) => new(FormattableString.Invariant($"0badcafe-0000-4000-8000-{id:x12}"));

    /// <summary>Adds a disk; its long name makes its record take two blocks.</summary>
    public int AddDisk(bool gpt = false)
    {
        int disk = _gpt.Count;
        _gpt.Add(gpt);
        string name = FormattableString.Invariant($"Disk{disk + 1}");
        byte[] tail = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4];
        Add(4, 3, 0, disk % 2 == 0
            ? [.. Number((uint)disk + 1), .. Text(name), .. Text(DiskGuid(disk).ToString("D")), .. Text(@"SCSI\DISK&VEN_VMWARE&PROD_VIRTUAL_DISK&REV_1.0\4&1588251B&0&" + new string('0', 30)), .. tail]
            : [.. Number((uint)disk + 1), .. Text(name), .. Text(DiskGuid(disk).ToString("D")), .. tail]);
        return disk;
    }

    /// <summary>Adds a volume.</summary>
    public uint AddVolume(string name, ulong sectors, Copy[] copies, string state = "ACTIVE")
    {
        uint id = _nextId++;
        bool parity = copies[0].Layout == 3;
        byte[] stateField = new byte[14];
        Encoding.ASCII.GetBytes(state, stateField);
        Add(1, 5, 0x02,
        [
            .. Number(id), .. Text(name), .. Text(parity ? "raid5" : "gen"), 0, .. stateField, (byte)(parity ? 4 : 3), 1, 1, 0, 0, 0, 0x11, .. Number((uint)copies.Length),
            .. new byte[16], .. Number(sectors), 0, 0, 0, 0, 7, .. VolumeGuid(id).ToByteArray(bigEndian: true), .. Text("E:"),
        ]);
        foreach (Copy copy in copies)
        {
            uint component = _nextId++;
            byte[] tail = copy.Chunk > 0 ? [.. Number(copy.Chunk), .. Number((uint)copy.Pieces.Length)] : [];
            Add(2, 3, copy.Chunk > 0 ? (byte)0x10 : (byte)0,
                [.. Number(component), .. Text(name + "-01"), .. Text(copy.State), (byte)copy.Layout, 0, 0, 0, 0, .. Number((uint)copy.Pieces.Length), .. new byte[16], .. Number(id), 0, .. tail]);
            foreach (Piece piece in copy.Pieces)
            {
                Add(3, 3, piece.Column > 0 ? (byte)0x08 : (byte)0,
                [
                    .. Number(_nextId++), .. Text("Disk-01"), .. new byte[12], .. Big(piece.Start), .. Big(piece.VolumeOffset), .. Number(piece.Sectors), .. Number(component),
                    .. Number((uint)piece.Disk + 1), .. piece.Column > 0 ? Number(piece.Column) : [],
                ]);
            }
        }

        return id;
    }

    /// <summary>Writes all disks.</summary>
    public LdmWriter Write()
    {
        Images.Clear();
        for (int disk = 0; disk < _gpt.Count; disk++)
        {
            Images.Add(Make(disk));
        }

        return this;
    }

    /// <summary>The disks as sources.</summary>
    public List<VolumeSource> Sources(params int[] without) =>
    [
        .. Images.Select((image, i) => (image, i)).Where(p => !without.Contains(p.i)).Select(p =>
            new VolumeSource("sd" + (char)('a' + p.i), new MemoryDevice(p.image)) { DynamicPartitions = [FormattableString.Invariant($"sd{(char)('a' + p.i)}{(_gpt[p.i] ? 2 : 1)}")] }),
    ];

    /// <summary>First byte of the range for data of a disk.</summary>
    public long DataStart(int disk) => (_gpt[disk] ? 34 + DatabaseSectors : 63) * Sector;

    /// <summary>First byte of the database of a disk.</summary>
    public long Database(int disk) => (_gpt[disk] ? 34 : Sectors - DatabaseSectors) * Sector;

    public static void FixChecksum(Span<byte> sector)
    {
        sector.Slice(8, 4).Clear();
        uint sum = 0;
        foreach (byte b in sector[..Sector])
        {
            sum += b;
        }

        BinaryPrimitives.WriteUInt32BigEndian(sector[8..], sum);
    }

    private void Add(int kind, int revision, byte flags, byte[] fields)
    {
        _counts[kind - 1]++;
        byte[] record = [0, 0, flags, (byte)((revision << 4) | kind), 0, 0, (byte)(fields.Length >> 8), (byte)fields.Length, .. fields];
        _records.Add(record);
    }

    private byte[] Make(int disk)
    {
        var image = new byte[Sectors * Sector];
        long data = DataStart(disk) / Sector, database = Database(disk) / Sector;
        long dataSectors = _gpt[disk] ? Sectors - 34 - data : database - data;
        if (_gpt[disk])
        {
            WriteGpt(image, data, dataSectors);
        }
        else
        {
            image[446 + 4] = 0x42;
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(446 + 8), (uint)data);
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(446 + 12), (uint)dataSectors);
            image[510] = 0x55;
            image[511] = 0xAA;
        }

        byte[] header = Header(disk, data, dataSectors, database);
        foreach (long sector in _gpt[disk] ? (long[])[database + 1856, database + 2047] : [6, database + 1856, database + 2047])
        {
            header.CopyTo(image, sector * Sector);
        }

        byte[] table = new byte[Sector];
        "TOCBLOCK"u8.CopyTo(table);
        table[19] = 3;
        "config"u8.CopyTo(table.AsSpan(0x24));
        table[0x2E + 7] = 17;
        table[0x36 + 6] = 5;
        table[0x36 + 7] = 0xC9;
        "log"u8.CopyTo(table.AsSpan(0x46));
        table[0x50 + 6] = 5;
        table[0x50 + 7] = 0xDA;
        table[0x58 + 7] = 0xE0;
        FixChecksum(table);
        table.CopyTo(image, (database + 2) * Sector);
        table.CopyTo(image, (database + 2045) * Sector);
        table[19] = 2;
        table[0x2E + 7] = 18;
        FixChecksum(table);
        table.CopyTo(image, (database + 1) * Sector);
        WriteConfig(image.AsSpan((int)((database + 17) * Sector)));
        return image;
    }

    private byte[] Header(int disk, long data, long dataSectors, long database)
    {
        var header = new byte[Sector];
        "PRIVHEAD"u8.CopyTo(header);
        header[13] = 2;
        header[15] = 12;
        Encoding.ASCII.GetBytes(DiskGuid(disk).ToString("D"), header.AsSpan(0x30));
        Encoding.ASCII.GetBytes("1b77da20-c717-11d0-a5be-00a0c91db73c", header.AsSpan(0x70));
        Encoding.ASCII.GetBytes(GroupId.ToString("D"), header.AsSpan(0xB0));
        Encoding.ASCII.GetBytes(Group, header.AsSpan(0xF0));
        int at = 0x11B;
        foreach (long value in (long[])[data, dataSectors, database, DatabaseSectors])
        {
            BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(at), value);
            at += 8;
        }

        FixChecksum(header);
        return header;
    }

    private void WriteConfig(Span<byte> config)
    {
        "VMDB"u8.CopyTo(config);
        BinaryPrimitives.WriteUInt32BigEndian(config[4..], 5924);
        BinaryPrimitives.WriteUInt32BigEndian(config[8..], BlockSize);
        BinaryPrimitives.WriteUInt32BigEndian(config[12..], Sector);
        BinaryPrimitives.WriteUInt16BigEndian(config[16..], Status);
        config[19] = 4;
        config[21] = 10;
        Encoding.ASCII.GetBytes(Group, config[22..]);
        BinaryPrimitives.WriteUInt64BigEndian(config[0x75..], Sequence);
        BinaryPrimitives.WriteUInt64BigEndian(config[0x7D..], Sequence);
        for (int i = 0; i < 4; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(config[(0x85 + (4 * i))..], _counts[i]);
        }

        // The first block of a record and its next one do not follow one another, as in a database that lived.
        const int Payload = BlockSize - 16;
        var blocks = new List<byte[]>();
        var later = new List<byte[]>();
        for (int number = 0; number < _records.Count; number++)
        {
            int count = (_records[number].Length + Payload - 1) / Payload;
            for (int i = 0; i < count; i++)
            {
                var block = new byte[BlockSize];
                BinaryPrimitives.WriteUInt32BigEndian(block.AsSpan(8), (uint)number + 1);
                BinaryPrimitives.WriteUInt16BigEndian(block.AsSpan(12), (ushort)i);
                BinaryPrimitives.WriteUInt16BigEndian(block.AsSpan(14), (ushort)count);
                _records[number].AsSpan(i * Payload, Math.Min(Payload, _records[number].Length - (i * Payload))).CopyTo(block.AsSpan(16));
                (i == 0 ? blocks : later).Add(block);
            }
        }

        var empty = new byte[BlockSize];
        empty[15] = 1;
        Span<byte> rest = config[Sector..];
        uint sequence = 4;
        foreach (byte[] block in (byte[][])[.. blocks, empty, .. later, empty, empty])
        {
            "VBLK"u8.CopyTo(block);
            BinaryPrimitives.WriteUInt32BigEndian(block.AsSpan(4), sequence++);
            block.CopyTo(rest);
            rest = rest[BlockSize..];
        }
    }

    private void WriteGpt(byte[] image, long data, long dataSectors)
    {
        image[446 + 4] = 0xEE;
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(446 + 8), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(446 + 12), (uint)Sectors - 1);
        image[510] = 0x55;
        image[511] = 0xAA;
        Span<byte> entries = image.AsSpan(2 * Sector, 128 * 128);
        WriteEntry(entries, new Guid("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3"), 34, DatabaseSectors);
        WriteEntry(entries[128..], new Guid("af9b60a0-1431-4f62-bc68-3311714a69ad"), data, dataSectors);
        entries.CopyTo(image.AsSpan((int)(Sectors - 33) * Sector));
        WriteGptHeader(image, 1, Sectors - 1, 2, entries);
        WriteGptHeader(image, Sectors - 1, 1, Sectors - 33, entries);
    }

    private static void WriteEntry(Span<byte> entry, Guid type, long start, long sectors)
    {
        type.TryWriteBytes(entry);
        new Guid((int)start, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10).TryWriteBytes(entry[16..]);
        BinaryPrimitives.WriteInt64LittleEndian(entry[32..], start);
        BinaryPrimitives.WriteInt64LittleEndian(entry[40..], start + sectors - 1);
    }

    private void WriteGptHeader(byte[] image, long here, long there, long table, ReadOnlySpan<byte> entries)
    {
        Span<byte> header = image.AsSpan((int)here * Sector, 92);
        "EFI PART"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], 0x10000);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], 92);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], here);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], there);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], 34);
        BinaryPrimitives.WriteInt64LittleEndian(header[48..], Sectors - 34);
        GroupId.TryWriteBytes(header[56..]);
        BinaryPrimitives.WriteInt64LittleEndian(header[72..], table);
        BinaryPrimitives.WriteUInt32LittleEndian(header[80..], 128);
        BinaryPrimitives.WriteUInt32LittleEndian(header[84..], 128);
        BinaryPrimitives.WriteUInt32LittleEndian(header[88..], System.IO.Hashing.Crc32.HashToUInt32(entries));
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], System.IO.Hashing.Crc32.HashToUInt32(header));
    }

    private static byte[] Number(ulong value)
    {
        byte[] big = Big(value);
        int skip = Math.Min(big.AsSpan().IndexOfAnyExcept((byte)0) is var first && first >= 0 ? first : 7, 7);
        return [(byte)(8 - skip), .. big[skip..]];
    }

    private static byte[] Big(ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];
}

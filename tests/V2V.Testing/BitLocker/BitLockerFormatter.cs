using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;

namespace V2V.Testing.BitLocker;

/// <summary>
/// Makes BitLocker volumes for the tests, as nothing on Linux does: dislocker and cryptsetup judge whether they are right. Written from libbde's description of
/// the format, with none of the product's code.
/// </summary>
public sealed class BitLockerFormatter
{
    private const int BlockSize = 65536;
    private const int VistaBlockSize = 16384;
    private const int Head = 8192;
    private const int ClusterSize = 4096;

    private static readonly Guid s_mark = new("4967d63b-2e29-4ad8-8399-f6a339e3d001");
    private static readonly Guid s_onWriteMark = new("92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8");

    private uint _nonce = 1;

    /// <summary>0x8000 and 0x8001 AES-CBC with diffuser, 0x8002 and 0x8003 AES-CBC, 0x8004 and 0x8005 AES-XTS; 128 and 256 bits.</summary>
    public int Method { get; init; } = 0x8004;

    /// <summary>512 or 4096.</summary>
    public int SectorSize { get; init; } = 512;

    /// <summary>True for Vista's layout.</summary>
    public bool IsVista { get; init; }

    /// <summary>True for a header like that of BitLocker To Go.</summary>
    public bool IsToGo { get; init; }

    /// <summary>Identity of the volume.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>The protectors.</summary>
    public IReadOnlyList<BitLockerProtector> Protectors { get; init; } = [BitLockerProtector.ClearKey()];

    /// <summary>State: 1 plain, 2 converting, 3 paused, 4 encrypted.</summary>
    public int State { get; init; } = 4;

    /// <summary>Size of the log of a step that was not finished.</summary>
    public int StateSize { get; init; }

    /// <summary>First byte that is not encrypted; null if all is.</summary>
    public long? Mark { get; init; }

    /// <summary>Bytes of a chunk of encrypt-on-write; 0 for none. Every third chunk is encrypted then if <see cref="IsMixed"/>, else each.</summary>
    public int Chunk { get; init; }

    /// <summary>True if only some chunks are encrypted.</summary>
    public bool IsMixed { get; init; }

    /// <summary>False to leave out the hash of the metadata under the master key.</summary>
    public bool HasSeal { get; init; } = true;

    /// <summary>Where the three copies of the metadata and then the moved first sectors lie, and behind them encrypt-on-write's blocks; multiples of 4096.</summary>
    public IReadOnlyList<long> Places { get; init; } = [1 << 20, (1 << 20) + (3 * BlockSize), 2 << 20, (2 << 20) + BlockSize, (3 << 20) + 4096];

    /// <summary>The ranges that read as zeroes.</summary>
    public IEnumerable<(long Start, long Length)> Reserved =>
    [
        .. Places.Take(3).Select(p => (p, (long)(IsVista ? VistaBlockSize : BlockSize))),
        .. IsVista ? [] : ((long, long)[])[(Places[3], Head)],
        .. Chunk > 0 ? [(Places[4], SectorSize), (Places[4] + 4096, SectorSize), (Places[4] + 8192, (1535 / SectorSize + 1) * SectorSize), (Places[4] + 12288, 4096)] : ((long, long)[])[],
    ];

    /// <summary>Encrypts a volume.</summary>
    /// <param name="plain">What is to be read from it; the reserved ranges are set to zero in it. Vista: an NTFS volume with clusters of 4 KiB.</param>
    public byte[] Format(byte[] plain)
    {
        foreach ((long start, long length) in Reserved)
        {
            plain.AsSpan((int)start, (int)length).Clear();
        }

        byte[] key = RandomNumberGenerator.GetBytes(Method switch { 0x8002 => 16, 0x8003 or 0x8004 => 32, _ => 64 });
        byte[] image = [.. plain];
        using var sectors = new BitLockerSectors(Method, key);
        (long Start, long Length)[] reserved = [.. Reserved];
        for (int at = IsVista ? Head : 0; at < plain.Length; at += SectorSize)
        {
            long stored = !IsVista && at < Head ? Places[3] + at : at;
            bool isReserved = Array.Exists(reserved, r => at >= r.Start && at < r.Start + r.Length);
            ReadOnlySpan<byte> sector = plain.AsSpan(at, SectorSize);
            if (!isReserved)
            {
                (IsEncrypted(stored) ? sectors.Encrypt(stored, sector) : sector.ToArray()).CopyTo(image, stored);
            }
        }

        byte[] block = Metadata(plain, key);
        foreach (long place in Places.Take(3))
        {
            block.CopyTo(image, place);
        }

        WriteBootSector(image, plain);
        if (Chunk > 0)
        {
            WriteOnWrite(image);
        }

        return image;
    }

    /// <summary>An entry of the metadata.</summary>
    internal static byte[] Datum(int role, int type, byte[] data) => [.. Words(8 + data.Length, role, type, 1), .. data];

    /// <summary>Numbers of 16 bits.</summary>
    internal static byte[] Words(params int[] values) => [.. values.SelectMany(v => BitConverter.GetBytes((ushort)v))];

    /// <summary>The header before entries.</summary>
    internal static byte[] Dataset(int entries, Guid id, int method) =>
    [
        .. BitConverter.GetBytes(48 + entries), .. BitConverter.GetBytes(1), .. BitConverter.GetBytes(48), .. BitConverter.GetBytes(48 + entries), .. id.ToByteArray(),
        .. BitConverter.GetBytes(100), .. Words(method, 0), .. BitConverter.GetBytes(new DateTime(2024, 5, 6, 0, 0, 0, DateTimeKind.Utc).ToFileTimeUtc()),
    ];

    private bool IsEncrypted(long stored) => State != 1 && (Chunk > 0 ? !IsMixed || stored / Chunk % 3 == 1 : stored < (Mark ?? long.MaxValue));

    private byte[] Metadata(byte[] plain, byte[] key)
    {
        byte[] master = RandomNumberGenerator.GetBytes(32);
        byte[] entries =
        [
            .. Datum(7, 2, Encoding.Unicode.GetBytes("TEST C: 06/05/2024\0")),
            .. Protectors.SelectMany(p => Protector(p, master)),
            .. State == 1 ? [] : Datum(3, 5, Box(master, Method, key)),
            .. IsVista ? [] : Datum(15, 15, [.. BitConverter.GetBytes(Places[3]), .. BitConverter.GetBytes((long)Head)]),
        ];
        byte[] dataset = [.. Dataset(entries.Length, Id, Method), .. entries];
        int size = (64 + dataset.Length + 15) / 16 * 16;
        var block = new byte[size];
        "-FVE-FS-"u8.CopyTo(block);
        Words(IsVista ? size : size / 16, IsVista ? 1 : 2, State, State).CopyTo(block, 8);
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(16), State == 1 ? 0 : Mark ?? (IsVista ? 0 : plain.Length));
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(24), StateSize);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(28), IsVista ? 0 : Head / SectorSize);
        for (int i = 0; i < 3; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(32 + (i * 8)), Places[i]);
        }

        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(56), IsVista ? BinaryPrimitives.ReadInt64LittleEndian(plain.AsSpan(56)) : Places[3]);
        dataset.CopyTo(block, 64);
        byte[] seal = !HasSeal ? [] : State == 1 ? Datum(0, 1, [.. Words(0x2005, 0), .. SHA256.HashData(block)]) : Datum(0, 5, Box(master, 0x2005, SHA256.HashData(block)));
        byte[] whole = [.. block, .. Words((IsVista ? VistaBlockSize : BlockSize) - size, IsVista ? 1 : 2), .. Crc32.Hash(block), .. seal];
        return [.. whole, .. new byte[(IsVista ? VistaBlockSize : BlockSize) - whole.Length]];
    }

    private byte[] Protector(BitLockerProtector protector, byte[] master)
    {
        // One salt for all volumes: only the first has to be stretched.
        byte[] salt = [.. "V2V test salt..."u8], key = protector.Key(salt), between = RandomNumberGenerator.GetBytes(32);
        byte[] properties = protector.Flags switch
        {
            0 => Datum(0, 1, [.. Words(0x2000, 0), .. key]),
            0x0200 => [.. Datum(0, 2, Encoding.Unicode.GetBytes("ExternalKey\0")), .. Datum(0, 4, [.. Words(0x2002, 0), .. Datum(0, 5, Box(master, 0x2002, key))])],
            0x0800 or 0x2000 => Datum(0, 3, [.. Words(protector.Flags == 0x0800 ? 0x1000 : 0x1001, 0), .. salt, .. Datum(0, 5, Box(master, 0x2003, between))]),
            _ => Datum(0, 6, RandomNumberGenerator.GetBytes(200)),
        };
        byte[] box = (protector.Flags & 0x0100) != 0 ? [] : Datum(0, 5, Box(key, 0x2003, master));
        return Datum(2, 8, [.. protector.Id.ToByteArray(), .. new byte[8], .. Words(0, protector.Flags), .. properties, .. box]);
    }

    private byte[] Box(byte[] key, int algorithm, byte[] content)
    {
        byte[] plain = Datum(0, 1, [.. Words(algorithm, 0), .. content]), sealedBytes = new byte[plain.Length], tag = new byte[16];
        byte[] nonce = [.. BitConverter.GetBytes(DateTime.UtcNow.ToFileTimeUtc()), .. BitConverter.GetBytes(_nonce++)];
        using var cipher = new AesCcm(key);
        cipher.Encrypt(nonce, plain, sealedBytes, tag);
        return [.. nonce, .. tag, .. sealedBytes];
    }

    private void WriteBootSector(byte[] image, byte[] plain)
    {
        Span<byte> sector = image.AsSpan(0, SectorSize);
        if (IsVista)
        {
            "-FVE-FS-"u8.CopyTo(sector[3..]);
            BinaryPrimitives.WriteInt64LittleEndian(sector[56..], Places[0] / ClusterSize);
            return;
        }

        image.AsSpan(0, Head).Clear();
        ((ReadOnlySpan<byte>)[0xEB, 0x58, 0x90]).CopyTo(sector);
        (IsToGo ? "MSWIN4.1"u8 : "-FVE-FS-"u8).CopyTo(sector[3..]);
        BinaryPrimitives.WriteUInt16LittleEndian(sector[11..], (ushort)SectorSize);
        sector[13] = (byte)(ClusterSize / SectorSize);
        sector[21] = 0xF8;
        BinaryPrimitives.WriteInt64LittleEndian(sector[40..], plain.Length / SectorSize);
        "NO NAME    FAT32   "u8.CopyTo(sector[71..]);
        int at = IsToGo ? 424 : 160;
        (Chunk > 0 ? s_onWriteMark : s_mark).TryWriteBytes(sector[at..]);
        long[] places = [.. Places.Take(3), .. Chunk > 0 ? [Places[4], Places[4] + 4096] : (long[])[]];
        for (int i = 0; i < places.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(sector[(at + 16 + (i * 8))..], places[i]);
        }

        // As in every boot sector, what it says stands where a partition table would: nothing takes it for one.
        "\r\nDisk error\xFF\r\nPress any key"u8.CopyTo(sector[470..]);
        sector[510] = 0x55;
        sector[511] = 0xAA;
    }

    /// <summary>Encrypt-on-write: two descriptions, one region's map of 512 bytes with two records of 512, its log.</summary>
    private void WriteOnWrite(byte[] image)
    {
        long map = Places[4] + 8192;
        int chunks = (image.Length + Chunk - 1) / Chunk;
        for (int copy = 0; copy < 2; copy++)
        {
            Seal(image, Places[4] + (copy * 4096), 36,
            [
                .. "FVE-EOW\0"u8, .. Words(56, 64), .. BitConverter.GetBytes(SectorSize), .. BitConverter.GetBytes(512), .. BitConverter.GetBytes(Chunk), .. BitConverter.GetBytes(4096), .. new byte[4],
                .. BitConverter.GetBytes(1), .. new byte[4], .. BitConverter.GetBytes(Places[4]), .. BitConverter.GetBytes(Places[4] + 4096), .. BitConverter.GetBytes(map),
            ]);
            var bits = new byte[512 - 36];
            for (int i = 0; i < chunks; i++)
            {
                // The older record says that nothing is encrypted.
                bits[i / 8] |= (byte)(copy == 1 && IsEncrypted((long)i * Chunk) ? 1 << (i % 8) : 0);
            }

            Seal(image, map + 512 + (copy * 512), 32, [.. "FVE-EOWBR\0"u8, .. Words(36), .. BitConverter.GetBytes(512), .. BitConverter.GetBytes(chunks), .. BitConverter.GetBytes(7L + copy), .. new byte[8], .. bits]);
        }

        byte[] head =
        [
            .. "FVE-EOWBM\0"u8, .. Words(60), .. BitConverter.GetBytes(1536), .. new byte[4], .. BitConverter.GetBytes(0L), .. BitConverter.GetBytes((long)image.Length), .. BitConverter.GetBytes(map + 4096),
            .. BitConverter.GetBytes(512), .. BitConverter.GetBytes(1024), .. BitConverter.GetBytes(512), .. new byte[4],
        ];
        Seal(image, map, 56, [.. head, .. new byte[512 - head.Length]]);
    }

    private static void Seal(byte[] image, long at, int checksumAt, byte[] block)
    {
        Crc32.Hash(block).CopyTo(block, checksumAt);
        block.CopyTo(image, at);
    }
}

using System.Buffers.Binary;

namespace V2V.FileSystems.Ext.Journal;

/// <summary>The journal's superblock (jbd2, big-endian, 1024 bytes), its features and the checksums they ask for.</summary>
internal sealed class JournalSuperblock
{
    /// <summary>First word of every control block.</summary>
    public const uint Magic = 0xC03B3998;

    private const int Size = 1024;
    private const int ChecksumOffset = 0xFC;
    private const uint CompatChecksum = 0x1;
    private const uint Incompat64Bit = 0x2;
    private const uint IncompatAsyncCommit = 0x4;
    private const uint IncompatChecksumV2 = 0x8;
    private const uint IncompatChecksumV3 = 0x10;
    private const uint IncompatFastCommit = 0x20;
    private const uint IncompatKnown = 0x3F;
    private const int DefaultFastCommitBlocks = 256;
    private const byte ChecksumTypeCrc32C = 4;

    private readonly JournalBlocks _log;
    private readonly byte[] _raw;
    private readonly uint _compat;
    private readonly uint _incompat;
    private readonly uint _seed;

    private JournalSuperblock(JournalBlocks log, byte[] raw)
    {
        _log = log;
        _raw = raw;
        if (Word(4) == 4)
        {
            _compat = Word(0x24);
            _incompat = Word(0x28);
        }

        _seed = ExtChecksum.Crc32C(uint.MaxValue, raw.AsSpan(0x30, 16));
    }

    /// <summary>Size of a block in bytes, the file system's.</summary>
    public int BlockSize => (int)Word(0x0C);

    /// <summary>Blocks of the journal, the superblock among them.</summary>
    public long MaximumLength => Word(0x10);

    /// <summary>First block of the log.</summary>
    public long First => Word(0x14);

    /// <summary>First block after the log; the fast-commit area follows.</summary>
    public long LogEnd => MaximumLength - FastCommitBlocks;

    /// <summary>Blocks of the fast-commit area.</summary>
    public long FastCommitBlocks => !Has(IncompatFastCommit) ? 0 : Word(0x54) is var count && count != 0 ? count : DefaultFastCommitBlocks;

    /// <summary>Sequence number of the first transaction in the log.</summary>
    public uint Sequence => Word(0x18);

    /// <summary>Block where the log starts; 0 if the journal is empty.</summary>
    public long Start => Word(0x1C);

    /// <summary>The error that the kernel recorded, 0 if none.</summary>
    public uint ErrorNumber => Word(0x20);

    /// <summary>Commit blocks hold a CRC-32 over their transaction.</summary>
    public bool HasChecksumV1 => (_compat & CompatChecksum) != 0;

    /// <summary>Commit blocks may be on disk before what they confirm.</summary>
    public bool HasAsyncCommit => Has(IncompatAsyncCommit);

    /// <summary>Block numbers have 64 bits.</summary>
    public bool Is64Bit => Has(Incompat64Bit);

    /// <summary>Every control block and every tag holds a CRC-32C of its own.</summary>
    public bool HasBlockChecksums => Has(IncompatChecksumV2 | IncompatChecksumV3);

    /// <summary>Tags have the layout of version 3.</summary>
    public bool HasTag3 => Has(IncompatChecksumV3);

    /// <summary>Bytes that a tag takes in a descriptor block.</summary>
    public int TagSize => HasTag3 ? 16 : (Is64Bit ? 12 : 8) + (Has(IncompatChecksumV2) ? 2 : 0);

    /// <summary>Bytes at the end of a control block that its checksum takes.</summary>
    public int TailSize => HasBlockChecksums ? 4 : 0;

    public static JournalSuperblock Read(JournalBlocks log, int blockSize, string? target)
    {
        var raw = new byte[Size];
        log.Read(0, raw);
        uint type = BinaryPrimitives.ReadUInt32BigEndian(raw.AsSpan(4));
        if (BinaryPrimitives.ReadUInt32BigEndian(raw) != Magic || type is not (3 or 4))
        {
            throw JournalErrors.Corrupt("The journal has no superblock.", target);
        }

        var super = new JournalSuperblock(log, raw);
        super.CheckFeatures(target);
        if (super.HasBlockChecksums && super.ComputeChecksum() != super.Word(ChecksumOffset))
        {
            throw JournalErrors.Corrupt("The checksum of the journal's superblock is wrong.", target);
        }

        super.CheckGeometry(blockSize, target);
        return super;
    }

    /// <summary>Leaves the journal empty, its next transaction numbered <paramref name="sequence"/>.</summary>
    public void WriteEmpty(uint sequence)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_raw.AsSpan(0x18), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(_raw.AsSpan(0x1C), 0);
        BinaryPrimitives.WriteUInt32BigEndian(_raw.AsSpan(0x20), 0);
        if (HasBlockChecksums)
        {
            BinaryPrimitives.WriteUInt32BigEndian(_raw.AsSpan(ChecksumOffset), ComputeChecksum());
        }

        _log.Write(0, _raw);
    }

    /// <summary>True if a descriptor or revoke block has the checksum that its tail states.</summary>
    public bool HasValidTail(Span<byte> block)
    {
        if (!HasBlockChecksums)
        {
            return true;
        }

        Span<byte> tail = block[^4..];
        uint stored = BinaryPrimitives.ReadUInt32BigEndian(tail);
        tail.Clear();
        uint computed = ExtChecksum.Crc32C(_seed, block);
        BinaryPrimitives.WriteUInt32BigEndian(tail, stored);
        return computed == stored;
    }

    /// <summary>True if a commit block has the checksum that it states, over the block or over its header and zeroes.</summary>
    public bool HasValidCommit(Span<byte> block, Span<byte> scratch)
    {
        const int HeaderSize = 60;
        if (!HasBlockChecksums)
        {
            return true;
        }

        uint stored = BinaryPrimitives.ReadUInt32BigEndian(block[16..]);
        block.CopyTo(scratch);
        scratch.Slice(16, 4).Clear();
        if (ExtChecksum.Crc32C(_seed, scratch) == stored)
        {
            return true;
        }

        scratch[HeaderSize..].Clear();
        return ExtChecksum.Crc32C(_seed, scratch) == stored;
    }

    /// <summary>True if a data block, as it lies in the log, has the checksum of its tag.</summary>
    public bool HasValidData(in JournalTag tag, ReadOnlySpan<byte> data, uint sequence)
    {
        if (!HasBlockChecksums)
        {
            return true;
        }

        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(number, sequence);
        uint crc = ExtChecksum.Crc32C(ExtChecksum.Crc32C(_seed, number), data);
        return tag.Checksum == (HasTag3 ? crc : crc & 0xFFFF);
    }

    private bool Has(uint feature) => (_incompat & feature) != 0;

    private uint Word(int offset) => BinaryPrimitives.ReadUInt32BigEndian(_raw.AsSpan(offset));

    private uint ComputeChecksum()
    {
        byte[] copy = _raw.AsSpan().ToArray();
        copy.AsSpan(ChecksumOffset, 4).Clear();
        return ExtChecksum.Crc32C(uint.MaxValue, copy);
    }

    private void CheckFeatures(string? target)
    {
        if ((_incompat & ~IncompatKnown) != 0)
        {
            throw JournalErrors.Unsupported(FormattableString.Invariant($"The journal has unknown features (0x{_incompat & ~IncompatKnown:x})."), target);
        }

        if (Word(4) == 4 && Word(0x2C) != 0)
        {
            throw JournalErrors.Unsupported(FormattableString.Invariant($"The journal has unknown read-only features (0x{Word(0x2C):x})."), target);
        }

        int kinds = (HasChecksumV1 ? 1 : 0) + (Has(IncompatChecksumV2) ? 1 : 0) + (Has(IncompatChecksumV3) ? 1 : 0);
        if (kinds > 1)
        {
            throw JournalErrors.Corrupt("The journal claims checksums of several kinds at once.", target);
        }

        if (HasBlockChecksums && _raw[0x50] != ChecksumTypeCrc32C)
        {
            throw JournalErrors.Unsupported(FormattableString.Invariant($"The journal has checksums of the unknown type {_raw[0x50]}."), target);
        }
    }

    private void CheckGeometry(int blockSize, string? target)
    {
        if (Word(0x0C) != blockSize)
        {
            throw JournalErrors.Corrupt(FormattableString.Invariant($"The journal's blocks have {Word(0x0C)} bytes, the file system's {blockSize}."), target);
        }

        if (MaximumLength > _log.Length)
        {
            throw JournalErrors.Corrupt(FormattableString.Invariant($"The journal has {MaximumLength} blocks, its file only {_log.Length}."), target);
        }

        if (First == 0 || First >= LogEnd || (Start != 0 && (Start < First || Start >= LogEnd)))
        {
            throw JournalErrors.Corrupt("The journal's superblock names blocks outside its log.", target);
        }
    }
}

using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>The changes that records ask for, made in the bytes of file records and index blocks whose fixups are undone.</summary>
internal static class LogActions
{
    private const int LengthField = 24;
    private const int NextNumberField = 40;
    private const int FirstAttributeField = 20;

    /// <summary>True if an operation changes clusters.</summary>
    public static bool IsChange(LogOperation operation) => IsForFileRecord(operation) || IsForIndexBlock(operation)
        || operation is LogOperation.UpdateNonresidentValue or LogOperation.SetBits or LogOperation.ClearBits;

    /// <summary>True if the target is a file record.</summary>
    public static bool IsForFileRecord(LogOperation operation) =>
        operation is (>= LogOperation.InitializeFileRecord and <= LogOperation.UpdateResidentValue) or LogOperation.UpdateMappingPairs or LogOperation.SetNewAttributeSizes
            or LogOperation.AddIndexEntryToRoot or LogOperation.DeleteIndexEntryFromRoot or LogOperation.SetSubnodeInRoot or LogOperation.UpdateFileNameInRoot
            or LogOperation.UpdateDataInRoot or LogOperation.ZeroEndOfFileRecord;

    /// <summary>True if the target is a block of an index.</summary>
    public static bool IsForIndexBlock(LogOperation operation) =>
        operation is LogOperation.AddIndexEntryToBlock or LogOperation.DeleteIndexEntryFromBlock or LogOperation.WriteEndOfIndexBlock or LogOperation.SetSubnodeInBlock
            or LogOperation.UpdateFileNameInBlock or LogOperation.UpdateDataInBlock;

    /// <summary>Changes a file record.</summary>
    /// <param name="operation">What to do.</param>
    /// <param name="record">The file record.</param>
    /// <param name="entry">The log's record.</param>
    /// <param name="data">The redo or undo data.</param>
    /// <param name="isStored">False if the data is not in the log: what is there stays, and what is new is zero.</param>
    public static void ChangeFileRecord(LogOperation operation, byte[] record, LogRecord entry, ReadOnlySpan<byte> data, bool isStored = true)
    {
        int at = entry.RecordOffset;
        switch (operation)
        {
            case LogOperation.InitializeFileRecord:
                CheckRange(at, data.Length, record.Length);
                data.CopyTo(record.AsSpan(at));
                return;
            case LogOperation.DeallocateFileRecord:
                ushort sequence = (ushort)(ReadUInt16LittleEndian(record.AsSpan(16)) + 1);
                WriteUInt16LittleEndian(record.AsSpan(16), sequence == 0 ? (ushort)1 : sequence);
                WriteUInt16LittleEndian(record.AsSpan(22), (ushort)(ReadUInt16LittleEndian(record.AsSpan(22)) & ~FileRecord.InUseFlag));
                return;
            case LogOperation.ZeroEndOfFileRecord:
                CheckRange(at, data.Length, record.Length);
                record.AsSpan(at, data.Length).Clear();
                return;
            default:
                break;
        }

        CheckAttribute(record, at);
        switch (operation)
        {
            case LogOperation.WriteEndOfFileRecord:
                CheckRange(at, data.Length, record.Length);
                data.CopyTo(record.AsSpan(at));
                WriteUInt32LittleEndian(record.AsSpan(LengthField), (uint)((at + data.Length + 7) & ~7));
                break;
            case LogOperation.CreateAttribute:
                CreateAttribute(record, at, data);
                break;
            case LogOperation.DeleteAttribute:
                int size = AttributeSize(record, at);
                CountName(record, at, -1);
                Resize(record, at, size, 0);
                break;
            case LogOperation.UpdateResidentValue:
                UpdateResident(record, at, entry.AttributeOffset, data, entry.RedoData.Length == entry.UndoData.Length, isStored);
                break;
            case LogOperation.UpdateMappingPairs:
                UpdatePairs(record, at, entry.AttributeOffset, data);
                break;
            case LogOperation.SetNewAttributeSizes:
                SetSizes(record, at, data);
                break;
            default:
                ChangeRoot(operation, record, at, entry.AttributeOffset, data);
                break;
        }
    }

    /// <summary>Changes a block of an index.</summary>
    public static void ChangeIndexBlock(LogOperation operation, byte[] block, LogRecord entry, ReadOnlySpan<byte> data)
    {
        const int Header = 24;
        int at = entry.AttributeOffset, end = IndexEnd(block, Header, at);
        switch (operation)
        {
            case LogOperation.AddIndexEntryToBlock:
                int added = EntrySize(data);
                CheckRange(end, added, Header + (int)Math.Min(ReadUInt32LittleEndian(block.AsSpan(Header + 8)), (uint)(block.Length - Header)));
                block.AsSpan(at, end - at).CopyTo(block.AsSpan(at + added));
                data[..added].CopyTo(block.AsSpan(at));
                WriteUInt32LittleEndian(block.AsSpan(Header + 4), (uint)(end + added - Header));
                break;
            case LogOperation.DeleteIndexEntryFromBlock:
                int removed = EntrySize(block.AsSpan(at, end - at));
                block.AsSpan(at + removed, end - at - removed).CopyTo(block.AsSpan(at));
                WriteUInt32LittleEndian(block.AsSpan(Header + 4), (uint)(end - removed - Header));
                break;
            case LogOperation.WriteEndOfIndexBlock:
                CheckRange(at, data.Length, block.Length);
                data.CopyTo(block.AsSpan(at));
                WriteUInt32LittleEndian(block.AsSpan(Header + 4), (uint)(at + data.Length - Header));
                break;
            default:
                ChangeEntry(operation, block.AsSpan(at, end - at), data);
                break;
        }
    }

    /// <summary>Sets or clears bits of a bitmap.</summary>
    public static void ChangeBits(Span<byte> bitmap, ReadOnlySpan<byte> data, bool value)
    {
        if (data.Length < 8)
        {
            throw LogFile.Unusable("a change of a bitmap is too short");
        }

        long first = ReadUInt32LittleEndian(data), count = ReadUInt32LittleEndian(data[4..]);
        CheckRange(first, count, bitmap.Length * 8L);
        for (long bit = first; bit < first + count; bit++)
        {
            int mask = 1 << (int)(bit % 8);
            bitmap[(int)(bit / 8)] = (byte)(value ? bitmap[(int)(bit / 8)] | mask : bitmap[(int)(bit / 8)] & ~mask);
        }
    }

    private static void ChangeRoot(LogOperation operation, byte[] record, int at, int within, ReadOnlySpan<byte> data)
    {
        const int RootHeader = 16;
        int size = AttributeSize(record, at);
        int header = at + ReadUInt16LittleEndian(record.AsSpan(at + 20)) + RootHeader;
        if (ReadUInt32LittleEndian(record.AsSpan(at)) != AttributeType.IndexRoot || record[at + 8] != 0 || header + 16 > at + size)
        {
            throw LogFile.Unusable("a change of a directory does not find it");
        }

        int place = at + within, end = IndexEnd(record.AsSpan(0, at + size), header, place);
        int change = operation switch
        {
            LogOperation.AddIndexEntryToRoot => EntrySize(data),
            LogOperation.DeleteIndexEntryFromRoot => -EntrySize(record.AsSpan(place, end - place)),
            _ => 0,
        };
        if (change == 0)
        {
            ChangeEntry(operation, record.AsSpan(place, end - place), data);
            return;
        }

        if (change > 0)
        {
            Resize(record, at, size, size + change);
            record.AsSpan(place, end - place).CopyTo(record.AsSpan(place + change));
            data[..change].CopyTo(record.AsSpan(place));
        }
        else
        {
            record.AsSpan(place - change, end - place + change).CopyTo(record.AsSpan(place));
            Resize(record, at, size, size + change);
        }

        foreach (int field in (int[])[header + 4, header + 8, at + 16])
        {
            WriteUInt32LittleEndian(record.AsSpan(field), (uint)(ReadUInt32LittleEndian(record.AsSpan(field)) + change));
        }
    }

    /// <summary>Changes an entry of an index in place.</summary>
    private static void ChangeEntry(LogOperation operation, Span<byte> rest, ReadOnlySpan<byte> data)
    {
        Span<byte> entry = rest[..EntrySize(rest)];
        int place = operation switch
        {
            LogOperation.SetSubnodeInRoot or LogOperation.SetSubnodeInBlock => entry.Length - 8,
            LogOperation.UpdateFileNameInRoot or LogOperation.UpdateFileNameInBlock => IndexEntry.HeaderSize + FileName.DuplicateOffset,
            _ => ReadUInt16LittleEndian(entry),
        };
        CheckRange(place, data.Length, entry.Length);
        data.CopyTo(entry[place..]);
    }

    private static void CreateAttribute(byte[] record, int at, ReadOnlySpan<byte> data)
    {
        uint size = data.Length < 24 ? 0 : ReadUInt32LittleEndian(data[4..]);
        if (size < 24 || size % 8 != 0 || size > data.Length)
        {
            throw LogFile.Unusable("a new attribute has an impossible size");
        }

        Resize(record, at, 0, (int)size);
        data[..(int)size].CopyTo(record.AsSpan(at));
        int number = ReadUInt16LittleEndian(data[14..]);
        if (ReadUInt16LittleEndian(record.AsSpan(NextNumberField)) <= number)
        {
            WriteUInt16LittleEndian(record.AsSpan(NextNumberField), (ushort)(number + 1));
        }

        CountName(record, at, 1);
    }

    private static void UpdateResident(byte[] record, int at, int within, ReadOnlySpan<byte> data, bool keepsSize, bool isStored)
    {
        int size = AttributeSize(record, at), value = ReadUInt16LittleEndian(record.AsSpan(at + 20));
        if (!keepsSize)
        {
            if (record[at + 8] != 0 || within < value)
            {
                throw LogFile.Unusable("a resident value is not one");
            }

            int wanted = (within + data.Length + 7) & ~7;
            Resize(record, at, size, wanted);
            if (wanted > size)
            {
                record.AsSpan(at + size, wanted - size).Clear();
            }

            WriteUInt32LittleEndian(record.AsSpan(at + 16), (uint)(within + data.Length - value));
            size = wanted;
        }

        CheckRange(within, data.Length, size);
        if (isStored)
        {
            data.CopyTo(record.AsSpan(at + within));
        }
    }

    private static void UpdatePairs(byte[] record, int at, int within, ReadOnlySpan<byte> data)
    {
        int size = AttributeSize(record, at);
        if (record[at + 8] == 0 || size < 64 || ReadUInt16LittleEndian(record.AsSpan(at + 32)) is var pairs && (within < pairs || within > size))
        {
            throw LogFile.Unusable("an attribute whose runs change has none");
        }

        int wanted = (within + data.Length + 7) & ~7;
        Resize(record, at, size, wanted);
        data.CopyTo(record.AsSpan(at + within));
        record.AsSpan(at + within + data.Length, wanted - within - data.Length).Clear();
        long lowest = ReadInt64LittleEndian(record.AsSpan(at + 16));
        WriteInt64LittleEndian(record.AsSpan(at + 24), lowest + MappingPairs.CountClusters(record.AsSpan(at + ReadUInt16LittleEndian(record.AsSpan(at + 32)), wanted - ReadUInt16LittleEndian(record.AsSpan(at + 32)))) - 1);
    }

    /// <summary>Sizes stand in the log as allocated, initialized, real and, for a compressed attribute, stored.</summary>
    private static void SetSizes(byte[] record, int at, ReadOnlySpan<byte> data)
    {
        if (record[at + 8] == 0 || AttributeSize(record, at) < 64 || data.Length < 24)
        {
            throw LogFile.Unusable("an attribute whose sizes change has none");
        }

        data[..8].CopyTo(record.AsSpan(at + 40));
        data[8..16].CopyTo(record.AsSpan(at + 56));
        data[16..24].CopyTo(record.AsSpan(at + 48));
        if (data.Length >= 32 && ReadUInt16LittleEndian(record.AsSpan(at + 32)) >= 72)
        {
            data[24..32].CopyTo(record.AsSpan(at + 64));
        }
    }

    /// <summary>Gives an attribute another size and moves what follows it; a size of 0 stands for none.</summary>
    private static void Resize(byte[] record, int at, int size, int wanted)
    {
        int used = (int)ReadUInt32LittleEndian(record.AsSpan(LengthField));
        CheckRange(at + size, used - at - size, used);
        CheckRange(at + wanted, used - at - size, record.Length);
        record.AsSpan(at + size, used - at - size).CopyTo(record.AsSpan(at + wanted));
        WriteUInt32LittleEndian(record.AsSpan(LengthField), (uint)(used + wanted - size));
        if (size > 0 && wanted > 0)
        {
            WriteUInt32LittleEndian(record.AsSpan(at + 4), (uint)wanted);
        }
    }

    /// <summary>An indexed attribute is a name of the file.</summary>
    private static void CountName(byte[] record, int at, int change)
    {
        if (record[at + 8] == 0 && record[at + 22] != 0)
        {
            WriteUInt16LittleEndian(record.AsSpan(18), (ushort)(ReadUInt16LittleEndian(record.AsSpan(18)) + change));
        }
    }

    /// <summary>The end of an index's entries; one of them must begin at the place.</summary>
    private static int IndexEnd(ReadOnlySpan<byte> bytes, int header, int place)
    {
        if (header + 16 > bytes.Length)
        {
            throw LogFile.Unusable("an index is too short");
        }

        uint first = ReadUInt32LittleEndian(bytes[header..]), used = ReadUInt32LittleEndian(bytes[(header + 4)..]);
        if (used > bytes.Length - header || first < 16 || first > used)
        {
            throw LogFile.Unusable("an index contradicts itself");
        }

        int end = header + (int)used;
        for (int at = header + (int)first; at <= place && at < end; at += EntrySize(bytes[at..end]))
        {
            if (at == place)
            {
                return end;
            }
        }

        throw LogFile.Unusable("an entry of an index is not where it should be");
    }

    private static int EntrySize(ReadOnlySpan<byte> entry)
    {
        int size = entry.Length < IndexEntry.HeaderSize ? 0 : ReadUInt16LittleEndian(entry[8..]);
        return size >= IndexEntry.HeaderSize && size % 8 == 0 && size <= entry.Length ? size : throw LogFile.Unusable("an entry of an index has an impossible size");
    }

    /// <summary>An attribute, or the end of all, must begin at the place.</summary>
    private static void CheckAttribute(byte[] record, int place)
    {
        long used = Math.Min(ReadUInt32LittleEndian(record.AsSpan(LengthField)), (uint)record.Length);
        int at = ReadUInt16LittleEndian(record.AsSpan(FirstAttributeField));
        while (at < place && at + 8 <= used && ReadUInt32LittleEndian(record.AsSpan(at)) != AttributeType.End)
        {
            at += AttributeSize(record, at);
        }

        if (at != place || at + 8 > record.Length)
        {
            throw LogFile.Unusable("an attribute is not where it should be");
        }
    }

    private static int AttributeSize(byte[] record, int at)
    {
        uint size = at + 24 <= record.Length && ReadUInt32LittleEndian(record.AsSpan(at)) != AttributeType.End ? ReadUInt32LittleEndian(record.AsSpan(at + 4)) : 0;
        return size >= 24 && size % 8 == 0 && size <= record.Length - at ? (int)size : throw LogFile.Unusable("an attribute has an impossible size");
    }

    private static void CheckRange(long at, long length, long end)
    {
        if (at < 0 || length < 0 || at > end - length)
        {
            throw LogFile.Unusable("a change reaches past the end of its target");
        }
    }
}

using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>
/// Brings a volume that was not closed to where its log says: all logged changes are made again from the oldest that may be missing (redo), then those of
/// transactions that had not ended are taken back (undo). Everything happens in memory first; the volume is written only once all of it went well
/// and what came out can be opened. Start here to read the log.
/// </summary>
internal sealed class LogReplay
{
    private readonly NtfsVolume _volume;
    private readonly BlockDevice _device;
    private readonly LogReader _reader;
    private readonly LogAnalysis _analysis;
    private readonly HashSet<long> _written = [];

    private LogReplay(NtfsVolume volume, BlockDevice changes, LogPages pages)
    {
        _volume = volume;
        _device = changes;
        _reader = new LogReader(pages);
        LogRecord restart = _reader.TryRead(pages.Restart.ClientLsn) ?? throw LogFile.Unusable("its last checkpoint cannot be read");
        _analysis = new LogAnalysis(_reader, restart);
        if (pages.FindNewest() > _analysis.Last || pages.Restart.CurrentLsn > Math.Max(_analysis.Last, restart.Lsn))
        {
            throw LogFile.Unusable("it is torn: later records follow one that cannot be read");
        }
    }

    /// <summary>Replays the log of a volume. The log itself stays; the caller empties it.</summary>
    /// <param name="volume">The volume, which must not be used any more afterwards.</param>
    /// <param name="pages">The log.</param>
    /// <exception cref="V2VException"><c>NtfsLogDirty</c>: nothing was written.</exception>
    public static void Run(NtfsVolume volume, LogPages pages)
    {
        using var changes = new CopyOnWriteDevice(volume.Device);
        var replay = new LogReplay(volume, changes, pages);
        replay.RedoAll();
        replay.UndoOpenTransactions();
        replay.CopyMirror();
        replay.Check();
        replay.Commit();
    }

    private void RedoAll()
    {
        if (_analysis.Dirty.Count == 0 || _analysis.RedoStart == ulong.MaxValue)
        {
            return;
        }

        LogRecord? record = _reader.TryRead(_analysis.RedoStart) ?? throw LogFile.Unusable("its oldest needed record was overwritten");
        for (; record is not null; record = _reader.TryReadNext(record))
        {
            if (record.IsChange && !record.IsSound)
            {
                throw LogFile.Unusable("a record contradicts itself");
            }

            if (record.IsChange && LogActions.IsChange(record.Redo))
            {
                Apply(record, record.Redo, record.RedoData, isRedo: true);
            }
        }
    }

    /// <summary>
    /// Follows each open transaction from its last record back. What was done last is taken back first, whichever transaction did it. What Windows had
    /// taken back itself before it stopped, its compensation records skip.
    /// </summary>
    private void UndoOpenTransactions()
    {
        var next = new PriorityQueue<(ulong Lsn, uint Transaction), ulong>();
        foreach ((uint number, LogTransaction transaction) in _analysis.Transactions)
        {
            if (!transaction.IsCommitted && transaction.UndoNext != 0)
            {
                next.Enqueue((transaction.UndoNext, number), ulong.MaxValue - transaction.UndoNext);
            }
        }

        while (next.TryDequeue(out (ulong Lsn, uint Transaction) last, out _))
        {
            LogRecord record = _reader.TryRead(last.Lsn) ?? throw LogFile.Unusable("a record that must be undone was overwritten");
            if (!record.IsChange || !record.IsSound || record.Transaction != last.Transaction || record.UndoNext >= last.Lsn)
            {
                throw LogFile.Unusable("a record that must be undone contradicts itself");
            }

            if (LogActions.IsChange(record.Undo))
            {
                Apply(record, record.Undo, record.UndoData, isRedo: false);
            }

            if (record.UndoNext != 0)
            {
                next.Enqueue((record.UndoNext, last.Transaction), ulong.MaxValue - record.UndoNext);
            }
        }
    }

    private void Apply(LogRecord record, LogOperation operation, ReadOnlySpan<byte> data, bool isRedo)
    {
        var clusters = new LogClusters(_volume.Geometry, _device, record, lcn => !isRedo || (_analysis.Dirty.TryGetValue(lcn, out ulong oldest) && oldest <= record.Lsn), lcn => _written.Add(lcn));
        if (!clusters.AnyAlive)
        {
            if (!isRedo)
            {
                throw LogFile.Unusable("a record that must be undone names no clusters");
            }

            return;
        }

        if (LogActions.IsForFileRecord(operation))
        {
            ChangeStructure(record, operation, data, clusters, "FILE"u8, _volume.Geometry.RecordSize, record.ClusterOffset, isRedo);
        }
        else if (LogActions.IsForIndexBlock(operation))
        {
            ChangeStructure(record, operation, data, clusters, "INDX"u8, 0, record.ClusterOffset + record.RecordOffset, isRedo);
        }
        else if (operation == LogOperation.UpdateNonresidentValue)
        {
            Overwrite(record, data, clusters);
        }
        else
        {
            byte[] bitmap = clusters.Read(record.ClusterOffset + record.RecordOffset, clusters.Length - record.ClusterOffset - record.RecordOffset);
            LogActions.ChangeBits(bitmap, data, operation == LogOperation.SetBits);
            clusters.Write(record.ClusterOffset + record.RecordOffset, bitmap);
        }
    }

    private static void ChangeStructure(
        LogRecord record, LogOperation operation, ReadOnlySpan<byte> data, LogClusters clusters, ReadOnlySpan<byte> signature, int size, int at, bool isRedo)
    {
        if (size == 0)
        {
            // The array of fixups tells how long a block is.
            size = (ReadUInt16LittleEndian(clusters.Read(at, 8).AsSpan(6)) - 1) * 512;
            if (size is < 512 or > 65536)
            {
                throw LogFile.Unusable("an index block that is to be changed is not one");
            }
        }

        byte[] structure = clusters.Read(at, size);
        bool sound = structure.AsSpan().StartsWith(signature) && Fixups.Undo(structure);
        if (sound && isRedo && ReadUInt64LittleEndian(structure.AsSpan(8)) >= record.Lsn)
        {
            return;
        }

        if (operation == LogOperation.InitializeFileRecord)
        {
            InitializeRecord(structure, sound, record, data, isRedo);
        }
        else if (!sound)
        {
            throw LogFile.Unusable("a structure that is to be changed was torn");
        }
        else if (LogActions.IsForFileRecord(operation))
        {
            LogActions.ChangeFileRecord(operation, structure, record, data, isRedo ? record.HoldsRedo : record.HoldsUndo);
        }
        else
        {
            LogActions.ChangeIndexBlock(operation, structure, record, data);
        }

        if (isRedo)
        {
            WriteUInt64LittleEndian(structure.AsSpan(8), record.Lsn);
        }

        Protect(structure);
        clusters.Write(at, structure);
    }

    /// <summary>Makes a structure ready to be stored. What was changed may be the header that says how.</summary>
    private static void Protect(byte[] structure)
    {
        int array = ReadUInt16LittleEndian(structure.AsSpan(4)), count = ReadUInt16LittleEndian(structure.AsSpan(6));
        if (count != (structure.Length / 512) + 1 || array < 8 || array % 2 != 0 || array + (2 * count) > 510)
        {
            throw LogFile.Unusable("a change spoils the header of its target");
        }

        Fixups.Apply(structure);
    }

    /// <summary>A new file record need not have been one before; its update sequence number goes on if it was.</summary>
    private static void InitializeRecord(byte[] structure, bool sound, LogRecord record, ReadOnlySpan<byte> data, bool isRedo)
    {
        ushort number = sound ? ReadUInt16LittleEndian(structure.AsSpan(ReadUInt16LittleEndian(structure.AsSpan(4)))) : (ushort)1;
        if (!sound)
        {
            structure.AsSpan().Clear();
        }

        LogActions.ChangeFileRecord(LogOperation.InitializeFileRecord, structure, record, data);
        int array = ReadUInt16LittleEndian(structure.AsSpan(4));
        if (!structure.AsSpan().StartsWith("FILE"u8) || array < 40 || array > structure.Length - 2 || (isRedo && record.RecordOffset != 0))
        {
            throw LogFile.Unusable("a new file record is not one");
        }

        WriteUInt16LittleEndian(structure.AsSpan(array), number);
    }

    /// <summary>Bytes of an attribute; whole index blocks stand in the log as they are before their fixups.</summary>
    private void Overwrite(LogRecord record, ReadOnlySpan<byte> data, LogClusters clusters)
    {
        int at = record.ClusterOffset + record.RecordOffset + record.AttributeOffset;
        if (!_analysis.AttributeTypes.TryGetValue(record.Attribute, out uint type))
        {
            throw LogFile.Unusable("an attribute that is to be changed was not open");
        }

        if (type != AttributeType.IndexAllocation)
        {
            clusters.Write(at, data);
            return;
        }

        int start = record.ClusterOffset;
        int stored = (ReadUInt16LittleEndian(clusters.Read(start, 8).AsSpan(6)) - 1) * 512;
        bool isWhole = data.StartsWith("INDX"u8) && at == start;
        int size = isWhole && data.Length >= 8 ? (ReadUInt16LittleEndian(data[6..]) - 1) * 512 : stored;
        if (size is < 512 or > 65536 || at - start + data.Length > size || size > clusters.Length - start)
        {
            throw LogFile.Unusable("an index block that is to be written is not one");
        }

        byte[] block = clusters.Read(start, size);
        if (!block.AsSpan().StartsWith("INDX"u8) || !Fixups.Undo(block))
        {
            block = isWhole ? new byte[size] : throw LogFile.Unusable("an index block that is to be changed was torn");
        }

        data.CopyTo(block.AsSpan(at - start));
        Protect(block);
        clusters.Write(start, block);
    }

    /// <summary>The first file records have a second copy, which is not logged.</summary>
    private void CopyMirror()
    {
        if (_written.Count == 0)
        {
            return;
        }

        int size = _volume.Geometry.RecordSize;
        long length = Math.Max(4L * size, _volume.Geometry.ClusterSize);
        var records = new byte[Math.Min(length, 64 << 10)];
        _device.Read(_volume.Geometry.MftCluster * _volume.Geometry.ClusterSize, records);
        _device.Write(_volume.Geometry.MirrorCluster * _volume.Geometry.ClusterSize, records.AsSpan(0, 4 * size));
    }

    /// <summary>What came out must be a volume whose own files can be read.</summary>
    private void Check()
    {
        try
        {
            var after = new NtfsVolume(_device);
            for (long number = 0; number <= NtfsVolume.UpCaseNumber; number++)
            {
                after.Mft.Get(number);
            }

            foreach (IndexEntry entry in after.OpenDirectory(after.Mft.Get(NtfsVolume.RootNumber)).Entries())
            {
                after.Mft.Get(entry.Reference);
            }

            _ = after.Bitmap.FreeClusters;
        }
        catch (V2VException e)
        {
            throw LogFile.Unusable("what would come out is damaged: " + e.Message);
        }
    }

    private void Commit()
    {
        int cluster = _volume.Geometry.ClusterSize;
        var buffer = new byte[cluster];
        foreach (long lcn in _written.Append(_volume.Geometry.MirrorCluster).Order())
        {
            _device.Read(lcn * cluster, buffer);
            _volume.Device.Write(lcn * cluster, buffer);
        }

        if (4 * _volume.Geometry.RecordSize > cluster && _written.Count > 0)
        {
            var mirror = new byte[4 * _volume.Geometry.RecordSize];
            _device.Read(_volume.Geometry.MirrorCluster * cluster, mirror);
            _volume.Device.Write(_volume.Geometry.MirrorCluster * cluster, mirror);
        }
    }
}

using V2V.FileSystems.Ntfs;
using V2V.Storage;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Tests.Ntfs.Log;

/// <summary>
/// The log of a volume that Windows closed still holds what Windows did before. This takes the volume back towards an earlier checkpoint (by the undo
/// data of each record, the last one first) and marks it as not closed, as it would be if little had reached the disk since then but the log. A file
/// record or index block for which a record has no undo data stays as it was after that record: it had reached the disk.
/// </summary>
internal sealed class WindowsLog : IDisposable
{
    private readonly FileDevice _device;
    private readonly NtfsVolume _volume;
    private readonly NtfsAttribute _log;
    private readonly LogPages _pages;
    private readonly LogReader _reader;
    private readonly ulong _sequence;
    private readonly HashSet<(long Cluster, int Offset)> _settled = [];

    public WindowsLog(string path)
    {
        _device = FileDevice.Open(path, writable: true);
        _volume = new NtfsVolume(_device);
        _log = _volume.Mft.Get(NtfsVolume.LogFileNumber).Get(AttributeType.Data);
        byte[] page = ReadPage(0);
        Fixups.Undo(page);
        int area = ReadUInt16LittleEndian(page.AsSpan(24)), client = area + ReadUInt16LittleEndian(page.AsSpan(area + 22));
        var restart = new LogRestart(
            ReadUInt64LittleEndian(page.AsSpan(area)), false, 1, 1, 4096, (int)ReadUInt32LittleEndian(page.AsSpan(area + 16)),
            ReadInt64LittleEndian(page.AsSpan(area + 24)), ReadUInt16LittleEndian(page.AsSpan(area + 38)), ReadUInt64LittleEndian(page.AsSpan(client + 8)));
        _pages = new LogPages(restart, ReadPage);
        long first = _pages.First;
        if (_pages.Read(first) is not { } page4 || _pages.OffsetOf(LogPages.LastEnd(page4)) is var end && (end < first || end >= first + 4096))
        {
            // Windows 8 and later write as LFS 2 does, and only say at the end that it was LFS 1.
            _pages = new LogPages(restart with { Major = 2 }, ReadPage);
        }

        _reader = new LogReader(_pages);
        _sequence = _pages.SequenceOf(restart.CurrentLsn);
    }

    /// <summary>How the log is laid out: as LFS 1 or 2 does.</summary>
    public int Major => _pages.Restart.Major;

    /// <summary>True if the target of a record stayed as it was later.</summary>
    public bool IsSettled(LogRecord record) => record.ClusterCount > 0 && _settled.Contains((record.Cluster(0), record.ClusterOffset));

    /// <summary>The checkpoints that are still in the log and from which it can be read to its end, oldest first.</summary>
    public List<LogRecord> Checkpoints()
    {
        var found = new List<(LogRecord Checkpoint, ulong End)>();
        for (long at = _pages.First; at < _pages.Restart.FileSize; at += 4096)
        {
            for (int within = _pages.Restart.DataOffset; within <= 4096 - LogRecord.HeaderSize; within += 8)
            {
                for (ulong back = 0; back < 3; back++)
                {
                    // The last time that the volume was mounted, nothing may have changed but the log.
                    if (_reader.TryRead(_pages.LsnAt(at + within, _sequence - back)) is { IsChange: false, Client.Length: >= 64 } record && IsAtHome(record.Lsn, at, within)
                        && Records(record).LastOrDefault(r => r.IsChange && LogActions.IsChange(r.Redo)) is not null)
                    {
                        found.Add((record, Records(record).Last().Lsn));
                    }
                }
            }
        }

        ulong newest = found.Select(f => f.End).DefaultIfEmpty().Max();
        return [.. found.Where(f => f.End == newest).Select(f => f.Checkpoint).OrderBy(r => r.Lsn)];
    }

    /// <summary>The checkpoint with a number.</summary>
    public LogRecord Checkpoint(ulong lsn) => _reader.TryRead(lsn) ?? throw new InvalidOperationException("there is no such checkpoint");

    /// <summary>The records after one, to the end.</summary>
    public IEnumerable<LogRecord> Records(LogRecord first)
    {
        for (LogRecord? record = _reader.TryReadNext(first); record is not null; record = _reader.TryReadNext(record))
        {
            yield return record;
        }
    }

    /// <summary>Takes back what was done after a record.</summary>
    /// <returns>Number of changes that were taken back.</returns>
    public int Rewind(LogRecord first)
    {
        int count = 0;
        foreach (LogRecord record in Records(first).Where(r => r.IsChange && LogActions.IsChange(r.Redo) && r.ClusterCount > 0).Reverse())
        {
            (long, int) target = (record.Cluster(0), record.ClusterOffset);
            try
            {
                if (!_settled.Contains(target) && LogActions.IsChange(record.Undo) && !IsFreed(record))
                {
                    Undo(record);
                    count++;
                }
                else if (record.Redo == LogOperation.InitializeFileRecord && !_settled.Contains(target))
                {
                    Release(record);
                }
            }
            catch (V2VException)
            {
                _settled.Add(target);
            }
        }

        _device.Flush();
        return count;
    }

    /// <summary>Ends the log behind a record.</summary>
    public void Cut(LogRecord last)
    {
        long offset = _pages.OffsetOf(last.Lsn), end = offset - (offset % 4096);
        var within = (int)(offset - end);
        for (int left = LogRecord.HeaderSize + last.Client.Length; left > 4096 - within; within = _pages.Restart.DataOffset)
        {
            left -= 4096 - within;
            end += 4096;
        }

        var gone = new byte[4096];
        Array.Fill(gone, (byte)0xFF);
        for (long at = 2 * 4096; at < _pages.Restart.FileSize; at += 4096)
        {
            if (at < _pages.First || (at != end && _pages.Read(at) is { } later && LogPages.LastEnd(later) > last.Lsn))
            {
                _volume.Content.Write(_log, at, gone);
            }
        }

        byte[] page = _pages.Read(end)!.AsSpan().ToArray();
        int used = (end == offset - (offset % 4096) ? (int)(offset - end) : _pages.Restart.DataOffset) + 8;
        WriteUInt64LittleEndian(page.AsSpan(0x20), last.Lsn);
        WriteUInt64LittleEndian(page.AsSpan(8), last.Lsn);
        for (int at = used; at < 4096; at += 8)
        {
            // Later records of the page begin with a number that only they have.
            if (ReadUInt64LittleEndian(page.AsSpan(at)) is var lsn && lsn > last.Lsn && _pages.OffsetOf(lsn) == end + at)
            {
                page.AsSpan(at, 8).Clear();
            }
        }

        Fixups.Apply(page);
        _volume.Content.Write(_log, end, page);
    }

    /// <summary>Makes the log say that it was last put in order at a checkpoint, and not closed since.</summary>
    public void MarkOpen(LogRecord checkpoint, LogRecord last, int major)
    {
        foreach (long at in (long[])[0, 4096])
        {
            byte[] page = ReadPage(at);
            Fixups.Undo(page);
            int area = ReadUInt16LittleEndian(page.AsSpan(24)), client = area + ReadUInt16LittleEndian(page.AsSpan(area + 22));
            WriteUInt64LittleEndian(page.AsSpan(area), last.Lsn);
            WriteUInt16LittleEndian(page.AsSpan(26), (ushort)(major == 2 ? 0 : 1));
            WriteUInt16LittleEndian(page.AsSpan(28), (ushort)major);
            WriteUInt16LittleEndian(page.AsSpan(area + 10), 0xFFFF);
            WriteUInt16LittleEndian(page.AsSpan(area + 12), 0);
            WriteUInt16LittleEndian(page.AsSpan(area + 14), 0);
            WriteUInt64LittleEndian(page.AsSpan(client), checkpoint.Lsn);
            WriteUInt64LittleEndian(page.AsSpan(client + 8), checkpoint.Lsn);
            Fixups.Apply(page);
            _volume.Content.Write(_log, at, page);
        }

        _device.Flush();
    }

    public void Dispose() => _device.Dispose();

    /// <summary>False if the record is only in the copy of a page that was written over since.</summary>
    private bool IsAtHome(ulong lsn, long at, int within)
    {
        byte[] page = ReadPage(at);
        return Fixups.Undo(page) && ReadUInt64LittleEndian(page.AsSpan(within)) == lsn;
    }

    /// <summary>A file record that was made had been free before.</summary>
    private void Release(LogRecord record)
    {
        var clusters = new LogClusters(_volume.Geometry, _device, record, _ => true, _ => { });
        byte[] structure = clusters.Read(record.ClusterOffset, _volume.Geometry.RecordSize);
        Fixups.Undo(structure);
        structure[22] &= 0xFE;
        WriteUInt64LittleEndian(structure.AsSpan(8), record.Lsn - 1);
        Fixups.Apply(structure);
        clusters.Write(record.ClusterOffset, structure);
    }

    /// <summary>Clusters that were freed later may hold anything by now.</summary>
    private static bool IsFreed(LogRecord record) => Enumerable.Range(0, record.ClusterCount).Any(i => record.Cluster(i) == 0);

    private void Undo(LogRecord record)
    {
        var clusters = new LogClusters(_volume.Geometry, _device, record, _ => true, _ => { });
        bool isFile = LogActions.IsForFileRecord(record.Undo);
        if (isFile || LogActions.IsForIndexBlock(record.Undo))
        {
            int at = record.ClusterOffset + (isFile ? 0 : record.RecordOffset);
            byte[] structure = clusters.Read(at, isFile ? _volume.Geometry.RecordSize : 4096);
            Fixups.Undo(structure);
            if (isFile)
            {
                LogActions.ChangeFileRecord(record.Undo, structure, record, record.UndoData, record.HoldsUndo);
            }
            else
            {
                LogActions.ChangeIndexBlock(record.Undo, structure, record, record.UndoData);
            }

            WriteUInt64LittleEndian(structure.AsSpan(8), record.Lsn - 1);
            Fixups.Apply(structure);
            clusters.Write(at, structure);
            return;
        }

        int place = record.ClusterOffset + record.RecordOffset;
        if (record.Undo == LogOperation.UpdateNonresidentValue)
        {
            clusters.Write(place + record.AttributeOffset, record.UndoData);
            return;
        }

        byte[] bitmap = clusters.Read(place, clusters.Length - place);
        LogActions.ChangeBits(bitmap, record.UndoData, record.Undo == LogOperation.SetBits);
        clusters.Write(place, bitmap);
    }

    private byte[] ReadPage(long at)
    {
        var page = new byte[4096];
        _volume.Content.Read(_log, at, page);
        return page;
    }
}

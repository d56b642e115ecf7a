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
            ReadUInt64LittleEndian(page.AsSpan(area)), false, ReadUInt16LittleEndian(page.AsSpan(28)), 1, 4096, (int)ReadUInt32LittleEndian(page.AsSpan(area + 16)),
            ReadInt64LittleEndian(page.AsSpan(area + 24)), ReadUInt16LittleEndian(page.AsSpan(area + 38)), ReadUInt64LittleEndian(page.AsSpan(client + 8)));
        _pages = new LogPages(restart, ReadPage);
        _reader = new LogReader(_pages);
        _sequence = _pages.SequenceOf(restart.CurrentLsn);
        Newest = _pages.FindNewest();
    }

    /// <summary>The last record.</summary>
    public ulong Newest { get; }

    /// <summary>The checkpoints that are still in the log and from which it can be read to its end, oldest first.</summary>
    public List<LogRecord> Checkpoints()
    {
        var found = new List<LogRecord>();
        for (long at = _pages.First; at < _pages.Restart.FileSize; at += 4096)
        {
            for (int within = _pages.Restart.DataOffset; within <= 4096 - LogRecord.HeaderSize; within += 8)
            {
                for (ulong back = 0; back < 2; back++)
                {
                    if (_reader.TryRead(_pages.LsnAt(at + within, _sequence - back)) is { IsChange: false, Client.Length: >= 64 } record && Records(record).LastOrDefault()?.Lsn == Newest)
                    {
                        found.Add(record);
                    }
                }
            }
        }

        return [.. found.OrderBy(r => r.Lsn)];
    }

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

    /// <summary>Makes the log say that it was last put in order at a checkpoint, and not closed since.</summary>
    public void MarkOpen(LogRecord checkpoint, int major)
    {
        foreach (long at in (long[])[0, 4096])
        {
            byte[] page = ReadPage(at);
            Fixups.Undo(page);
            int area = ReadUInt16LittleEndian(page.AsSpan(24)), client = area + ReadUInt16LittleEndian(page.AsSpan(area + 22));
            WriteUInt64LittleEndian(page.AsSpan(area), Newest);
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

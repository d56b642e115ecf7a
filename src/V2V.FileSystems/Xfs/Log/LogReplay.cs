namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// The two passes over the log: the first collects what was cancelled, the second replays each transaction's items in the order that they
/// depend on each other.
/// </summary>
internal sealed class LogReplay
{
    private readonly LogBlocks _log;
    private readonly ReplayTarget _target;
    private readonly CancelTable _cancels = new();
    private readonly QuotaReplay _quota;
    private readonly BufferReplay _buffers;
    private readonly InodeReplay _inodes;
    private readonly InodeCreateReplay _creations;

    public LogReplay(LogBlocks log, ReplayTarget target)
    {
        _log = log;
        _target = target;
        _quota = new QuotaReplay(target, _cancels);
        _buffers = new BufferReplay(target, _cancels, _quota);
        _inodes = new InodeReplay(target, _cancels);
        _creations = new InodeCreateReplay(target, _cancels);
    }

    /// <summary>What was under way when the log ended.</summary>
    public IntentTable Intents { get; } = new();

    /// <summary>Committed transactions.</summary>
    public int Transactions { get; private set; }

    public void Run(LogPosition position)
    {
        Pass(position, Collect);
        Pass(position, Apply);
    }

    private static int Rank(LogItem item)
    {
        if (item.Type != LogItemType.Buffer)
        {
            return 1;
        }

        var buffer = new BufferItem(item);
        return buffer.IsCancel ? 3 : buffer.IsInodes ? 2 : 0;
    }

    private void Pass(LogPosition position, Action<LogTransaction> commit)
    {
        var reader = new RecordReader(_log);
        var assembler = new TransactionAssembler(commit);
        reader.Start(position.Tail, position.Head);
        while (reader.HasMore)
        {
            if (!reader.TryNext() || !reader.HasValidChecksum(required: _target.Super.IsV5))
            {
                throw LogErrors.Corrupt($"the record at block {reader.Block} is damaged");
            }

            if (reader.Header.Format != RecordHeader.LittleEndian)
            {
                throw LogErrors.Unsupported($"it was written by a big-endian machine");
            }

            reader.Unpack();
            assembler.Add(reader.Header, reader.Content);
        }
    }

    private void Collect(LogTransaction transaction)
    {
        foreach (LogItem item in transaction.Items)
        {
            if (!item.IsComplete)
            {
                throw LogErrors.Corrupt($"a transaction was committed without all of an item");
            }

            switch (item.Type)
            {
                case LogItemType.Buffer:
                    var buffer = new BufferItem(item);
                    if (buffer.IsCancel)
                    {
                        _cancels.Add(buffer.Address, buffer.Length);
                    }

                    break;
                case LogItemType.QuotaOff:
                    _quota.NoteOff(item);
                    break;
                default:
                    if (!Enum.IsDefined(item.Type))
                    {
                        throw LogErrors.Unsupported($"it holds items of the type {LogErrors.NameOf((int)item.Type)}");
                    }

                    break;
            }
        }
    }

    /// <summary>
    /// Buffers come first, for new inodes are made in them; then everything else; then the links of unlinked inodes, which go into inodes as
    /// they are after that; and cancelled buffers last, for as long as they count.
    /// </summary>
    private void Apply(LogTransaction transaction)
    {
        _target.Begin(transaction.Lsn);
        Transactions++;
        for (int rank = 0; rank <= 3; rank++)
        {
            foreach (LogItem item in transaction.Items)
            {
                if (Rank(item) == rank)
                {
                    Apply(item, transaction.Lsn);
                }
            }
        }
    }

    private void Apply(LogItem item, ulong lsn)
    {
        switch (item.Type)
        {
            case LogItemType.Buffer:
                _buffers.Replay(item, lsn);
                break;
            case LogItemType.Inode:
                _inodes.Replay(item, lsn);
                break;
            case LogItemType.Quota:
                _quota.Replay(item, lsn);
                break;
            case LogItemType.InodeCreate:
                _creations.Replay(item);
                break;
            case LogItemType.ExtentFreeIntent or LogItemType.ReverseMapIntent or LogItemType.RefcountIntent or LogItemType.BlockMapIntent
                or LogItemType.AttributeIntent or LogItemType.ExchangeIntent:
                Intents.Add(item);
                break;
            case LogItemType.ExtentFreeDone or LogItemType.ReverseMapDone or LogItemType.RefcountDone or LogItemType.BlockMapDone
                or LogItemType.AttributeDone or LogItemType.ExchangeDone:
                Intents.Finish(item.Type - 1, item);
                break;
        }
    }
}

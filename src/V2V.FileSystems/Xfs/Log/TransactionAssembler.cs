using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// Puts transactions together from the operations in the records: operations of several transactions alternate, a region may be
/// spread over records. What has no commit operation never happened.
/// </summary>
/// <param name="commit">Called for each transaction when its commit operation is met.</param>
internal sealed class TransactionAssembler(Action<LogTransaction> commit)
{
    private const int OperationSize = 12;
    private const byte ClientTransaction = 0x69;
    private const byte ClientLog = 0xAA;
    private const int Start = 1;
    private const int Commit = 2;
    private const int Continue = 4;
    private const int WasContinued = 8;
    private const int End = 0x10;
    private const int Unmount = 0x20;

    /// <summary>Bytes of transactions that may be open at a time: several times what a kernel lets gather before it commits.</summary>
    private const long MaximumOpen = 192L << 20;

    private readonly Dictionary<uint, LogTransaction> _open = [];
    private long _cost;

    /// <summary>Takes in the content of a record.</summary>
    public void Add(RecordHeader header, ReadOnlySpan<byte> content)
    {
        for (uint left = header.Operations; left > 0 && !content.IsEmpty; left--)
        {
            if (content.Length < OperationSize)
            {
                throw LogErrors.Corrupt($"an operation lies across the end of a record");
            }

            uint id = BinaryPrimitives.ReadUInt32BigEndian(content);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(content[4..]);
            byte client = content[8];
            byte flags = content[9];
            content = content[OperationSize..];
            if (client is not (ClientTransaction or ClientLog) || length > content.Length)
            {
                throw LogErrors.Corrupt($"an operation is damaged");
            }

            Process(header.Lsn, id, flags, content[..(int)length]);
            content = content[(int)length..];
        }
    }

    private void Process(ulong lsn, uint id, int flags, ReadOnlySpan<byte> data)
    {
        if (!_open.TryGetValue(id, out LogTransaction? transaction))
        {
            // Anything else that has no beginning belongs to a transaction from before the tail.
            if ((flags & Start) != 0)
            {
                transaction = new LogTransaction(id, lsn);
                _open.Add(id, transaction);
                _cost += transaction.Cost;
                CheckCost();
            }

            return;
        }

        flags &= ~End;
        if ((flags & WasContinued) != 0)
        {
            flags &= ~Continue;
        }

        long before = transaction.Cost;
        switch (flags)
        {
            case 0 or Continue:
                transaction.Add(data);
                break;
            case WasContinued:
                transaction.Continue(data);
                break;
            case Commit:
                Close(transaction);
                commit(transaction);
                return;
            case Unmount:
                Close(transaction);
                return;
            default:
                throw LogErrors.Corrupt($"an operation has the flags 0x{flags:x}");
        }

        _cost += transaction.Cost - before;
        CheckCost();
    }

    private void Close(LogTransaction transaction)
    {
        _open.Remove(transaction.Id);
        _cost -= transaction.Cost;
    }

    private void CheckCost()
    {
        if (_cost > MaximumOpen)
        {
            throw LogErrors.Limit("unfinished transactions");
        }
    }
}

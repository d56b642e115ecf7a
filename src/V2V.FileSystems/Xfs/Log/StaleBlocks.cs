namespace V2V.FileSystems.Xfs.Log;

/// <summary>
/// Blocks after the head that a crash left with the head's own cycle, because later writes overtook an earlier one. They are given the
/// cycle that blocks after the head have, as empty records, or the head would be looked for behind them.
/// </summary>
internal sealed class StaleBlocks(LogBlocks log, LogPosition position)
{
    private readonly byte[] _buffer = new byte[LogBlocks.Step * LogBlocks.BlockSize];

    /// <summary>Looks at as many blocks as can have been on their way at once.</summary>
    /// <param name="head">The first block after the record that ends the log.</param>
    /// <param name="cycle">Cycle of that block when it is written next.</param>
    /// <param name="keep">Blocks before <paramref name="head"/> to leave alone.</param>
    public void Clear(int head, uint cycle, int keep)
    {
        int count = Math.Min(log.MaximumInFlight, log.Count - keep);
        int beforeEnd = Math.Min(count, log.Count - head);
        Clear(head, beforeEnd, cycle - 1);
        Clear(0, count - beforeEnd, cycle);
    }

    private void Clear(int start, int count, uint cycle)
    {
        ulong tail = ((ulong)position.Cycle << 32) | (uint)position.Head;
        for (int done = 0; done < count; done += LogBlocks.Step)
        {
            int step = Math.Min(LogBlocks.Step, count - done);
            log.Read(start + done, _buffer.AsSpan(0, step * LogBlocks.BlockSize));
            for (int i = 0; i < step; i++)
            {
                Span<byte> block = _buffer.AsSpan(i * LogBlocks.BlockSize, LogBlocks.BlockSize);
                if (LogBlocks.CycleOf(block) == cycle)
                {
                    continue;
                }

                int number = start + done + i;
                block.Clear();
                UnmountRecord.WriteHeader(block, log, cycle, ((ulong)cycle << 32) | (uint)number, tail);
                log.Write(number, block);
            }
        }
    }
}

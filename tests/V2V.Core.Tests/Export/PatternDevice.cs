using System.Runtime.InteropServices;
using V2V.Storage;

namespace V2V.Core.Tests.Export;

/// <summary>
/// A disk of any size that takes no memory: its bytes are computed from their offset. Data lies where it is told; the rest is
/// absent. Counts what is read, and can be made to fail or to call back.
/// </summary>
internal sealed class PatternDevice(long length, params (long Offset, long Length)[] data) : BlockDevice
{
    private long _bytesRead;

    public override long Length => length;

    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Ranges that are reported as data but read as zero.</summary>
    public List<(long Offset, long Length)> HiddenZeroes { get; } = [];

    /// <summary>Called before each read.</summary>
    public Action<long>? Reading { get; set; }

    public bool IsDisposed { get; private set; }

    /// <summary>The same disk again.</summary>
    public PatternDevice Copy()
    {
        var copy = new PatternDevice(length, data);
        copy.HiddenZeroes.AddRange(HiddenZeroes);
        return copy;
    }

    /// <summary>The eight bytes around an offset; none is zero.</summary>
    private static ulong Word(long offset) => ((ulong)(offset >> 3) * 0x9E3779B97F4A7C15UL) | 0x0101010101010101UL;

    public override void Read(long offset, Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        CheckRange(offset, buffer.Length);
        Reading?.Invoke(offset);
        Interlocked.Add(ref _bytesRead, buffer.Length);
        int filled = 0;
        for (; filled < buffer.Length && ((offset + filled) & 7) != 0; filled++)
        {
            buffer[filled] = (byte)(Word(offset + filled) >> (int)(8 * ((offset + filled) & 7)));
        }

        for (; filled < buffer.Length; filled += 8)
        {
            ulong word = Word(offset + filled);
            MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in word))[..Math.Min(8, buffer.Length - filled)].CopyTo(buffer[filled..]);
        }

        foreach (BlockExtent extent in GetExtents(offset, buffer.Length).Where(e => e.Kind != BlockExtentKind.Data))
        {
            buffer.Slice((int)(extent.Offset - offset), (int)extent.Length).Clear();
        }

        foreach ((long start, long count) in HiddenZeroes)
        {
            long from = Math.Max(start, offset);
            long to = Math.Min(start + count, offset + buffer.Length);
            if (to > from)
            {
                buffer[(int)(from - offset)..(int)(to - offset)].Clear();
            }
        }
    }

    public override IEnumerable<BlockExtent> GetExtents(long offset, long count)
    {
        CheckRange(offset, count);
        long end = offset + count;
        foreach ((long start, long size) in data)
        {
            long from = Math.Max(start, offset);
            long to = Math.Min(start + size, end);
            if (to <= from)
            {
                continue;
            }

            if (from > offset)
            {
                yield return new BlockExtent(offset, from - offset, BlockExtentKind.Absent);
            }

            yield return new BlockExtent(from, to - from, BlockExtentKind.Data);
            offset = to;
        }

        if (offset < end)
        {
            yield return new BlockExtent(offset, end - offset, BlockExtentKind.Zero);
        }
    }

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        base.Dispose(disposing);
    }
}

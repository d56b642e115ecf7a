using V2V.Storage.Volumes.Mapping;

namespace V2V.Storage.Volumes.Raid;

/// <summary>The arrangement of md's RAID 10, as its superblock's layout word tells it (md(4), "RAID10").</summary>
/// <param name="Near">Copies in neighbouring chunks.</param>
/// <param name="Far">Copies in distant parts of the members.</param>
/// <param name="IsOffset">True if the far copies stand in the next row instead.</param>
/// <param name="SetSize">How many members the far copies go round in.</param>
internal readonly record struct Raid10Layout(int Near, int Far, bool IsOffset, int SetSize)
{
    /// <summary>Copies of each chunk.</summary>
    internal int Copies => Near * Far;

    /// <summary>Takes the layout word apart; null if it is not valid for the number of members.</summary>
    internal static Raid10Layout? Parse(int layout, int members)
    {
        int near = layout & 0xFF, far = (layout >> 8) & 0xFF, sets = layout >> 17;
        if (near == 0 || far == 0 || near * far > members || sets is < 0 or > 2)
        {
            return null;
        }

        int size = sets switch
        {
            0 => members,
            1 => members / far,
            _ => near * far,
        };
        return size == 0 || size > members ? null : new Raid10Layout(near, far, (layout & 0x10000) != 0, size);
    }

    /// <summary>Bytes of an array whose members have a number of bytes each.</summary>
    internal long ArrayLength(long memberLength, long chunk, int members) => memberLength / chunk / Far * members / Near * chunk;
}

/// <summary>RAID 10 in its near, far and offset layouts.</summary>
internal sealed class Raid10Device : BlockDevice
{
    private readonly BlockDevice?[] _members;
    private readonly Raid10Layout _layout;
    private readonly long _chunk;
    private readonly long _stride;

    /// <param name="members">The members in the array's order; null for each that is missing.</param>
    /// <param name="layout">Where the copies lie.</param>
    /// <param name="chunk">Chunk size in bytes.</param>
    /// <param name="memberLength">Bytes of each member that the array uses.</param>
    internal Raid10Device(IReadOnlyList<BlockDevice?> members, Raid10Layout layout, long chunk, long memberLength)
    {
        _members = [.. members];
        _layout = layout;
        _chunk = chunk;
        Length = layout.ArrayLength(memberLength, chunk, _members.Length);
        long chunksOnMember = ((Length / chunk * layout.Copies) + _members.Length - 1) / _members.Length;
        _stride = layout.IsOffset ? chunk : chunksOnMember / layout.Far * chunk;
        SectorSize = _members.Max(m => m?.SectorSize ?? 512);
        CanWrite = Array.TrueForAll(_members, m => m is { CanWrite: true });
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <summary>True if some copy of every chunk is there.</summary>
    internal bool IsComplete
    {
        get
        {
            for (long chunk = 0; chunk < Math.Min(_members.Length, Length / _chunk); chunk++)
            {
                if (Locate(chunk * _chunk).Device is null)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            DeviceRun run = Locate(offset);
            int step = (int)Math.Min(run.Length, buffer.Length);
            run.Device.Read(run.Offset, buffer[..step]);
            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckWritable(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            (long chunk, long within) = Math.DivRem(offset, _chunk);
            int step = (int)Math.Min(_chunk - within, buffer.Length);
            for (int copy = 0; copy < _layout.Copies; copy++)
            {
                (int member, long start) = Find(chunk, copy);
                _members[member]!.Write(start + within, buffer[..step]);
            }

            offset += step;
            buffer = buffer[step..];
        }
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length)
    {
        CheckWritable(offset, length);
        while (length > 0)
        {
            (long chunk, long within) = Math.DivRem(offset, _chunk);
            long step = Math.Min(_chunk - within, length);
            for (int copy = 0; copy < _layout.Copies; copy++)
            {
                (int member, long start) = Find(chunk, copy);
                _members[member]!.WriteZeroes(start + within, step);
            }

            offset += step;
            length -= step;
        }
    }

    /// <inheritdoc/>
    public override void Flush() => Array.ForEach(_members, m => m?.Flush());

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return ExtentCursor.Enumerate(offset, length, Locate);
    }

    private DeviceRun Locate(long offset)
    {
        (long chunk, long within) = Math.DivRem(offset, _chunk);
        for (int copy = 0; copy < _layout.Copies; copy++)
        {
            (int member, long start) = Find(chunk, copy);
            if (_members[member] is { } device)
            {
                return new DeviceRun(device, start + within, _chunk - within);
            }
        }

        return new DeviceRun(null!, 0, _chunk - within);
    }

    /// <summary>The member and the place on it of one copy of a chunk.</summary>
    private (int Member, long Offset) Find(long chunk, int copy)
    {
        (int near, int far) = (copy % _layout.Near, copy / _layout.Near);
        long first = chunk * _layout.Near;
        (long row, long member) = Math.DivRem(first, _members.Length);
        row *= _layout.IsOffset ? _layout.Far : 1;
        member += near;
        if (member >= _members.Length)
        {
            member -= _members.Length;
            row += 1;
        }

        return (Shift((int)member, far), (row * _chunk) + (far * _stride));
    }

    /// <summary>Far copies go on by the number of near copies, within their set of members; the last set takes what is left over.</summary>
    private int Shift(int member, int far)
    {
        int size = _layout.SetSize, left = _members.Length % size;
        int lastStart = ((_members.Length / size) - 1) * size;
        for (int i = 0; i < far; i++)
        {
            int set = member / size;
            member += _layout.Near;
            member = left != 0 && member > lastStart
                ? ((member - lastStart) % (size + left)) + lastStart
                : (member % size) + (size * set);
        }

        return member;
    }

    private void CheckWritable(long offset, long length)
    {
        CheckRange(offset, length);
        if (!CanWrite)
        {
            throw ReadOnly();
        }
    }
}

using System.Buffers;

namespace V2V.Storage.Volumes.Raid;

/// <summary>
/// RAID 4, 5 or 6. Members that are missing are worked out from the others; writing needs all members and updates the parity by the
/// difference between old and new data. Rows are locked one by one, so that writes to different chunks of a row keep its parity right.
/// </summary>
internal sealed class ParityDevice : BlockDevice
{
    private const int Piece = 64 << 10;

    private readonly BlockDevice?[] _members;
    private readonly ParityLayout _layout;
    private readonly long _chunk;
    private readonly Lock[] _locks;

    /// <param name="members">The members in the array's order; null for each that is missing, at most as many as the level bears.</param>
    /// <param name="layout">Where the chunks lie.</param>
    /// <param name="chunk">Chunk size in bytes.</param>
    /// <param name="length">Length of the array in bytes; every member holds its share.</param>
    internal ParityDevice(IReadOnlyList<BlockDevice?> members, ParityLayout layout, long chunk, long length)
    {
        _members = [.. members];
        _layout = layout;
        _chunk = chunk;
        Length = length;
        SectorSize = _members.Max(m => m?.SectorSize ?? 512);
        CanWrite = Array.TrueForAll(_members, m => m is { CanWrite: true });
        _locks = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            Place place = Find(offset);
            Span<byte> part = buffer[..(int)Math.Min(place.Length, buffer.Length)];
            if (_members[place.Member] is { } member)
            {
                member.Read(place.Offset, part);
            }
            else
            {
                Reconstruct(place, part);
            }

            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        byte[] difference = ArrayPool<byte>.Shared.Rent(Piece), parity = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            while (!buffer.IsEmpty)
            {
                Place place = Find(offset);
                int step = (int)Math.Min(Math.Min(place.Length, Piece), buffer.Length);
                lock (_locks[place.Row % _locks.Length])
                {
                    WritePiece(place, buffer[..step], difference.AsSpan(0, step), parity.AsSpan(0, step));
                }

                offset += step;
                buffer = buffer[step..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(difference);
            ArrayPool<byte>.Shared.Return(parity);
        }
    }

    /// <inheritdoc/>
    public override void Flush() => Array.ForEach(_members, m => m?.Flush());

    /// <inheritdoc/>
    public override IEnumerable<BlockExtent> GetExtents(long offset, long length)
    {
        CheckRange(offset, length);
        return Mapping.ExtentCursor.Enumerate(offset, length, at =>
        {
            Place place = Find(at);
            return new Mapping.DeviceRun(_members[place.Member]!, place.Offset, place.Length);
        });
    }

    private Place Find(long offset)
    {
        (long chunk, long within) = Math.DivRem(offset, _chunk);
        (long number, long index) = Math.DivRem(chunk, _layout.DataMembers);
        ParityRow row = _layout.Row(number);
        return new Place(number, row, _layout.DataMember(row, (int)index), (number * _chunk) + within, _chunk - within);
    }

    private void WritePiece(Place place, ReadOnlySpan<byte> data, Span<byte> difference, Span<byte> parity)
    {
        BlockDevice member = _members[place.Member]!;
        member.Read(place.Offset, difference);
        GaloisField.Xor(difference, data);
        if (difference.ContainsAnyExcept((byte)0))
        {
            member.Write(place.Offset, data);
            Update(place.Parity.P, place.Offset, difference, parity, 1);
            if (place.Parity.Q >= 0)
            {
                Update(place.Parity.Q, place.Offset, difference, parity, GaloisField.Power(_layout.Exponent(place.Parity, place.Member)));
            }
        }
    }

    private void Update(int member, long offset, ReadOnlySpan<byte> difference, Span<byte> parity, byte factor)
    {
        _members[member]!.Read(offset, parity);
        GaloisField.MultiplyXor(parity, difference, factor);
        _members[member]!.Write(offset, parity);
    }

    private void Reconstruct(Place place, Span<byte> data)
    {
        byte[] other = ArrayPool<byte>.Shared.Rent(Piece), second = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            for (int done = 0; done < data.Length; done += Piece)
            {
                Span<byte> piece = data[done..Math.Min(done + Piece, data.Length)];
                Place at = place with { Offset = place.Offset + done };
                Reconstruct(at, piece, other.AsSpan(0, piece.Length), second.AsSpan(0, piece.Length));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(other);
            ArrayPool<byte>.Shared.Return(second);
        }
    }

    /// <summary>Solves the row's two equations for the wanted chunk: by P alone, by Q alone, or by both if another chunk of data is missing.</summary>
    private void Reconstruct(Place place, Span<byte> wanted, Span<byte> other, Span<byte> second)
    {
        (int p, int q) = place.Parity;
        int lost = Array.FindIndex(_members, m => m is null);
        lost = lost == place.Member ? Array.FindIndex(_members, lost + 1, m => m is null) : lost;
        bool isOtherData = lost >= 0 && lost != p && lost != q;
        bool useP = _members[p] is not null, useQ = q >= 0 && (isOtherData || !useP);
        wanted.Clear();
        second.Clear();
        for (int i = 0; i < _members.Length; i++)
        {
            if (_members[i] is not { } member || (i == p && !useP) || (i == q && !useQ))
            {
                continue;
            }

            member.Read(place.Offset, other);
            if (i == q)
            {
                GaloisField.Xor(second, other);
                continue;
            }

            GaloisField.Xor(wanted, other);
            if (useQ && i != p)
            {
                GaloisField.MultiplyXor(second, other, GaloisField.Power(_layout.Exponent(place.Parity, i)));
            }
        }

        if (!useQ)
        {
            return;
        }

        byte own = GaloisField.Power(_layout.Exponent(place.Parity, place.Member));
        if (isOtherData)
        {
            byte theirs = GaloisField.Power(_layout.Exponent(place.Parity, lost));
            GaloisField.MultiplyXor(second, wanted, theirs);
            own ^= theirs;
        }

        second.CopyTo(wanted);
        GaloisField.Multiply(wanted, GaloisField.Inverse(own));
    }

    /// <summary>Where a byte lies.</summary>
    /// <param name="Row">Number of the row of chunks.</param>
    /// <param name="Parity">The row's parity members.</param>
    /// <param name="Member">The member that holds it.</param>
    /// <param name="Offset">Its place on the member.</param>
    /// <param name="Length">Bytes to the end of the chunk.</param>
    private readonly record struct Place(long Row, ParityRow Parity, int Member, long Offset, long Length);
}

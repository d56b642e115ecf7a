using System.Buffers;

namespace V2V.Storage.Volumes.Luks;

/// <summary>The data of an opened LUKS volume; writes are encrypted back. Disposing it forgets the key.</summary>
internal sealed class LuksDevice : BlockDevice
{
    private const int Piece = 256 << 10;

    private readonly BlockDevice _device;
    private readonly SectorCipher _cipher;
    private readonly long _start;
    private readonly int _sector;
    private readonly ulong _firstVector;
    private readonly Lock _edges = new();

    /// <param name="device">The encrypted device; it stays open.</param>
    /// <param name="header">Its header.</param>
    /// <param name="key">The key of its data.</param>
    /// <param name="target">Name for messages.</param>
    internal LuksDevice(BlockDevice device, LuksHeader header, ReadOnlySpan<byte> key, string target)
    {
        _device = device;
        _start = header.DataOffset;
        _sector = header.SectorSize;
        _firstVector = header.FirstVector;
        if (_start > device.Length || _start < 0)
        {
            throw LuksErrors.Damaged("its data would begin behind its end", target);
        }

        Length = (header.DataLength ?? device.Length - _start) / _sector * _sector;
        _cipher = SectorCipher.Create(header.Cipher, key, target);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize => Math.Max(_device.SectorSize, _sector);

    /// <inheritdoc/>
    public override bool CanWrite => _device.CanWrite;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        byte[] work = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            while (!buffer.IsEmpty)
            {
                int within = (int)(offset % _sector);
                int part = Math.Min(Piece - within, buffer.Length), whole = RoundUp(within + part);
                ReadSectors(offset - within, work, whole);
                work.AsSpan(within, part).CopyTo(buffer);
                offset += part;
                buffer = buffer[part..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(work);
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

        byte[] work = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            while (!buffer.IsEmpty)
            {
                int within = (int)(offset % _sector);
                int part = Math.Min(Piece - within, buffer.Length);
                if (within == 0 && part >= _sector)
                {
                    part -= part % _sector;
                    buffer[..part].CopyTo(work);
                    WriteSectors(offset, work, part);
                }
                else
                {
                    // A part of one sector: others may write its other parts at the same time.
                    part = Math.Min(part, _sector - within);
                    lock (_edges)
                    {
                        ReadSectors(offset - within, work, _sector);
                        buffer[..part].CopyTo(work.AsSpan(within));
                        WriteSectors(offset - within, work, _sector);
                    }
                }

                offset += part;
                buffer = buffer[part..];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(work);
        }
    }

    /// <inheritdoc/>
    public override void Flush() => _device.Flush();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _cipher.Dispose();
        }

        base.Dispose(disposing);
    }

    private void ReadSectors(long offset, byte[] work, int count)
    {
        _device.Read(_start + offset, work.AsSpan(0, count));
        _cipher.Transform(false, _firstVector + (ulong)(offset / 512), _sector, work, count);
    }

    private void WriteSectors(long offset, byte[] work, int count)
    {
        _cipher.Transform(true, _firstVector + (ulong)(offset / 512), _sector, work, count);
        _device.Write(_start + offset, work.AsSpan(0, count));
    }

    private int RoundUp(int length) => (length + _sector - 1) / _sector * _sector;
}

namespace V2V.Storage;

/// <summary>A device in memory. For large, mostly empty devices put a <see cref="CopyOnWriteDevice"/> over a <see cref="ZeroDevice"/>.</summary>
public sealed class MemoryDevice : BlockDevice
{
    private readonly byte[] _data;

    /// <summary>A device over existing bytes, which it uses in place.</summary>
    public MemoryDevice(byte[] data, bool writable = true, int sectorSize = 512)
    {
        _data = data;
        CanWrite = writable;
        SectorSize = sectorSize;
    }

    /// <summary>A writable device of zeroes.</summary>
    /// <param name="length">Length in bytes, below 2 GiB.</param>
    /// <param name="sectorSize">Logical sector size, 512 or 4096.</param>
    public MemoryDevice(int length, int sectorSize = 512)
        : this(new byte[length], writable: true, sectorSize)
    {
    }

    /// <summary>The bytes of the device.</summary>
    public Span<byte> Span => _data;

    /// <inheritdoc/>
    public override long Length => _data.Length;

    /// <inheritdoc/>
    public override int SectorSize { get; }

    /// <inheritdoc/>
    public override bool CanWrite { get; }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        _data.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        CheckRange(offset, buffer.Length);
        buffer.CopyTo(_data.AsSpan((int)offset));
    }

    /// <inheritdoc/>
    public override void WriteZeroes(long offset, long length)
    {
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        CheckRange(offset, length);
        _data.AsSpan((int)offset, (int)length).Clear();
    }
}

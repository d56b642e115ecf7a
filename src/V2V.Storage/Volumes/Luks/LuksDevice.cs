namespace V2V.Storage.Volumes.Luks;

/// <summary>The data of an opened LUKS volume; writes are encrypted back. Disposing it forgets the key.</summary>
internal sealed class LuksDevice : EncryptedDevice
{
    private readonly BlockDevice _device;
    private readonly SectorCipher _cipher;
    private readonly long _start;
    private readonly ulong _firstVector;

    /// <param name="device">The encrypted device; it stays open.</param>
    /// <param name="header">Its header.</param>
    /// <param name="key">The key of its data.</param>
    /// <param name="target">Name for messages.</param>
    internal LuksDevice(BlockDevice device, LuksHeader header, ReadOnlySpan<byte> key, string target)
        : base(header.SectorSize)
    {
        _device = device;
        _start = header.DataOffset;
        _firstVector = header.FirstVector;
        if (_start > device.Length || _start < 0)
        {
            throw LuksErrors.Damaged("its data would begin behind its end", target);
        }

        Length = (header.DataLength ?? device.Length - _start) / CipherSector * CipherSector;
        _cipher = SectorCipher.Create(header.Cipher, key, target);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override int SectorSize => Math.Max(_device.SectorSize, CipherSector);

    /// <inheritdoc/>
    public override bool CanWrite => _device.CanWrite;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        ReadEncrypted(offset, buffer);
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        if (!CanWrite)
        {
            throw ReadOnly();
        }

        WriteEncrypted(offset, buffer);
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

    /// <inheritdoc/>
    protected override void ReadSectors(long offset, byte[] work, int count)
    {
        _device.Read(_start + offset, work.AsSpan(0, count));
        _cipher.Transform(false, _firstVector + (ulong)(offset / 512), CipherSector, work, count);
    }

    /// <inheritdoc/>
    protected override void WriteSectors(long offset, byte[] work, int count)
    {
        _cipher.Transform(true, _firstVector + (ulong)(offset / 512), CipherSector, work, count);
        _device.Write(_start + offset, work.AsSpan(0, count));
    }
}

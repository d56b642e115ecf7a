using System.Buffers.Binary;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>The data of an opened BitLocker volume; writes are encrypted back to where Windows looks for them. Disposing it forgets the key.</summary>
/// <param name="device">The encrypted device; it stays open.</param>
/// <param name="layout">Where everything is stored.</param>
/// <param name="metadata">The metadata.</param>
/// <param name="sectorSize">Bytes in a sector.</param>
/// <param name="cipher">The cipher; null for a volume that holds plain data only.</param>
/// <param name="target">Name for messages.</param>
internal sealed class BitLockerDevice(BlockDevice device, VolumeLayout layout, MetadataBlock metadata, int sectorSize, BitLockerCipher? cipher, string target)
    : EncryptedDevice(sectorSize)
{
    private const int NameOffset = 3;
    private const int MirrorOffset = 56;

    private static ReadOnlySpan<byte> NtfsName => "NTFS    "u8;

    /// <inheritdoc/>
    public override long Length => layout.Length;

    /// <inheritdoc/>
    public override int SectorSize => Math.Max(device.SectorSize, CipherSector);

    /// <inheritdoc/>
    public override bool CanWrite => device.CanWrite && layout.ReadOnlyReason is null;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        while (!buffer.IsEmpty)
        {
            LayoutRange range = layout[offset];
            int part = (int)Math.Min(range.End - offset, buffer.Length);
            long stored = range.Stored + offset - range.Start;
            switch (range.As)
            {
                case StoredAs.Encrypted:
                    ReadEncrypted(stored, buffer[..part]);
                    break;
                case StoredAs.Plain:
                    device.Read(stored, buffer[..part]);
                    break;
                case StoredAs.Nothing:
                    buffer[..part].Clear();
                    break;
                default:
                    ReadBootSector((int)stored, buffer[..part]);
                    break;
            }

            offset += part;
            buffer = buffer[part..];
        }
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        if (!CanWrite)
        {
            throw layout.ReadOnlyReason is { } reason
                ? new V2VException("VolumeReadOnly", V2VErrorKind.InvalidState, $"The volume {target} cannot be written: {reason}.", target, VolumeErrors.ReadOnlyAdvice)
                : ReadOnly();
        }

        while (!buffer.IsEmpty)
        {
            LayoutRange range = layout[offset];
            int part = (int)Math.Min(range.End - offset, buffer.Length);
            long stored = range.Stored + offset - range.Start;
            switch (range.As)
            {
                case StoredAs.Encrypted:
                    WriteEncrypted(stored, buffer[..part]);
                    break;
                case StoredAs.Plain:
                    device.Write(stored, buffer[..part]);
                    break;
                case StoredAs.Nothing when buffer[..part].ContainsAnyExcept((byte)0):
                    throw Protected(offset);
                case StoredAs.VistaBootSector:
                    WriteBootSector((int)stored, buffer[..part]);
                    break;
                default:
                    break;
            }

            offset += part;
            buffer = buffer[part..];
        }
    }

    /// <inheritdoc/>
    public override void Flush() => device.Flush();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            cipher?.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override void ReadSectors(long offset, byte[] work, int count)
    {
        device.Read(offset, work.AsSpan(0, count));
        cipher!.Transform(false, offset, work, count);
    }

    /// <inheritdoc/>
    protected override void WriteSectors(long offset, byte[] work, int count)
    {
        cipher!.Transform(true, offset, work, count);
        device.Write(offset, work.AsSpan(0, count));
    }

    private void ReadBootSector(int within, Span<byte> part)
    {
        Span<byte> sector = stackalloc byte[CipherSector];
        ReadBootSector(sector);
        sector.Slice(within, part.Length).CopyTo(part);
    }

    /// <summary>Vista put its own name and the place of its metadata over two fields of NTFS' boot sector; the metadata keeps one of them.</summary>
    private void ReadBootSector(Span<byte> sector)
    {
        device.Read(0, sector);
        NtfsName.CopyTo(sector[NameOffset..]);
        BinaryPrimitives.WriteInt64LittleEndian(sector[MirrorOffset..], metadata.RelocatedOffset);
    }

    private void WriteBootSector(int within, ReadOnlySpan<byte> part)
    {
        Span<byte> sector = stackalloc byte[CipherSector], own = stackalloc byte[CipherSector];
        lock (Edges)
        {
            ReadBootSector(sector);
            part.CopyTo(sector[within..]);
            if (!sector[NameOffset..].StartsWith(NtfsName) || BinaryPrimitives.ReadInt64LittleEndian(sector[MirrorOffset..]) != metadata.RelocatedOffset)
            {
                throw Protected(0);
            }

            device.Read(0, own);
            own.Slice(NameOffset, NtfsName.Length).CopyTo(sector[NameOffset..]);
            own.Slice(MirrorOffset, sizeof(long)).CopyTo(sector[MirrorOffset..]);
            device.Write(0, sector);
        }
    }

    private V2VException Protected(long offset) => new(
        "BitLockerMetadataProtected", V2VErrorKind.InvalidState, FormattableString.Invariant($"Byte {offset} of the volume {target} belongs to BitLocker and cannot be written."), target,
        "Check the file system in the guest (chkdsk): it gave the place of BitLocker's metadata to something else.");
}

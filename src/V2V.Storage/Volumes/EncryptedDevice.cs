using System.Buffers;

namespace V2V.Storage.Volumes;

/// <summary>A device whose sectors are encrypted one by one: cuts reads and writes of any place and length into whole sectors.</summary>
/// <param name="cipherSector">Bytes that are encrypted together.</param>
internal abstract class EncryptedDevice(int cipherSector) : BlockDevice
{
    private const int Piece = 256 << 10;

    /// <summary>Held while a part of a sector is written: others may write its other parts at the same time.</summary>
    protected Lock Edges { get; } = new();

    /// <summary>Bytes that are encrypted together.</summary>
    protected int CipherSector => cipherSector;

    /// <summary>Reads whole sectors and decrypts them.</summary>
    /// <param name="offset">Where the first begins, in bytes.</param>
    /// <param name="work">Receives them from its start.</param>
    /// <param name="count">Their length in bytes.</param>
    protected abstract void ReadSectors(long offset, byte[] work, int count);

    /// <summary>Encrypts whole sectors where they are and writes them; the parameters are those of <see cref="ReadSectors"/>.</summary>
    protected abstract void WriteSectors(long offset, byte[] work, int count);

    /// <summary>Reads from sectors that are encrypted.</summary>
    protected void ReadEncrypted(long offset, Span<byte> buffer)
    {
        byte[] work = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            while (!buffer.IsEmpty)
            {
                int within = (int)(offset % cipherSector);
                int part = Math.Min(Piece - within, buffer.Length);
                ReadSectors(offset - within, work, (within + part + cipherSector - 1) / cipherSector * cipherSector);
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

    /// <summary>Writes to sectors that are encrypted.</summary>
    protected void WriteEncrypted(long offset, ReadOnlySpan<byte> buffer)
    {
        byte[] work = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            while (!buffer.IsEmpty)
            {
                int within = (int)(offset % cipherSector);
                int part = Math.Min(Piece - within, buffer.Length);
                if (within == 0 && part >= cipherSector)
                {
                    part -= part % cipherSector;
                    buffer[..part].CopyTo(work);
                    WriteSectors(offset, work, part);
                }
                else
                {
                    part = Math.Min(part, cipherSector - within);
                    lock (Edges)
                    {
                        ReadSectors(offset - within, work, cipherSector);
                        buffer[..part].CopyTo(work.AsSpan(within));
                        WriteSectors(offset - within, work, cipherSector);
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
}

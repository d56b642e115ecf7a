using V2V.Storage;

namespace V2V.Core.Tests.Guest;

/// <summary>A writable disk in memory.</summary>
internal sealed class MemoryBlockDevice(byte[] content) : BlockDevice
{
    public MemoryBlockDevice(int length)
        : this(new byte[length])
    {
    }

    public override long Length => content.Length;

    public override bool CanWrite => true;

    /// <summary>Number of bytes read so far.</summary>
    public long BytesRead { get; private set; }

    public override void Read(long offset, Span<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        content.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
        BytesRead += buffer.Length;
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        CheckRange(offset, buffer.Length);
        buffer.CopyTo(content.AsSpan((int)offset));
    }
}

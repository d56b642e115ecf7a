using V2V.Storage;

namespace V2V.Core.Sources.Containers;

/// <summary>A device as a read-only stream, for the decompressors. Owns the device.</summary>
internal sealed class DeviceStream(BlockDevice device) : PositionalStream
{
    public override long Length => device.Length;

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Clamp(device.Length - Position, 0, buffer.Length);
        device.Read(Position, buffer[..count]);
        Position += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            device.Dispose();
        }

        base.Dispose(disposing);
    }
}

using System.Buffers.Binary;

namespace V2V.Storage.Volumes.Ldm;

/// <summary>The check of headers and tables of contents: the sum of the sector's 512 bytes, the field at byte 8 itself left out.</summary>
internal static class LdmChecksum
{
    private const int Field = 8;

    internal static bool IsRight(ReadOnlySpan<byte> sector)
    {
        uint sum = 0;
        for (int i = 0; i < sector.Length; i++)
        {
            sum += i is >= Field and < Field + 4 ? 0u : sector[i];
        }

        return sum == BinaryPrimitives.ReadUInt32BigEndian(sector[Field..]);
    }
}

using System.Buffers.Binary;
using System.Text;

namespace V2V.Storage.Volumes.Luks;

/// <summary>The header of LUKS1, all numbers big-endian ("LUKS1 On-Disk Format Specification", figure 1 and 2).</summary>
internal static class Luks1Header
{
    private const int Size = 592;
    private const int SlotCount = 8;
    private const uint Enabled = 0x00AC71F3;

    /// <summary>Reads the header; null if the device begins with none of this version.</summary>
    internal static LuksHeader? TryRead(BlockDevice device, string target)
    {
        var header = new byte[Size];
        if (device.Length < Size)
        {
            return null;
        }

        device.Read(0, header);
        if (!header.AsSpan().StartsWith((ReadOnlySpan<byte>)[(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xBA, 0xBE]) || BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(6)) != 1)
        {
            return null;
        }

        uint U32(int offset) => BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(offset));
        string Text(int offset, int length) => Encoding.ASCII.GetString(header, offset, length).Split('\0')[0];
        string cipher = Text(8, 32) + "-" + Text(40, 32), hash = Text(72, 32);
        uint keySize = U32(108);
        if (keySize is < 16 or > 64)
        {
            throw LuksErrors.Damaged("the size of its key is not possible", target);
        }

        var slots = new List<LuksSlot>();
        for (int i = 0; i < SlotCount; i++)
        {
            int at = 208 + (i * 48);
            if (U32(at) != Enabled)
            {
                continue;
            }

            uint stripes = U32(at + 44);
            if (stripes is 0 or > 65536)
            {
                throw LuksErrors.Damaged("a keyslot has an impossible number of stripes", target);
            }

            slots.Add(new LuksSlot(
                i, (int)keySize, new KeyDerivation("pbkdf2", header[(at + 8)..(at + 40)], U32(at + 4), hash), U32(at + 40) * 512L, cipher, (int)keySize, (int)stripes, hash));
        }

        return new LuksHeader
        {
            Version = 1,
            Uuid = Text(168, 40),
            Slots = slots,
            Digest = new LuksDigest(new KeyDerivation("pbkdf2", header[132..164], U32(164), hash), header[112..132], null),
            Cipher = cipher,
            DataOffset = U32(104) * 512L,
        };
    }
}

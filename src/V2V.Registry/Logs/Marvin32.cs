using System.Buffers.Binary;
using System.Numerics;

namespace V2V.Registry.Logs;

/// <summary>The hash of log entries: Marvin32 with the seed that Windows uses for hives.</summary>
internal static class Marvin32
{
    private const ulong Seed = 0x82EF4D887A4E55C5;

    public static ulong Hash(ReadOnlySpan<byte> data)
    {
        uint low = unchecked((uint)Seed), high = (uint)(Seed >> 32);
        for (; data.Length >= 4; data = data[4..])
        {
            low += BinaryPrimitives.ReadUInt32LittleEndian(data);
            Mix(ref low, ref high);
        }

        low += data.Length switch
        {
            0 => 0x80u,
            1 => 0x8000u | data[0],
            2 => 0x800000u | BinaryPrimitives.ReadUInt16LittleEndian(data),
            _ => 0x80000000u | ((uint)data[2] << 16) | BinaryPrimitives.ReadUInt16LittleEndian(data),
        };
        Mix(ref low, ref high);
        Mix(ref low, ref high);
        return ((ulong)high << 32) | low;
    }

    private static void Mix(ref uint low, ref uint high)
    {
        high ^= low;
        low = BitOperations.RotateLeft(low, 20) + high;
        high = BitOperations.RotateLeft(high, 9) ^ low;
        low = BitOperations.RotateLeft(low, 27) + high;
        high = BitOperations.RotateLeft(high, 19);
    }
}

using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs;

/// <summary>Big-endian fields of on-disk structures by their offset in the structure.</summary>
internal static class Be
{
    public static ushort U16(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt16BigEndian(raw[offset..]);

    public static uint U32(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt32BigEndian(raw[offset..]);

    public static ulong U64(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt64BigEndian(raw[offset..]);

    public static void Set16(Span<byte> raw, int offset, int value) => BinaryPrimitives.WriteUInt16BigEndian(raw[offset..], (ushort)value);

    public static void Set32(Span<byte> raw, int offset, uint value) => BinaryPrimitives.WriteUInt32BigEndian(raw[offset..], value);

    public static void Set64(Span<byte> raw, int offset, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(raw[offset..], value);
}

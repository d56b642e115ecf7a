using System.Buffers.Binary;

namespace V2V.FileSystems;

/// <summary>Little-endian fields of on-disk structures by their offset in the structure.</summary>
internal static class Le
{
    public static ushort U16(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(raw[offset..]);

    public static uint U32(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(raw[offset..]);

    public static ulong U64(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(raw[offset..]);

    public static void Set16(Span<byte> raw, int offset, uint value) => BinaryPrimitives.WriteUInt16LittleEndian(raw[offset..], (ushort)value);

    public static void Set32(Span<byte> raw, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(raw[offset..], value);

    public static void Set64(Span<byte> raw, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(raw[offset..], value);
}

using System.Buffers.Binary;

namespace V2V.FileSystems.Udf;

/// <summary>A timestamp (ECMA-167 1/7.3); a date that is none is the epoch.</summary>
internal static class UdfTime
{
    private const int NoZone = -2047;
    private const int MaxZone = 14 * 60;

    /// <param name="raw">Twelve bytes.</param>
    public static DateTimeOffset Decode(ReadOnlySpan<byte> raw)
    {
        int zone = (short)(Le.U16(raw, 0) << 4) >> 4;
        int year = BinaryPrimitives.ReadInt16LittleEndian(raw[2..]);
        bool isDate = year is >= 1 and <= 9998 && raw[4] is >= 1 and <= 12 && raw[5] >= 1 && raw[5] <= DateTime.DaysInMonth(year, raw[4])
            && raw[6] < 24 && raw[7] < 60 && raw[8] < 60 && (zone == NoZone || Math.Abs(zone) <= MaxZone);
        if (!isDate || (year == 1 && raw[4] == 1 && raw[5] <= 2))
        {
            return DateTimeOffset.UnixEpoch;
        }

        int microseconds = (Math.Min(raw[9], (byte)99) * 10_000) + (Math.Min(raw[10], (byte)99) * 100) + Math.Min(raw[11], (byte)99);
        return new DateTimeOffset(year, raw[4], raw[5], raw[6], raw[7], raw[8], TimeSpan.FromMinutes(zone == NoZone ? 0 : zone)).AddMicroseconds(microseconds);
    }
}

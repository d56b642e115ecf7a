using System.Globalization;

namespace V2V.FileSystems.Iso;

/// <summary>Dates of ISO 9660; a date that is none is the epoch.</summary>
internal static class IsoTime
{
    /// <summary>Seven bytes (ECMA-119 9.1.5): years since 1900, month, day, hour, minute, second, quarters of an hour from Greenwich.</summary>
    public static DateTimeOffset Short(ReadOnlySpan<byte> raw) => Make(1900 + raw[0], raw[1], raw[2], raw[3], raw[4], raw[5], (sbyte)raw[6]);

    /// <summary>Seventeen bytes (ECMA-119 8.4.26.1): digits down to hundredths of a second, then quarters of an hour from Greenwich.</summary>
    public static DateTimeOffset Long(ReadOnlySpan<byte> raw) =>
        Make(Digits(raw[..4]), Digits(raw[4..6]), Digits(raw[6..8]), Digits(raw[8..10]), Digits(raw[10..12]), Digits(raw[12..14]), (sbyte)raw[16]);

    private static int Digits(ReadOnlySpan<byte> text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;

    private static DateTimeOffset Make(int year, int month, int day, int hour, int minute, int second, int quarters)
    {
        bool isDate = year is >= 1900 and <= 9998 && month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth(year, month) && hour < 24 && minute < 60 && second < 60;
        return isDate && Math.Abs(quarters) <= 14 * 4
            ? new DateTimeOffset(year, month, day, hour, minute, second, TimeSpan.FromMinutes(15 * quarters))
            : DateTimeOffset.UnixEpoch;
    }
}

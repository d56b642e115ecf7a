namespace V2V.FileSystems.Fat;

/// <summary>FAT's date and time words. They have no time zone; V2V takes them as UTC.</summary>
internal static class FatTime
{
    private static readonly DateTimeOffset s_first = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_last = new(2107, 12, 31, 23, 59, 58, TimeSpan.Zero);

    /// <summary>Decodes a date and a time with a step of two seconds; what is impossible becomes the first day of the calendar.</summary>
    public static DateTimeOffset Decode(ushort date, ushort time)
    {
        int year = 1980 + (date >> 9);
        int month = (date >> 5) & 0xF;
        int day = date & 0x1F;
        int hour = time >> 11;
        int minute = (time >> 5) & 0x3F;
        int second = (time & 0x1F) * 2;
        return month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59
            ? s_first
            : new DateTimeOffset(year, month, day, hour, minute, second, TimeSpan.Zero);
    }

    /// <summary>Encodes a time, limited to the years 1980 to 2107.</summary>
    public static (ushort Date, ushort Time) Encode(DateTimeOffset value)
    {
        DateTimeOffset utc = value < s_first ? s_first : value > s_last ? s_last : value.ToUniversalTime();
        return ((ushort)(((utc.Year - 1980) << 9) | (utc.Month << 5) | utc.Day), (ushort)((utc.Hour << 11) | (utc.Minute << 5) | (utc.Second / 2)));
    }
}

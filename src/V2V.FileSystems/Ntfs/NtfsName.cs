namespace V2V.FileSystems.Ntfs;

/// <summary>Which names Windows can use.</summary>
internal static class NtfsName
{
    private const int MaxLength = 255;
    private const string Forbidden = "\"*/:<>?\\|";

    public static void Check(string name)
    {
        if (name.Length is 0 or > MaxLength || name[^1] is ' ' or '.' || name.Any(c => c < ' ' || Forbidden.Contains(c, StringComparison.Ordinal)))
        {
            throw NtfsErrors.Name(name);
        }
    }
}

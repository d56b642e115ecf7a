namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>Text of the guest or of the user inside a batch file.</summary>
internal static class BatchText
{
    /// <summary>True for a text that can stand between quotes in a batch file whatever the guest's code page is.</summary>
    internal static bool IsPlain(string text) => text.Length > 0 && text.All(c => c is >= ' ' and < '\x7F' and not '"');

    /// <summary>The text as it stands between quotes: only the percent sign means something there.</summary>
    internal static string Quote(string text) =>
        IsPlain(text) ? $"\"{text.Replace("%", "%%", StringComparison.Ordinal)}\"" : throw new ArgumentException("The text cannot stand in a batch file.", nameof(text));

    /// <summary>Lines as cmd.exe wants them.</summary>
    internal static string WithLineEnds(string text) => text.ReplaceLineEndings("\r\n");
}

namespace V2V.Core.Export.Qemu;

/// <summary>Quoting for the two readers of a line: the shell, and QEMU's own option parser.</summary>
internal static class ShellText
{
    /// <summary>One word of a POSIX shell, whatever it holds.</summary>
    public static string Quote(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    /// <summary>A value inside a QEMU option: a comma is written twice.</summary>
    public static string Value(string text) => text.Replace(",", ",,", StringComparison.Ordinal);
}

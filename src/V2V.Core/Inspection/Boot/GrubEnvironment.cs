using V2V.Core.Guest;

namespace V2V.Core.Inspection.Boot;

/// <summary>GRUB 2's environment block: <c>name=value</c> lines after a signature, padded with <c>#</c> (grub manual, "Environment block").</summary>
internal static class GrubEnvironment
{
    /// <summary>Largest block that is read; grub-editenv makes 1024 bytes.</summary>
    internal const int MaxBytes = 64 << 10;

    internal static Dictionary<string, string> Parse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in GuestText.SplitLines(text))
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && line[0] != '#')
            {
                values[line[..equals]] = line[(equals + 1)..].Replace("\\\\", "\\", StringComparison.Ordinal);
            }
        }

        return values;
    }
}

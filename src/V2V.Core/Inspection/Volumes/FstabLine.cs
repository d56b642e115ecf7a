using System.Text;

namespace V2V.Core.Inspection.Volumes;

/// <summary>A line of /etc/fstab (fstab(5)), its octal escapes decoded.</summary>
/// <param name="Spec">What is mounted: <c>UUID=…</c>, <c>/dev/sda1</c>.</param>
/// <param name="MountPoint">Where.</param>
/// <param name="Type">Type of the file system.</param>
/// <param name="Options">Options, separated by commas.</param>
internal sealed record FstabLine(string Spec, string MountPoint, string Type, string Options)
{
    private const int MaxLines = 4096;

    internal bool HasOption(string option) => Options.Split(',').Contains(option);

    internal static List<FstabLine> Parse(IEnumerable<string> lines)
    {
        var parsed = new List<FstabLine>();
        foreach (string line in lines)
        {
            string[] fields = line.Split([' ', '\t'], 7, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length >= 2 && fields[0][0] != '#' && parsed.Count < MaxLines)
            {
                parsed.Add(new FstabLine(
                    Unescape(fields[0]), Unescape(fields[1]), fields.Length > 2 ? Unescape(fields[2]) : "auto", fields.Length > 3 ? Unescape(fields[3]) : "defaults"));
            }
        }

        return parsed;
    }

    private static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal))
        {
            return field;
        }

        var text = new StringBuilder(field.Length);
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && IsOctal(field[i + 1]) && IsOctal(field[i + 2]) && IsOctal(field[i + 3]))
            {
                text.Append((char)((((field[i + 1] - '0') & 3) << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }

        return text.ToString();

        static bool IsOctal(char c) => c is >= '0' and <= '7';
    }
}

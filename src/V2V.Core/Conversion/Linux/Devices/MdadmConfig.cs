namespace V2V.Core.Conversion.Linux.Devices;

/// <summary>mdadm.conf(5): arrays are found by their UUID among all partitions, not by the names of their members.</summary>
internal static class MdadmConfig
{
    /// <summary>Gives the text with the names of members gone, or, where an array has no UUID, replaced.</summary>
    /// <param name="text">The file.</param>
    /// <param name="rename">Gives the new name of a device, or null to leave it.</param>
    internal static string Edit(string text, Func<string, string?> rename)
    {
        // A line that begins with a blank continues the one before.
        bool isArray = false, hasUuid = false, isDevice = false, isNamed = false;
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            bool isContinued = line.Length > 0 && line[0] is ' ' or '\t';
            string[] words = TextLines.Words(line);
            if (!isContinued && words.Length > 0)
            {
                isArray = words[0].Equals("ARRAY", StringComparison.OrdinalIgnoreCase);
                isDevice = words[0].StartsWith("DEV", StringComparison.OrdinalIgnoreCase);
                string whole = line + string.Concat(lines.Skip(i + 1).TakeWhile(l => l.Length > 0 && l[0] is ' ' or '\t'));
                hasUuid = whole.Contains("uuid=", StringComparison.OrdinalIgnoreCase);
                isNamed = isDevice && whole.Contains("/dev/", StringComparison.Ordinal);
                if (isNamed)
                {
                    lines[i] = "DEVICE partitions";
                    continue;
                }
            }

            if (isContinued && isNamed)
            {
                lines[i] = "#";
            }
            else if (isArray && words.Length > 0 && line.Contains("devices=", StringComparison.OrdinalIgnoreCase))
            {
                lines[i] = (isContinued ? "   " : "") + string.Join(' ', words.Select(w => EditWord(w, hasUuid, rename)).Where(w => w.Length > 0));
            }
        }

        return string.Join('\n', lines.Where((l, i) => l != "#" || text.Split('\n')[i] == "#"));
    }

    private static string EditWord(string word, bool hasUuid, Func<string, string?> rename) =>
        !word.StartsWith("devices=", StringComparison.OrdinalIgnoreCase) ? word
        : hasUuid ? ""
        : "devices=" + string.Join(',', word[8..].Split(',').Select(d => rename(d) ?? d));
}

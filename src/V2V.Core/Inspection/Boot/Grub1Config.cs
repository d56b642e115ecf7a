using System.Globalization;

namespace V2V.Core.Inspection.Boot;

/// <summary>menu.lst or grub.conf of GRUB 1 (GRUB Legacy manual, "Configuration").</summary>
internal static class Grub1Config
{
    /// <summary>Parses the menu.</summary>
    /// <param name="lines">Lines of the file.</param>
    /// <param name="savedDefault">Content of grub's <c>default</c> file, for <c>default saved</c>.</param>
    internal static BootMenu Parse(IEnumerable<string> lines, string? savedDefault = null)
    {
        var entries = new List<BootEntry>();
        string? title = null, kernel = null;
        string commandLine = "", chosen = "0";
        var initrds = new List<string>();
        bool isMultiboot = false;

        void Close()
        {
            if (title is not null && entries.Count < BootMenu.MaxEntries)
            {
                entries.Add(new BootEntry(title, null, kernel, [.. initrds], commandLine));
            }

            kernel = null;
            commandLine = "";
            initrds.Clear();
            isMultiboot = false;
        }

        foreach (string raw in lines)
        {
            string line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            int blank = line.AsSpan().IndexOfAny(" \t=");
            string command = blank < 0 ? line : line[..blank], value = blank < 0 ? "" : line[(blank + 1)..].TrimStart(' ', '\t', '=');
            switch (command)
            {
                case "title":
                    Close();
                    title = value;
                    break;
                case "default" when title is null:
                    chosen = value;
                    break;
                case "kernel":
                    (kernel, commandLine) = SplitPath(value);
                    isMultiboot = kernel.Contains("xen", StringComparison.Ordinal) && !kernel.Contains("vmlinuz", StringComparison.Ordinal);
                    break;
                case "module" when isMultiboot:
                    (kernel, commandLine) = SplitPath(value);
                    isMultiboot = false;
                    break;
                case "initrd" or "module" when initrds.Count < 64:
                    initrds.Add(SplitPath(value).Path);
                    break;
                default:
                    break;
            }
        }

        Close();
        string number = chosen == "saved" ? (savedDefault ?? "0").Split('\n')[0].Trim() : chosen;
        int index = int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int parsed) && parsed < entries.Count ? parsed : 0;
        return new BootMenu(entries, index < entries.Count ? entries[index] : null);
    }

    private static (string Path, string Arguments) SplitPath(string value)
    {
        // GRUB 1 options such as --type=… stand before the path.
        string[] words = value.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        int at = Array.FindIndex(words, w => !w.StartsWith("--", StringComparison.Ordinal));
        return at < 0 ? ("", "") : (words[at], string.Join(' ', words.Skip(at + 1)));
    }
}

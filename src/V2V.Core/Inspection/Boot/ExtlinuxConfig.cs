namespace V2V.Core.Inspection.Boot;

/// <summary>extlinux.conf or syslinux.cfg (SYSLINUX wiki, "Config").</summary>
internal static class ExtlinuxConfig
{
    internal static BootMenu Parse(IEnumerable<string> lines)
    {
        var entries = new List<BootEntry>();
        string chosen = "", title = "", commandLine = "";
        string? label = null, kernel = null;
        var initrds = new List<string>();

        void Close()
        {
            if (label is not null && entries.Count < BootMenu.MaxEntries)
            {
                entries.Add(new BootEntry(title.Length > 0 ? title : label, label, kernel, [.. initrds], commandLine));
            }

            (title, kernel, commandLine) = ("", null, "");
            initrds.Clear();
        }

        foreach (string raw in lines)
        {
            string[] words = raw.Split([' ', '\t'], 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            string value = words.Length > 1 ? words[1] : "";
            switch (words.Length > 0 ? words[0].ToUpperInvariant() : "")
            {
                case "DEFAULT" when label is null:
                    chosen = value;
                    break;
                case "ONTIMEOUT" when label is null:
                    chosen = value;
                    break;
                case "LABEL":
                    Close();
                    label = value;
                    break;
                case "MENU" when value.StartsWith("LABEL ", StringComparison.OrdinalIgnoreCase):
                    title = value[6..].Replace("^", "", StringComparison.Ordinal).Trim();
                    break;
                case "MENU" when value.Equals("DEFAULT", StringComparison.OrdinalIgnoreCase) && label is not null:
                    chosen = label;
                    break;
                case "LINUX" or "KERNEL":
                    kernel = value;
                    break;
                case "INITRD" when initrds.Count < 64:
                    initrds.AddRange(value.Split(',', StringSplitOptions.RemoveEmptyEntries).Take(64));
                    break;
                case "APPEND":
                    commandLine = value;
                    initrds.AddRange(value.Split(' ').Where(w => w.StartsWith("initrd=", StringComparison.Ordinal)).Take(16)
                        .SelectMany(w => w[7..].Split(',', StringSplitOptions.RemoveEmptyEntries)).Take(64));
                    break;
                default:
                    break;
            }
        }

        Close();
        return new BootMenu(entries, entries.FirstOrDefault(e => e.Id == chosen) ?? entries.FirstOrDefault());
    }
}

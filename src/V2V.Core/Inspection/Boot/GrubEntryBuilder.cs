namespace V2V.Core.Inspection.Boot;

/// <summary>Collects the commands of one menu entry of GRUB 2.</summary>
internal sealed class GrubEntryBuilder
{
    private const int MaxInitrds = 64;

    private readonly string _title;
    private readonly string? _id;
    private readonly List<string> _initrds = [];
    private string? _kernel;
    private string _commandLine = "";
    private bool _isMultiboot;

    internal GrubEntryBuilder(List<string> words)
    {
        _title = words.Count > 1 ? words[1] : "";
        _id = FindId(words);
    }

    /// <summary>The value of <c>--id</c> in the words of a menu entry or sub-menu, or null.</summary>
    internal static string? FindId(List<string> words)
    {
        for (int i = 1; i < words.Count; i++)
        {
            if (words[i] == "--id" && i + 1 < words.Count)
            {
                return words[i + 1];
            }

            if (words[i].StartsWith("--id=", StringComparison.Ordinal))
            {
                return words[i][5..];
            }
        }

        return null;
    }

    internal void Execute(List<string> words)
    {
        string? argument = words.Count > 1 ? words[1] : null;
        switch (words[0])
        {
            case "linux" or "linux16" or "linuxefi" or "linux_hdd" when argument is not null:
                _kernel ??= argument;
                _commandLine = string.Join(' ', words.Skip(2));
                break;
            case "initrd" or "initrd16" or "initrdefi":
                AddInitrds(words.Skip(1));
                break;
            case "multiboot" or "multiboot2":
                _isMultiboot = true;
                break;
            case "module" or "module2" when _isMultiboot && argument is not null:
                // A hypervisor is started; its first module is the kernel, the others are initramfs files.
                string[] rest = [.. words.Skip(1).Where(w => w is not ("--nounzip" or "placeholder"))];
                if (_kernel is null && rest.Length > 0)
                {
                    _kernel = rest[0];
                    _commandLine = string.Join(' ', rest.Skip(1));
                }
                else
                {
                    AddInitrds(rest.Take(1));
                }

                break;
            default:
                break;
        }
    }

    internal BootEntry Build() => new(_title, _id, _kernel, _initrds, _commandLine);

    private void AddInitrds(IEnumerable<string> paths) =>
        _initrds.AddRange(paths.Where(p => !p.StartsWith("--", StringComparison.Ordinal)).Take(MaxInitrds - Math.Min(_initrds.Count, MaxInitrds)));
}

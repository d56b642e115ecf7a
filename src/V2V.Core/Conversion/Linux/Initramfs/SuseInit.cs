using System.Text.RegularExpressions;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// The scripts of SUSE's mkinitrd before dracut. What <c>RESOLVED_INITRD_MODULES</c> lists is loaded by modprobe; <c>run_all.sh</c>, which runs the
/// others, carries the settings of <c>config/*.sh</c> again.
/// </summary>
internal static partial class SuseInit
{
    /// <summary>The files that hold the list and the devices.</summary>
    internal static IReadOnlyList<string> Paths { get; } = ["init", "linuxrc", "run_all.sh", "config/start.sh", "config/storage.sh", "config/mount.sh", "config/udev.sh"];

    /// <summary>True if a text holds the list.</summary>
    internal static bool HasList(string text) => List().IsMatch(text);

    /// <summary>Adds modules to the list, and replaces device names.</summary>
    internal static string Edit(string text, IReadOnlyCollection<string> modules, Func<string, string?> replace)
    {
        text = List().Replace(text, match =>
        {
            HashSet<string> present = [.. match.Groups[3].Value.Split(' ').Select(m => m.Replace('-', '_'))];
            return match.Groups[1].Value + string.Join(' ', modules.Where(m => !present.Contains(m)).Prepend(match.Groups[3].Value).Where(m => m.Length > 0)) + match.Groups[2].Value;
        });
        return Device().Replace(text, match => replace(match.Groups[2].Value) is { } name ? match.Groups[1].Value + name : match.Value);
    }

    [GeneratedRegex("""(RESOLVED_INITRD_MODULES=(['"]))([^'"$]*)\2""", RegexOptions.CultureInvariant)]
    private static partial Regex List();

    [GeneratedRegex("""\b((?:fallback_)?(?:rootdev|resumedev|journaldev)=['"]?)(/dev/[^\s'";]+)""", RegexOptions.CultureInvariant)]
    private static partial Regex Device();
}

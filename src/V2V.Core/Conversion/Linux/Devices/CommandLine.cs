using System.Text.RegularExpressions;

namespace V2V.Core.Conversion.Linux.Devices;

/// <summary>Kernel command lines, wherever they stand: in a loader's file, or quoted in a shell variable.</summary>
internal static partial class CommandLine
{
    /// <summary>Replaces device names in the parameters that take one; <paramref name="replace"/> gives null to keep a name.</summary>
    /// <param name="text">A command line, or a line that holds one.</param>
    /// <param name="replace">From the parameter and its device to the new device.</param>
    internal static string ReplaceDevices(string text, Func<string, string, string?> replace) =>
        DeviceParameter().Replace(text, match => replace(match.Groups[2].Value, match.Groups[3].Value) is { } device
            ? match.Groups[1].Value + match.Groups[2].Value + "=" + device
            : match.Value);

    /// <summary>Replaces the values of console parameters.</summary>
    internal static string ReplaceConsole(string text, string to) => ConsoleParameter().Replace(text, match => match.Groups[1].Value + to);

    // The values end where a word does, or at what follows a device in cryptdevice= and cryptopts=.
    [GeneratedRegex("""(^|[\s"',])(root|resume|real_root|source|cryptdevice|cryptroot|crypt_root|crypt_swap|swap|journal_dev)=(/dev/[^\s"',:;\\]+)""", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceParameter();

    [GeneratedRegex("""((?:^|[\s"'])console=)(?:hvc|xvc)0\b""", RegexOptions.CultureInvariant)]
    private static partial Regex ConsoleParameter();
}

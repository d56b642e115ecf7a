using System.Text.RegularExpressions;
using V2V.Core.Guest;
using V2V.Core.Inspection.Boot;

namespace V2V.Core.Conversion.Linux.Boot;

/// <summary>
/// Edits GRUB 2's environment block (GRUB manual 2.06, "The GRUB environment block"): a signature, lines <c>name=value</c>, and <c>#</c> up to its
/// length. GRUB writes it back sector by sector where it lies, so its length, which is 1024 bytes as a rule, never changes.
/// </summary>
internal static partial class GrubEnvironmentBlock
{
    private const string Signature = "# GRUB Environment Block\n";

    /// <summary>Sets a variable.</summary>
    /// <param name="block">The block.</param>
    /// <param name="name">The variable.</param>
    /// <param name="value">Its value, as GRUB is to see it.</param>
    /// <returns>A block of the same length in bytes; null if this is no block, or if the value does not fit.</returns>
    internal static string? Set(string block, string name, string value)
    {
        string body = block.TrimEnd('#');
        if (!block.StartsWith(Signature, StringComparison.Ordinal) || body[^1] != '\n')
        {
            return null;
        }

        string line = name + "=" + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\\n", StringComparison.Ordinal) + "\n";
        bool isSet = false;
        body = Line().Replace(body, match =>
        {
            if (!match.Value.StartsWith(name + "=", StringComparison.Ordinal))
            {
                return match.Value;
            }

            string own = isSet ? "" : line;
            isSet = true;
            return own;
        });
        body = isSet ? body : body + line;
        int free = GuestText.Encode(block).Length - GuestText.Encode(body).Length;
        return free < 0 ? null : body + new string('#', free);
    }

    /// <summary>Replaces the values of variables; a value that would not fit stays.</summary>
    internal static string Edit(string block, Func<string, string> edit)
    {
        foreach ((string name, string value) in GrubEnvironment.Parse(block))
        {
            if (edit(value) is { } after && after != value)
            {
                block = Set(block, name, after) ?? block;
            }
        }

        return block;
    }

    // A backslash takes the next character, a line end too, into the value.
    [GeneratedRegex(@"^(?:\\[\s\S]|[^\\\n])*\n", RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex Line();
}

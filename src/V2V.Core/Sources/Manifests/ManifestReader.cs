using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace V2V.Core.Sources.Manifests;

/// <summary>A line of a manifest: a file and its digest.</summary>
/// <param name="Algorithm">SHA1, SHA256, SHA384 or SHA512.</param>
/// <param name="FileName">Name relative to the manifest's folder, as written.</param>
/// <param name="Digest">Hex digits in lower case, as written.</param>
internal sealed record ManifestEntry(HashAlgorithmName Algorithm, string FileName, string Digest);

/// <summary>
/// Reads manifests (DSP0243 section 5.1, and what tools make of it): <c>SHA256(name)= digest</c> in any spacing and case, with
/// <c>SHA-256</c> and OpenSSL's <c>SHA2-256</c> too, and the form of sha256sum, <c>digest  name</c>.
/// </summary>
internal static partial class ManifestReader
{
    private const int MaximumWarnings = 20;

    /// <summary>Reads the lines that are understood; of others it warns.</summary>
    public static List<ManifestEntry> Read(ReadOnlySpan<byte> bytes, string name, List<string> warnings)
    {
        var entries = new List<ManifestEntry>();
        int bad = 0;
        foreach (string line in Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF').Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0))
        {
            if (Parse(line) is { } entry)
            {
                entries.Add(entry);
            }
            else if (++bad <= MaximumWarnings)
            {
                warnings.Add($"A line of the manifest '{name}' is not understood and ignored: {Quote(line)}");
            }
        }

        if (bad > MaximumWarnings)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{bad - MaximumWarnings} further lines of the manifest '{name}' are not understood and ignored."));
        }

        return entries;
    }

    private static ManifestEntry? Parse(string line)
    {
        Match match = OpenSslLine().Match(line);
        if (match.Success)
        {
            HashAlgorithmName? algorithm = match.Groups["bits"].Value switch
            {
                "1" => HashAlgorithmName.SHA1,
                "256" => HashAlgorithmName.SHA256,
                "384" => HashAlgorithmName.SHA384,
                "512" => HashAlgorithmName.SHA512,
                _ => null,
            };
            return algorithm is { } known ? new ManifestEntry(known, match.Groups["name"].Value.Trim(), match.Groups["digest"].Value.ToLowerInvariant()) : null;
        }

        match = CoreutilsLine().Match(line);
        if (match.Success)
        {
            HashAlgorithmName? algorithm = match.Groups["digest"].Length switch
            {
                40 => HashAlgorithmName.SHA1,
                64 => HashAlgorithmName.SHA256,
                96 => HashAlgorithmName.SHA384,
                128 => HashAlgorithmName.SHA512,
                _ => null,
            };
            return algorithm is { } known ? new ManifestEntry(known, match.Groups["name"].Value.Trim(), match.Groups["digest"].Value.ToLowerInvariant()) : null;
        }

        return null;
    }

    private static string Quote(string line)
    {
        string clean = string.Concat(line.Select(c => char.IsControl(c) ? '?' : c));
        return clean.Length <= 120 ? clean : clean[..120] + "…";
    }

    [GeneratedRegex(@"^SHA(?:-|2-|_)?(?<bits>1|256|384|512)\s*\((?<name>.+)\)\s*=\s*(?<digest>[0-9A-Fa-f]+)$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex OpenSslLine();

    [GeneratedRegex(@"^(?<digest>[0-9A-Fa-f]{40,128})\s+\*?(?<name>\S.*)$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex CoreutilsLine();
}

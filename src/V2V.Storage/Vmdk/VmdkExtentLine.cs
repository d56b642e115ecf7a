using System.Globalization;

namespace V2V.Storage.Vmdk;

/// <summary>One extent of a disk: <c>RW 4192256 SPARSE "disk-s001.vmdk"</c>.</summary>
/// <param name="Access"><c>RW</c>, <c>RDONLY</c> or <c>NOACCESS</c>.</param>
/// <param name="Sectors">Length in sectors of 512 bytes.</param>
/// <param name="Type"><c>FLAT</c>, <c>SPARSE</c>, <c>ZERO</c>, <c>VMFS</c>, <c>VMFSSPARSE</c>, <c>SESPARSE</c>, … in capitals.</param>
/// <param name="FileName">Name of the file as written; empty for <c>ZERO</c>.</param>
/// <param name="OffsetSectors">First sector in a flat file.</param>
public sealed record VmdkExtentLine(string Access, long Sectors, string Type, string FileName, long OffsetSectors)
{
    /// <summary>The largest number of sectors whose size in bytes is a 64-bit number.</summary>
    private const long MaximumSectors = long.MaxValue / 1024;

    /// <summary>The extent that a line describes; null if it is no extent line.</summary>
    internal static VmdkExtentLine? TryParse(string line, string descriptorName)
    {
        string[] words = line.Split((char[])[' ', '\t'], 4, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 3 || words[0].ToUpperInvariant() is not ("RW" or "RDONLY" or "NOACCESS") || words[1].StartsWith('='))
        {
            return null;
        }

        if (!long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long sectors) || sectors > MaximumSectors)
        {
            throw VmdkDescriptor.Invalid(descriptorName, $"the extent line '{Shorten(line)}' has no valid size");
        }

        string rest = words.Length > 3 ? words[3].Trim() : "";
        string fileName = "";
        long offset = 0;
        if (rest.StartsWith('"'))
        {
            int close = rest.LastIndexOf('"');
            if (close == 0)
            {
                throw VmdkDescriptor.Invalid(descriptorName, $"the extent line '{Shorten(line)}' has an open quote");
            }

            fileName = rest[1..close];
            string tail = rest[(close + 1)..].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault("0");
            if (!long.TryParse(tail, NumberStyles.None, CultureInfo.InvariantCulture, out offset) || offset > MaximumSectors)
            {
                throw VmdkDescriptor.Invalid(descriptorName, $"the extent line '{Shorten(line)}' has no valid offset");
            }
        }

        return new VmdkExtentLine(words[0].ToUpperInvariant(), sectors, words[2].ToUpperInvariant(), fileName, offset);
    }

    private static string Shorten(string line) => line.Length > 80 ? line[..80] : line;
}

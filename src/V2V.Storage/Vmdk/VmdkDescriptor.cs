using System.Globalization;
using System.Text;
using V2V.Storage.Images;

namespace V2V.Storage.Vmdk;

/// <summary>
/// The text that describes a VMDK disk (VMware Virtual Disk Format 5.0, "The Descriptor File"): identifiers of the content and
/// its parent, one line for each extent, and the disk database. Stands in a file of its own or inside a sparse extent.
/// </summary>
public sealed class VmdkDescriptor
{
    /// <summary>A parent CID that says that there is no parent.</summary>
    public const uint NoParent = 0xFFFFFFFF;

    internal const int MaximumSize = 1 << 20;
    private const int MaximumExtents = 4096;

    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<VmdkExtentLine> _extents = [];

    private VmdkDescriptor()
    {
    }

    /// <summary>Every <c>key = value</c> of the text, keys regardless of case, values without quotes.</summary>
    public IReadOnlyDictionary<string, string> Values => _values;

    /// <summary>The extents in the order in which they make up the disk.</summary>
    public IReadOnlyList<VmdkExtentLine> Extents => _extents;

    /// <summary>The kind of disk, for example <c>streamOptimized</c>; empty if not said.</summary>
    public string CreateType => _values.GetValueOrDefault("createType", "");

    /// <summary>Content identifier: changes with the first write after opening.</summary>
    public uint Cid => Hexadecimal("CID") ?? 0;

    /// <summary>Content identifier that the parent must have, or <see cref="NoParent"/>.</summary>
    public uint ParentCid => Hexadecimal("parentCID") ?? NoParent;

    /// <summary>Name of the parent as written, or null.</summary>
    public string? ParentFileNameHint => _values.GetValueOrDefault("parentFileNameHint");

    /// <summary>True if the bytes begin as the descriptor file of a disk does.</summary>
    public static bool IsDescriptor(ReadOnlySpan<byte> start)
    {
        string text = Encoding.Latin1.GetString(start[..Math.Min(start.Length, 512)]);
        foreach (string line in text.Split('\n'))
        {
            string trimmed = line.Trim('\r', ' ', '\t', '\uFEFF', 'ï', '»', '¿');
            if (trimmed.Length > 0)
            {
                return trimmed.StartsWith('#') && trimmed.Replace(" ", "", StringComparison.Ordinal)
                    .StartsWith("#DiskDescriptorFile", StringComparison.OrdinalIgnoreCase);
            }
        }

        return false;
    }

    /// <summary>Reads a descriptor's text. Bytes behind a NUL are padding.</summary>
    /// <exception cref="V2VException"><c>VmdkDescriptorInvalid</c>, <c>VmdkEncrypted</c>.</exception>
    public static VmdkDescriptor Parse(ReadOnlySpan<byte> bytes, string name)
    {
        int end = bytes.IndexOf((byte)0);
        string text = Decode(end < 0 ? bytes : bytes[..end]);
        var descriptor = new VmdkDescriptor();
        foreach (string raw in text.Split('\n'))
        {
            string line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (VmdkExtentLine.TryParse(line, name) is { } extent)
            {
                descriptor._extents.Add(extent);
                if (descriptor._extents.Count > MaximumExtents)
                {
                    throw Invalid(name, FormattableString.Invariant($"more than {MaximumExtents} extents"));
                }

                continue;
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                descriptor._values.TryAdd(line[..equals].Trim(), Unquote(line[(equals + 1)..].Trim()));
            }
        }

        if (descriptor._values.Keys.FirstOrDefault(k => k.StartsWith("encryption.", StringComparison.OrdinalIgnoreCase)) is not null)
        {
            throw V2VException.Unsupported("VmdkEncrypted", "The disk is encrypted.", name, "Decrypt the machine in VMware and export it again.");
        }

        if (!descriptor._values.ContainsKey("CID") && descriptor._extents.Count == 0)
        {
            throw Invalid(name, "neither a content identifier nor an extent");
        }

        return descriptor;
    }

    internal static V2VException Invalid(string name, string what) =>
        V2VException.Corrupt("VmdkDescriptorInvalid", $"The VMDK descriptor is not valid: {what}.", name);

    private static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith("\uFEFF"u8))
        {
            bytes = bytes[3..];
        }

        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }

    private static string Unquote(string value) =>
        value.Length >= 2 && value[0] == '"' && value[^1] == '"' ? value[1..^1] : value;

    private uint? Hexadecimal(string key) =>
        _values.TryGetValue(key, out string? text) && uint.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint value)
            ? value
            : null;
}

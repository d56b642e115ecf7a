using System.Runtime.InteropServices;
using System.Security;
using System.Security.Cryptography;
using System.Text;

namespace V2V.Storage.Volumes;

/// <summary>A key for encrypted volumes: which ones, and the passphrase or the file that holds it. Its text form never shows the key.</summary>
public sealed class VolumeKey
{
    private const int MaxFileBytes = 8 << 20;

    private readonly SecureString? _passphrase;

    private VolumeKey(string selector, SecureString? passphrase, string? path) => (Selector, _passphrase, Path) = (selector, passphrase, path);

    /// <summary><c>all</c>, the UUID of a LUKS or BitLocker volume, or the name of the device that holds it (<c>sda2</c>, <c>/dev/vg/lv</c>).</summary>
    public string Selector { get; }

    /// <summary>File whose whole content is the key, or null.</summary>
    public string? Path { get; }

    /// <summary>A passphrase; it is copied.</summary>
    public static VolumeKey FromPassphrase(string selector, SecureString passphrase)
    {
        ArgumentNullException.ThrowIfNull(passphrase);
        SecureString copy = passphrase.Copy();
        copy.MakeReadOnly();
        return new VolumeKey(Check(selector), copy, null);
    }

    /// <summary>A key file of the host, read when it is needed.</summary>
    public static VolumeKey FromFile(string selector, string path) => new(Check(selector), null, path);

    /// <inheritdoc/>
    public override string ToString() => Selector + (Path is null ? " (passphrase)" : " (key file)");

    /// <summary>True if the key is meant for a volume.</summary>
    internal bool Selects(IEnumerable<string> names, string uuid)
    {
        string plain = Guid.TryParse(Selector, out Guid id) ? id.ToString("D") : Selector.StartsWith("/dev/", StringComparison.Ordinal) ? Selector[5..] : Selector;
        return plain.Equals("all", StringComparison.OrdinalIgnoreCase) || plain.Equals(uuid, StringComparison.OrdinalIgnoreCase) || names.Contains(plain);
    }

    /// <summary>The key's bytes in each form that it may have been meant in. The caller must zero them.</summary>
    internal IEnumerable<byte[]> Read()
    {
        if (_passphrase is not null)
        {
            yield return Encode(_passphrase);
            yield break;
        }

        byte[] content = ReadFile();
        yield return [.. content];
        int length = content.AsSpan().TrimEnd("\r\n"u8).Length;
        if (length < content.Length && length > 0)
        {
            // Editors end a file with a line end, which was not typed when the passphrase was set.
            yield return content[..length];
        }

        CryptographicOperations.ZeroMemory(content);
    }

    private byte[] ReadFile()
    {
        try
        {
            using FileStream file = File.OpenRead(Path!);
            if (file.Length > MaxFileBytes)
            {
                throw new V2VException("VolumeKeyInvalid", V2VErrorKind.InvalidArgument, "A key file is larger than 8 MiB.", Path, "Name the right file.");
            }

            var content = new byte[file.Length];
            file.ReadExactly(content);
            return content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new V2VException("VolumeKeyUnreadable", V2VErrorKind.NotFound, $"A key file cannot be read: {e.Message}", Path, "Check the path and its permissions.", e);
        }
    }

    private static byte[] Encode(SecureString text)
    {
        IntPtr memory = Marshal.SecureStringToGlobalAllocUnicode(text);
        try
        {
            unsafe
            {
                var characters = new ReadOnlySpan<char>((void*)memory, text.Length);
                var bytes = new byte[Encoding.UTF8.GetByteCount(characters)];
                Encoding.UTF8.GetBytes(characters, bytes);
                return bytes;
            }
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(memory);
        }
    }

    private static string Check(string selector) => string.IsNullOrWhiteSpace(selector)
        ? throw new V2VException("VolumeKeyInvalid", V2VErrorKind.InvalidArgument, "A key needs a selector: 'all', a UUID or a device.", advice: "Give -Key @{ 'all' = $passphrase }.")
        : selector.Trim();
}

/// <summary>The keys of a machine's encrypted volumes, in the order in which they are tried.</summary>
/// <param name="keys">The keys.</param>
public sealed class VolumeKeys(IEnumerable<VolumeKey> keys)
{
    private readonly VolumeKey[] _keys = [.. keys];

    /// <summary>No keys.</summary>
    public static VolumeKeys None { get; } = new([]);

    /// <summary>True if there are none.</summary>
    public bool IsEmpty => _keys.Length == 0;

    /// <summary>The keys that are meant for a volume.</summary>
    internal IEnumerable<VolumeKey> For(IReadOnlyList<string> names, string uuid) => _keys.Where(k => k.Selects(names, uuid));
}

using System.Collections;
using System.Management.Automation;
using System.Security;
using V2V.Core.Sources;
using V2V.Storage;
using V2V.Storage.Volumes;

namespace V2V.PowerShell;

/// <summary>
/// What -Key takes: dictionaries from a selector (<c>all</c>, the UUID of a LUKS or BitLocker volume, or a device) to a SecureString, a PSCredential or the path of a key file;
/// and texts in virt-v2v's form <c>SELECTOR:file:PATH</c>. A passphrase in clear text is refused: it would stand in the shell's history and logs.
/// </summary>
internal static class KeySelectors
{
    private const string Advice = "Give -Key @{ 'all' = (Read-Host -AsSecureString) }, or -Key 'all:file:PATH'.";

    /// <summary>The machine with the keys; itself if none were given.</summary>
    internal static V2VSource Apply(PSCmdlet cmdlet, V2VSource source, object[] keys) => keys.Length == 0 ? source : source.WithKeys(Parse(cmdlet, keys));

    /// <summary>Reads the parameter.</summary>
    /// <exception cref="V2VException"><c>VolumeKeyInvalid</c>.</exception>
    internal static VolumeKeys Parse(PSCmdlet cmdlet, object[] keys)
    {
        var parsed = new List<VolumeKey>();
        foreach (object item in keys.Select(Unwrap))
        {
            switch (item)
            {
                case IDictionary dictionary:
                    parsed.AddRange(dictionary.Keys.Cast<object>().Select(selector => Make(cmdlet, Unwrap(selector).ToString() ?? "", Unwrap(dictionary[selector]!))));
                    break;
                case SecureString passphrase:
                    parsed.Add(VolumeKey.FromPassphrase("all", passphrase));
                    break;
                case VolumeKey key:
                    parsed.Add(key);
                    break;
                case string text:
                    parsed.Add(FromText(cmdlet, text));
                    break;
                default:
                    throw Invalid("A key is neither a dictionary, a SecureString nor a text.", Advice);
            }
        }

        return new VolumeKeys(parsed);
    }

    private static VolumeKey Make(PSCmdlet cmdlet, string selector, object value) => value switch
    {
        SecureString passphrase => VolumeKey.FromPassphrase(selector, passphrase),
        PSCredential credential => VolumeKey.FromPassphrase(selector, credential.Password),
        FileInfo file => VolumeKey.FromFile(selector, file.FullName),
        string path when path.Length > 0 => VolumeKey.FromFile(selector, HostPaths.Literal(cmdlet, path)),
        _ => throw Invalid($"The key for {selector} is neither a SecureString nor the path of a key file.", Advice),
    };

    private static VolumeKey FromText(PSCmdlet cmdlet, string text)
    {
        string[] parts = text.Split(':', 3);
        string kind = parts.Length > 1 ? parts[1] : "";
        if (kind == "clevis")
        {
            throw Invalid("Keys that Clevis or a TPM would give out cannot be had offline.", "Add a passphrase in the guest (cryptsetup luksAddKey), export it again and give it with -Key.");
        }

        return kind == "file" && parts.Length == 3 && parts[2].Length > 0
            ? VolumeKey.FromFile(parts[0], HostPaths.Literal(cmdlet, parts[2]))
            : throw Invalid(kind == "key" ? "A passphrase was given as text." : "A key selector does not have the form SELECTOR:file:PATH.", Advice);
    }

    private static object Unwrap(object value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    private static V2VException Invalid(string message, string advice) => new("VolumeKeyInvalid", V2VErrorKind.InvalidArgument, message, advice: advice);
}

using System.Security.Cryptography;
using System.Text;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>Finds the master key of a volume with the keys that were given. One is made for each volume.</summary>
/// <param name="protectors">The volume's protectors.</param>
internal sealed class BitLockerUnlocker(IReadOnlyList<KeyProtector> protectors)
{
    private const int MaxStretched = 64;

    private int _stretched;

    /// <summary>Number of keys that were tried in vain.</summary>
    internal int Tried { get; private set; }

    /// <summary>The first group that is mistyped of a recovery password that was tried, from 1; 0 if none is.</summary>
    internal int WrongGroup { get; private set; }

    /// <summary>The master key that lies open in a volume whose protection is suspended, or null. The caller must zero it.</summary>
    internal byte[]? OpenClear() => protectors.Where(p => p.Kind == ProtectorKind.ClearKey).Select(p => p.OpenClear()).FirstOrDefault(k => k is not null);

    /// <summary>Tries a key: a password, a recovery password, a .BEK file or the text file of a recovery password.</summary>
    /// <param name="bytes">Content of the file, or the password in UTF-8.</param>
    /// <returns>The master key, or null. The caller must zero it.</returns>
    internal byte[]? Open(byte[] bytes)
    {
        Tried++;
        List<(Guid Id, PlainKey Key)> external = ExternalKeyFile.Read(bytes);
        try
        {
            foreach ((Guid id, PlainKey key) in external)
            {
                if (protectors.Where(p => p.Kind == ProtectorKind.ExternalKey && p.Id == id).Select(p => p.Open(key.Bytes)).FirstOrDefault(k => k is not null) is { } master)
                {
                    return master;
                }
            }
        }
        finally
        {
            external.ForEach(k => CryptographicOperations.ZeroMemory(k.Key.Bytes));
        }

        return external.Count > 0 ? null : OpenText(bytes);
    }

    private byte[]? OpenText(byte[] bytes)
    {
        if (Decode(bytes) is not { Length: > 0 } text)
        {
            return null;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        try
        {
            int found = RecoveryPassword.Find(text, hash);
            if (found == 0 && Stretch(ProtectorKind.RecoveryPassword, hash) is { } recovered)
            {
                return recovered;
            }

            WrongGroup = Math.Max(WrongGroup, found);
            byte[] password = Encoding.Unicode.GetBytes(text);
            SHA256.HashData(password, hash);
            SHA256.HashData(hash, hash);
            CryptographicOperations.ZeroMemory(password);
            return Stretch(ProtectorKind.Password, hash);
        }
        finally
        {
            Array.Clear(text);
            CryptographicOperations.ZeroMemory(hash);
        }
    }

    private byte[]? Stretch(ProtectorKind kind, ReadOnlySpan<byte> hash)
    {
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        foreach (KeyProtector protector in protectors.Where(p => p.Kind == kind && p.Salt.Length > 0))
        {
            // Each costs a second; a volume with more protectors than anyone makes would keep us for an hour.
            if (_stretched++ >= MaxStretched)
            {
                return null;
            }

            KeyStretching.Stretch(hash, protector.Salt, key);
            byte[]? master = protector.Open(key);
            CryptographicOperations.ZeroMemory(key);
            if (master is not null)
            {
                return master;
            }
        }

        return null;
    }

    /// <summary>UTF-8, or UTF-16 with its mark as Windows' own files have it; null for bytes that are no text.</summary>
    private static char[]? Decode(byte[] bytes)
    {
        bool isWide = bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]);
        int mark = isWide ? 2 : bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? 3 : 0;
        Encoding encoding = isWide ? new UnicodeEncoding(false, false, true) : new UTF8Encoding(false, true);
        try
        {
            return bytes.Length > 64 << 10 ? null : encoding.GetChars(bytes, mark, bytes.Length - mark);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}

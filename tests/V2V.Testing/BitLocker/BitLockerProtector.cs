using System.Security.Cryptography;
using System.Text;

namespace V2V.Testing.BitLocker;

/// <summary>A way to open a volume that <see cref="BitLockerFormatter"/> makes.</summary>
/// <param name="Id">Identity.</param>
/// <param name="Flags">Type in the metadata.</param>
/// <param name="Secret">The text or the key that opens it.</param>
public sealed record BitLockerProtector(Guid Id, int Flags, object? Secret)
{
    private static readonly Dictionary<string, byte[]> s_stretched = [];

    /// <summary>The key lies open.</summary>
    public static BitLockerProtector ClearKey() => new(Guid.NewGuid(), 0, null);

    /// <summary>The TPM; nobody here can open it.</summary>
    /// <param name="flags">0x0100, and bits for a PIN (0x0400) and a startup key (0x0200).</param>
    public static BitLockerProtector Tpm(int flags = 0x0100) => new(Guid.NewGuid(), flags, null);

    /// <summary>A password.</summary>
    public static BitLockerProtector Password(string password) => new(Guid.NewGuid(), 0x2000, password);

    /// <summary>A recovery password of 48 digits.</summary>
    public static BitLockerProtector Recovery(string digits) => new(Guid.NewGuid(), 0x0800, digits);

    /// <summary>A key in a file.</summary>
    public static BitLockerProtector External() => new(Guid.NewGuid(), 0x0200, RandomNumberGenerator.GetBytes(32));

    /// <summary>The .BEK file of an external key.</summary>
    public byte[] ToKeyFile()
    {
        byte[] key = BitLockerFormatter.Datum(0, 1, [.. BitLockerFormatter.Words(0x2002, 0), .. (byte[])Secret!]);
        byte[] name = BitLockerFormatter.Datum(0, 2, Encoding.Unicode.GetBytes("ExternalKey\0"));
        byte[] entry = BitLockerFormatter.Datum(6, 9, [.. Id.ToByteArray(), .. new byte[8], .. name, .. key]);
        return [.. BitLockerFormatter.Dataset(entry.Length, Id, 0), .. entry];
    }

    /// <summary>The key that the protector's box is closed with.</summary>
    /// <param name="salt">Salt of a password.</param>
    internal byte[] Key(byte[] salt) => Secret switch
    {
        byte[] key => key,
        string text => Stretch(text, salt),
        _ => RandomNumberGenerator.GetBytes(32),
    };

    private byte[] Stretch(string text, byte[] salt)
    {
        // A second for each; the tests make many volumes with the same passwords and salts.
        string name = FormattableString.Invariant($"{Flags} {text} {Convert.ToHexString(salt)}");
        lock (s_stretched)
        {
            if (!s_stretched.TryGetValue(name, out byte[]? last))
            {
                byte[] first = Flags == 0x0800
                    ? SHA256.HashData(text.Split('-').SelectMany(g => BitConverter.GetBytes((ushort)(int.Parse(g, System.Globalization.CultureInfo.InvariantCulture) / 11))).ToArray())
                    : SHA256.HashData(SHA256.HashData(Encoding.Unicode.GetBytes(text)));
                last = new byte[32];
                for (ulong round = 0; round < 0x100000; round++)
                {
                    last = SHA256.HashData([.. last, .. first, .. salt, .. BitConverter.GetBytes(round)]);
                }

                s_stretched[name] = last;
            }

            return last;
        }
    }
}

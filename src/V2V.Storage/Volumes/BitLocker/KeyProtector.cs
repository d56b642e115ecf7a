using System.Buffers.Binary;
using System.Security.Cryptography;

namespace V2V.Storage.Volumes.BitLocker;

/// <summary>What opens a protector.</summary>
internal enum ProtectorKind
{
    /// <summary>Nothing: the key lies open, as protection is suspended or was never switched on.</summary>
    ClearKey,

    /// <summary>A recovery password of 48 digits.</summary>
    RecoveryPassword,

    /// <summary>A password.</summary>
    Password,

    /// <summary>A key in a .BEK file.</summary>
    ExternalKey,

    /// <summary>What only the guest's own hardware or network gives out.</summary>
    Hardware,
}

/// <summary>The volume's master key, encrypted for one way of opening it (libbde, FVE Volume Master Key).</summary>
internal sealed class KeyProtector
{
    private const int Fixed = 28;
    private const int SaltOffset = 4;

    /// <summary>The low byte orders the protectors.</summary>
    private const int KindMask = 0xFF00;
    private const int ModernDerivation = 0x40;

    private readonly IReadOnlyList<Datum> _properties;

    private KeyProtector(Guid id, int flags, IReadOnlyList<Datum> properties) => (Id, Flags, _properties) = (id, flags, properties);

    /// <summary>Identity, as manage-bde prints it; for a recovery password, what the user finds it by.</summary>
    internal Guid Id { get; }

    /// <summary>What opens it; other bits than those of one way mean several at once.</summary>
    internal ProtectorKind Kind => Flags switch
    {
        0 => ProtectorKind.ClearKey,
        0x0200 => ProtectorKind.ExternalKey,
        0x0800 => ProtectorKind.RecoveryPassword,
        0x2000 => ProtectorKind.Password,
        _ => ProtectorKind.Hardware,
    };

    /// <summary>True if a TPM takes part.</summary>
    internal bool NeedsTpm => (Flags & 0x0100) != 0;

    /// <summary>Name in manage-bde's manner.</summary>
    internal string Name => Flags switch
    {
        0 => "a clear key",
        0x0100 => "the TPM",
        0x0200 => "an external key",
        0x0300 => "the TPM with a startup key",
        0x0500 => "the TPM with a PIN",
        0x0700 => "the TPM with a PIN and a startup key",
        0x0800 => $"the recovery password {{{Id.ToString("D").ToUpperInvariant()}}}",
        0x1000 => "a smart card or certificate",
        0x2000 => "a password",
        _ when NeedsTpm => "the TPM with something else",
        _ => FormattableString.Invariant($"a protector of the unknown type 0x{Flags:x4}"),
    };

    /// <summary>Salt of the key that a password is stretched to, 16 bytes; empty if there is none that V2V can make.</summary>
    internal ReadOnlySpan<byte> Salt
    {
        get
        {
            ReadOnlySpan<byte> data = _properties.FirstOrDefault(p => p.Type == DatumType.StretchKey).Data.Span;
            return data.Length >= SaltOffset + KeyStretching.SaltSize && (BinaryPrimitives.ReadUInt16LittleEndian(data[2..]) & ModernDerivation) == 0
                ? data.Slice(SaltOffset, KeyStretching.SaltSize)
                : default;
        }
    }

    private int Flags { get; }

    /// <summary>Reads the protectors among the entries of the metadata.</summary>
    internal static List<KeyProtector> ReadAll(IEnumerable<Datum> entries, string target)
    {
        var found = new List<KeyProtector>();
        foreach (Datum entry in entries.Where(e => e is { Role: DatumRole.MasterKey, Type: DatumType.MasterKey }))
        {
            ReadOnlySpan<byte> data = entry.Data.Span;
            if (data.Length < Fixed)
            {
                throw BitLockerErrors.Damaged("a protector is cut off", target);
            }

            found.Add(new KeyProtector(new Guid(data[..16]), BinaryPrimitives.ReadUInt16LittleEndian(data[26..]) & KindMask, Datum.ReadAll(entry.Data[Fixed..], target)));
        }

        return found;
    }

    /// <summary>Opens the protector.</summary>
    /// <param name="key">The key that it asks for, 32 bytes.</param>
    /// <returns>The master key; null if the key does not fit.</returns>
    internal byte[]? Open(ReadOnlySpan<byte> key)
    {
        foreach (Datum box in _properties.Where(p => p.Type == DatumType.EncryptedKey))
        {
            if (KeyBox.Open(key, box.Data.Span) is { } master)
            {
                return master.Bytes;
            }
        }

        return null;
    }

    /// <summary>Opens a protector whose key lies beside it.</summary>
    internal byte[]? OpenClear()
    {
        if (PlainKey.Read(_properties.FirstOrDefault(p => p.Type == DatumType.Key).Data.Span) is not { } key)
        {
            return null;
        }

        byte[]? master = Open(key.Bytes);
        CryptographicOperations.ZeroMemory(key.Bytes);
        return master;
    }
}

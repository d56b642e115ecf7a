namespace V2V.Storage.Volumes.Luks;

/// <summary>A keyslot: the volume's key, encrypted by a passphrase.</summary>
/// <param name="Number">Its number.</param>
/// <param name="KeySize">Size of the volume's key in bytes.</param>
/// <param name="Derivation">How the passphrase becomes the key of the area.</param>
/// <param name="AreaOffset">First byte of the area.</param>
/// <param name="AreaCipher">Cipher of the area.</param>
/// <param name="AreaKeySize">Size of the area's key in bytes.</param>
/// <param name="Stripes">Number of stripes that the key was split into.</param>
/// <param name="Hash">Hash of the split.</param>
internal sealed record LuksSlot(int Number, int KeySize, KeyDerivation Derivation, long AreaOffset, string AreaCipher, int AreaKeySize, int Stripes, string Hash);

/// <summary>Recognises the volume's key: a derivation of it that must come out.</summary>
/// <param name="Derivation">The derivation.</param>
/// <param name="Expected">What must come out.</param>
/// <param name="Slots">Keyslots that hold this key; null for all.</param>
internal sealed record LuksDigest(KeyDerivation Derivation, byte[] Expected, IReadOnlyCollection<int>? Slots);

/// <summary>What the header of a LUKS volume says, of either version.</summary>
internal sealed record LuksHeader
{
    private const int MaxSplit = 16 << 20;

    /// <summary>1 or 2.</summary>
    internal required int Version { get; init; }

    /// <summary>UUID as cryptsetup prints it.</summary>
    internal required string Uuid { get; init; }

    /// <summary>The keyslots in the order in which they are to be tried.</summary>
    internal required IReadOnlyList<LuksSlot> Slots { get; init; }

    /// <summary>The digest of the data's key.</summary>
    internal required LuksDigest Digest { get; init; }

    /// <summary>Cipher of the data.</summary>
    internal required string Cipher { get; init; }

    /// <summary>First byte of the data.</summary>
    internal required long DataOffset { get; init; }

    /// <summary>Bytes of data; null for all up to the end.</summary>
    internal long? DataLength { get; init; }

    /// <summary>Size in bytes of the sectors that are encrypted each by itself.</summary>
    internal int SectorSize { get; init; } = 512;

    /// <summary>Number that the initial values of the sectors start with.</summary>
    internal ulong FirstVector { get; init; }

    /// <summary>Ways to open the volume without a passphrase: <c>clevis</c>, <c>systemd-tpm2</c>, …</summary>
    internal IReadOnlyList<string> Tokens { get; init; } = [];

    /// <summary>Finds the volume's key with a passphrase; null if no keyslot takes it. The caller must zero the key.</summary>
    internal byte[]? Unlock(BlockDevice device, ReadOnlySpan<byte> passphrase, string target)
    {
        foreach (LuksSlot slot in Slots)
        {
            if (Digest.Slots?.Contains(slot.Number) != false && TrySlot(device, slot, passphrase, target) is { } key)
            {
                return key;
            }
        }

        return null;
    }

    private byte[]? TrySlot(BlockDevice device, LuksSlot slot, ReadOnlySpan<byte> passphrase, string target)
    {
        long length = (long)slot.KeySize * slot.Stripes;
        int padded = (int)((length + 511) & ~511L);
        if (length is <= 0 or > MaxSplit || slot.AreaOffset < 0 || slot.AreaOffset > device.Length - padded)
        {
            throw LuksErrors.Damaged("a keyslot lies outside the volume", target);
        }

        byte[] split = new byte[padded], key = new byte[slot.KeySize], areaKey = new byte[slot.AreaKeySize], check = new byte[Digest.Expected.Length];
        bool isFound = false;
        try
        {
            slot.Derivation.Derive(passphrase, areaKey, target);
            device.Read(slot.AreaOffset, split);
            using (SectorCipher cipher = SectorCipher.Create(slot.AreaCipher, areaKey, target))
            {
                cipher.Transform(false, 0, 512, split, padded);
            }

            LuksHash.Find(slot.Hash, target).Merge(split, key, slot.Stripes);
            Digest.Derivation.Derive(key, check, target);
            isFound = System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(check, Digest.Expected);
            return isFound ? key : null;
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(split);
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(areaKey);
            if (!isFound)
            {
                System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
            }
        }
    }
}

namespace V2V.Storage.Volumes.Luks;

/// <summary>How a keyslot makes a key of a passphrase; costs are bounded, as a header may ask for any.</summary>
/// <param name="Type"><c>pbkdf2</c>, <c>argon2i</c> or <c>argon2id</c>.</param>
/// <param name="Salt">Salt.</param>
/// <param name="Iterations">Iterations of PBKDF2, or passes of Argon2.</param>
/// <param name="Hash">Hash of PBKDF2.</param>
/// <param name="MemoryKiB">Memory of Argon2 in KiB.</param>
/// <param name="Lanes">Lanes of Argon2.</param>
internal sealed record KeyDerivation(string Type, byte[] Salt, long Iterations, string Hash, long MemoryKiB = 0, long Lanes = 0)
{
    private const long MaxIterations = 100_000_000;
    private const long MaxMemoryKiB = 4L << 20;
    private const long MaxPasses = 64L << 20;

    /// <summary>Derives a key.</summary>
    /// <exception cref="V2VException"><c>LuksKdfTooCostly</c>, <c>LuksKdfUnsupported</c> or <c>LuksHashUnsupported</c>.</exception>
    internal void Derive(ReadOnlySpan<byte> passphrase, Span<byte> key, string target)
    {
        bool isArgon = Type is "argon2i" or "argon2id";
        if (Iterations is < 1 or > MaxIterations || (isArgon && (MemoryKiB is < 8 or > MaxMemoryKiB || Lanes is < 1 or > 64 || Iterations * MemoryKiB > MaxPasses)))
        {
            throw new V2VException(
                "LuksKdfTooCostly", V2VErrorKind.Limit, $"A keyslot of {target} asks for more time or memory than any that cryptsetup makes.", target, "Make the keyslot again in the guest (cryptsetup luksConvertKey).");
        }

        if (Type == "pbkdf2")
        {
            LuksHash.Find(Hash, target).DeriveKey(passphrase, Salt, (int)Iterations, key);
            return;
        }

        if (!isArgon)
        {
            throw LuksErrors.Unsupported("LuksKdfUnsupported", $"A keyslot of {target} uses {Type}, which V2V does not know.", target);
        }

        try
        {
            Argon2.Derive(Type == "argon2id", passphrase, Salt, (int)Iterations, (int)MemoryKiB, (int)Lanes, key);
        }
        catch (OutOfMemoryException e)
        {
            throw new V2VException(
                "LuksKdfTooCostly", V2VErrorKind.Limit, FormattableString.Invariant($"A keyslot of {target} needs {MemoryKiB >> 10} MiB of memory, which this machine has not got."), target,
                "Run V2V where there is more memory, or make the keyslot again in the guest (cryptsetup luksConvertKey --pbkdf-memory).", e);
        }
    }
}

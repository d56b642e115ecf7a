using System.Buffers.Binary;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;

namespace V2V.Storage.Volumes.Luks;

/// <summary>A hash function by the name that LUKS headers use: the platform's own, or BouncyCastle's for the others.</summary>
internal abstract class LuksHash
{
    /// <summary>Size of a digest in bytes.</summary>
    internal abstract int Size { get; }

    /// <summary>Finds a hash.</summary>
    /// <exception cref="V2VException"><c>LuksHashUnsupported</c>.</exception>
    internal static LuksHash Find(string name, string target)
    {
        switch (name)
        {
            case "sha1":
                return new PlatformHash(HashAlgorithmName.SHA1, 20);
            case "sha256":
                return new PlatformHash(HashAlgorithmName.SHA256, 32);
            case "sha384":
                return new PlatformHash(HashAlgorithmName.SHA384, 48);
            case "sha512":
                return new PlatformHash(HashAlgorithmName.SHA512, 64);
            case "sha224" or "ripemd160" or "whirlpool" or "sha3-224" or "sha3-256" or "sha3-384" or "sha3-512" or "sm3" or "blake2b-512" or "blake2s-256":
                return new BouncyHash(name);
            default:
                throw LuksErrors.Unsupported("LuksHashUnsupported", $"The volume {target} uses the hash {name}, which V2V does not know.", target);
        }
    }

    internal abstract void Compute(ReadOnlySpan<byte> data, Span<byte> digest);

    /// <summary>PBKDF2 with HMAC (RFC 8018, section 5.2).</summary>
    internal abstract void DeriveKey(ReadOnlySpan<byte> password, byte[] salt, int iterations, Span<byte> key);

    /// <summary>
    /// Joins a key that was split into stripes against forensic recovery (LUKS1 On-Disk Format, section 2.4).
    /// </summary>
    /// <param name="split">The stripes, one after another.</param>
    /// <param name="key">Takes the key; its length is that of a stripe.</param>
    /// <param name="stripes">Number of stripes.</param>
    internal void Merge(ReadOnlySpan<byte> split, Span<byte> key, int stripes)
    {
        Span<byte> input = stackalloc byte[4 + 64], digest = stackalloc byte[64];
        key.Clear();
        for (int stripe = 0; stripe < stripes; stripe++)
        {
            Raid.GaloisField.Xor(key, split.Slice(stripe * key.Length, key.Length));
            for (int block = 0; stripe < stripes - 1 && block * Size < key.Length; block++)
            {
                Span<byte> part = key[(block * Size)..Math.Min((block + 1) * Size, key.Length)];
                BinaryPrimitives.WriteUInt32BigEndian(input, (uint)block);
                part.CopyTo(input[4..]);
                Compute(input[..(4 + part.Length)], digest[..Size]);
                digest[..part.Length].CopyTo(part);
            }
        }

        CryptographicOperations.ZeroMemory(input);
        CryptographicOperations.ZeroMemory(digest);
    }

    private sealed class PlatformHash(HashAlgorithmName name, int size) : LuksHash
    {
        internal override int Size => size;

        internal override void Compute(ReadOnlySpan<byte> data, Span<byte> digest) => CryptographicOperations.HashData(name, data, digest);

        internal override void DeriveKey(ReadOnlySpan<byte> password, byte[] salt, int iterations, Span<byte> key) =>
            Rfc2898DeriveBytes.Pbkdf2(password, salt, key, iterations, name);
    }

    private sealed class BouncyHash(string name) : LuksHash
    {
        internal override int Size => DigestUtilities.GetDigest(name).GetDigestSize();

        internal override void Compute(ReadOnlySpan<byte> data, Span<byte> digest)
        {
            IDigest hash = DigestUtilities.GetDigest(name);
            hash.BlockUpdate(data);
            hash.DoFinal(digest);
        }

        internal override void DeriveKey(ReadOnlySpan<byte> password, byte[] salt, int iterations, Span<byte> key)
        {
            byte[] copy = password.ToArray();
            var generator = new Pkcs5S2ParametersGenerator(DigestUtilities.GetDigest(name));
            generator.Init(copy, salt, iterations);
            byte[] derived = ((KeyParameter)generator.GenerateDerivedMacParameters(key.Length * 8)).GetKey();
            derived.CopyTo(key);
            CryptographicOperations.ZeroMemory(derived);
            CryptographicOperations.ZeroMemory(copy);
        }
    }
}

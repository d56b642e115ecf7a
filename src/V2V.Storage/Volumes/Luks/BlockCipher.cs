using System.Collections.Concurrent;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;

namespace V2V.Storage.Volumes.Luks;

/// <summary>A block cipher of 16-byte blocks, applied to each block by itself. Thread-safe; disposing it forgets the key.</summary>
internal abstract class BlockCipher : IDisposable
{
    /// <summary>Size of a block in bytes.</summary>
    internal const int BlockSize = 16;

    /// <summary>Makes a cipher by dm-crypt's name.</summary>
    /// <exception cref="V2VException"><c>LuksCipherUnsupported</c>.</exception>
    internal static BlockCipher Create(string name, ReadOnlySpan<byte> key, string target)
    {
        if (key.Length is not (16 or 24 or 32))
        {
            throw LuksErrors.Unsupported("LuksCipherUnsupported", FormattableString.Invariant($"The volume {target} uses {name} with a key of {key.Length * 8} bits."), target);
        }

        return name switch
        {
            "aes" => new AesBlocks(key),
            "serpent" => new BouncyBlocks(static () => new SerpentEngine(), key),
            "twofish" => new BouncyBlocks(static () => new TwofishEngine(), key),
            "camellia" => new BouncyBlocks(static () => new CamelliaEngine(), key),
            _ => throw LuksErrors.Unsupported("LuksCipherUnsupported", $"The volume {target} is encrypted by {name}, which V2V does not know.", target),
        };
    }

    /// <summary>Encrypts or decrypts whole blocks in place.</summary>
    /// <param name="encrypt">True to encrypt.</param>
    /// <param name="data">Buffer that holds them.</param>
    /// <param name="count">Bytes, a multiple of 16.</param>
    internal abstract void Transform(bool encrypt, byte[] data, int count);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>AES by the platform: one call takes many sectors, which its processor instructions run through at once.</summary>
    private sealed class AesBlocks : BlockCipher
    {
        private readonly Aes _aes;
        private readonly ConcurrentBag<ICryptoTransform> _encryptors = [];
        private readonly ConcurrentBag<ICryptoTransform> _decryptors = [];

        internal AesBlocks(ReadOnlySpan<byte> key)
        {
            _aes = Aes.Create();
            _aes.Mode = CipherMode.ECB;
            _aes.Padding = PaddingMode.None;
            byte[] copy = key.ToArray();
            _aes.Key = copy;
            CryptographicOperations.ZeroMemory(copy);
        }

        internal override void Transform(bool encrypt, byte[] data, int count)
        {
            ConcurrentBag<ICryptoTransform> pool = encrypt ? _encryptors : _decryptors;
            if (!pool.TryTake(out ICryptoTransform? transform))
            {
                transform = encrypt ? _aes.CreateEncryptor() : _aes.CreateDecryptor();
            }

            transform.TransformBlock(data, 0, count, data, 0);
            pool.Add(transform);
        }

        public override void Dispose()
        {
            foreach (ICryptoTransform transform in _encryptors.Concat(_decryptors))
            {
                transform.Dispose();
            }

            _aes.Dispose();
        }
    }

    /// <summary>The ciphers that the platform lacks.</summary>
    private sealed class BouncyBlocks : BlockCipher
    {
        private readonly Func<IBlockCipher> _make;
        private readonly byte[] _key;
        private readonly ConcurrentBag<IBlockCipher> _encryptors = [];
        private readonly ConcurrentBag<IBlockCipher> _decryptors = [];

        internal BouncyBlocks(Func<IBlockCipher> make, ReadOnlySpan<byte> key) => (_make, _key) = (make, key.ToArray());

        internal override void Transform(bool encrypt, byte[] data, int count)
        {
            ConcurrentBag<IBlockCipher> pool = encrypt ? _encryptors : _decryptors;
            if (!pool.TryTake(out IBlockCipher? cipher))
            {
                cipher = _make();
                cipher.Init(encrypt, new KeyParameter(_key));
            }

            for (int i = 0; i < count; i += BlockSize)
            {
                cipher.ProcessBlock(data, i, data, i);
            }

            pool.Add(cipher);
        }

        public override void Dispose()
        {
            CryptographicOperations.ZeroMemory(_key);
            _encryptors.Clear();
            _decryptors.Clear();
        }
    }
}

using System.IO.Compression;
using System.Security.Cryptography;
using V2V.Testing;
using Xunit;

namespace V2V.Storage.Tests;

/// <summary>What tests do with the content of disks.</summary>
internal static class ImageContent
{
    private const int Step = 1 << 20;

    /// <summary>SHA-256 of a whole device in lower-case hexadecimal, read only where the extents say that there is data.</summary>
    public static string Sha256(BlockDevice device) => Hash(device, HashAlgorithmName.SHA256);

    public static string Hash(BlockDevice device, HashAlgorithmName algorithm)
    {
        using var hash = IncrementalHash.CreateHash(algorithm);
        var buffer = new byte[Step];
        var zeroes = new byte[Step];
        long at = 0;
        foreach (BlockExtent extent in device.GetExtents(0, device.Length))
        {
            Assert.Equal(at, extent.Offset);
            Assert.True(extent.Length > 0);
            while (at < extent.End)
            {
                int step = (int)Math.Min(Step, extent.End - at);
                if (extent.Kind == BlockExtentKind.Data)
                {
                    device.Read(at, buffer.AsSpan(0, step));
                    hash.AppendData(buffer, 0, step);
                }
                else
                {
                    hash.AppendData(zeroes, 0, step);
                }

                at += step;
            }
        }

        Assert.Equal(device.Length, at);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Both devices read the same, in pieces of odd sizes too, and what the first calls zero or absent is zero.</summary>
    public static void AssertSame(BlockDevice expected, BlockDevice actual, int seed = 1)
    {
        Assert.Equal(expected.Length, actual.Length);
        var left = new byte[Step];
        var right = new byte[Step];
        for (long at = 0; at < actual.Length; at += Step)
        {
            int step = (int)Math.Min(Step, actual.Length - at);
            expected.Read(at, left.AsSpan(0, step));
            actual.Read(at, right.AsSpan(0, step));
            int difference = left.AsSpan(0, step).CommonPrefixLength(right.AsSpan(0, step));
            Assert.True(difference == step, $"The devices differ at byte {at + difference}.");
        }

        long covered = 0;
        foreach (BlockExtent extent in actual.GetExtents(0, actual.Length))
        {
            Assert.Equal(covered, extent.Offset);
            covered = extent.End;
            for (long at = extent.Offset; extent.Kind != BlockExtentKind.Data && at < extent.End; at += Step)
            {
                int step = (int)Math.Min(Step, extent.End - at);
                expected.Read(at, left.AsSpan(0, step));
                Assert.False(left.AsSpan(0, step).ContainsAnyExcept((byte)0), $"Data in {extent} is called {extent.Kind}.");
            }
        }

        Assert.Equal(actual.Length, covered);
        var random = new Random(seed);
        for (int i = 0; i < 200 && actual.Length > 0; i++)
        {
            int length = (int)Math.Min(random.Next(1, 1 << random.Next(1, 20)), actual.Length);
            long offset = random.NextInt64(0, actual.Length - length + 1);
            expected.Read(offset, left.AsSpan(0, length));
            actual.Read(offset, right.AsSpan(0, length));
            Assert.True(left.AsSpan(0, length).SequenceEqual(right.AsSpan(0, length)), $"The devices differ in {length} bytes at {offset}.");
        }
    }

    /// <summary>Unpacks a gzip file of the corpus into a folder and returns its path.</summary>
    public static string Unpack(string corpusPath, TemporaryDirectory folder)
    {
        string target = folder.File(Path.GetFileNameWithoutExtension(corpusPath));
        using var source = new GZipStream(File.OpenRead(Corpus.Require(corpusPath)), CompressionMode.Decompress);
        using FileStream file = File.Create(target);
        source.CopyTo(file);
        return target;
    }

    /// <summary>A raw file that has everything: random data, text, zeroes, holes, a size that is no multiple of a grain.</summary>
    public static string MakeRaw(TemporaryDirectory folder, string name, long length, int seed)
    {
        string path = folder.File(name);
        using FileDevice device = FileDevice.Create(path, length);
        var random = new Random(seed);
        var block = new byte[200_000];
        for (long at = 0; at + block.Length < length; at += random.Next(50_000, 1_000_000))
        {
            int size = random.Next(1, block.Length);
            switch (random.Next(3))
            {
                case 0:
                    random.NextBytes(block.AsSpan(0, size));
                    break;
                case 1:
                    for (int i = 0; i < size; i++)
                    {
                        block[i] = (byte)"the quick brown fox jumps over the lazy dog \n"[(i * 7 / 3 + seed) % 45];
                    }

                    break;
                default:
                    block.AsSpan(0, size).Clear();
                    break;
            }

            device.Write(at, block.AsSpan(0, size));
        }

        random.NextBytes(block.AsSpan(0, 1000));
        device.Write(length - 1000, block.AsSpan(0, 1000));
        return path;
    }
}

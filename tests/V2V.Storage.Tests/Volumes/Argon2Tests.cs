using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using V2V.Storage.Volumes.Luks;
using Xunit;

namespace V2V.Storage.Tests.Volumes;

/// <summary>Argon2 against BouncyCastle's; cryptsetup's own keyslots are opened by the tests of the kernel's volumes.</summary>
public sealed class Argon2Tests
{
    [Theory]
    [InlineData(true, 1, 8, 1, 32)]
    [InlineData(true, 1, 9, 1, 4)]
    [InlineData(true, 3, 32, 4, 64)]
    [InlineData(true, 4, 4096, 4, 65)]
    [InlineData(true, 2, 1531, 3, 128)]
    [InlineData(false, 1, 64, 2, 32)]
    [InlineData(false, 4, 2100, 1, 64)]
    [InlineData(false, 3, 777, 5, 200)]
    public void Two_ways_come_to_the_same(bool isMixed, int passes, int memoryKiB, int lanes, int length)
    {
        var random = new Random(memoryKiB);
        byte[] password = new byte[random.Next(0, 200)], salt = new byte[random.Next(8, 64)], expected = new byte[length], key = new byte[length];
        random.NextBytes(password);
        random.NextBytes(salt);
        var generator = new Argon2BytesGenerator();
        generator.Init(new Argon2Parameters.Builder(isMixed ? Argon2Parameters.Argon2id : Argon2Parameters.Argon2i)
            .WithVersion(Argon2Parameters.Version13).WithIterations(passes).WithMemoryAsKB(memoryKiB).WithParallelism(lanes).WithSalt(salt).Build());
        generator.GenerateBytes(password, expected);
        Argon2.Derive(isMixed, password, salt, passes, memoryKiB, lanes, key);
        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(key));
    }
}

using V2V.FileSystems.Ntfs;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>Damaged volumes: nothing but our own exception, and an end.</summary>
public sealed class NtfsFuzzTests
{
    [Fact]
    public void Damaged_volumes_give_our_errors_only()
    {
        using var scratch = new TemporaryDirectory();
        string path = scratch.File("ntfs.img");
        NtfsCorpusTests.Unpack("ColinFinck/testfs1", path);
        byte[] original = File.ReadAllBytes(path);
        int[] interesting = [.. Enumerable.Range(0, original.Length / 512).Where(s =>
            original.AsSpan(s * 512, 4).SequenceEqual("FILE"u8) || original.AsSpan(s * 512, 4).SequenceEqual("INDX"u8))];
        var random = new Random(17);
        for (int round = 0; round < 250; round++)
        {
            byte[] bytes = [.. original];
            int flips = 1 + random.Next(10);
            for (int i = 0; i < flips; i++)
            {
                int sector = interesting[random.Next(random.Next(3) == 0 ? interesting.Length : Math.Min(24, interesting.Length))];
                int at = random.Next(8) == 0 ? random.Next(96) : (sector * 512) + random.Next(random.Next(2) == 0 ? 200 : 1000);
                bytes[Math.Min(at, bytes.Length - 1)] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[at] ^ (1 << random.Next(8))), _ => 0xFF };
            }

            if (random.Next(12) == 0)
            {
                Array.Resize(ref bytes, random.Next(bytes.Length));
            }

            DamagedVolume.Exercise(new MemoryDevice(bytes), d => NtfsFileSystem.Open(d, writable: true), random);
        }
    }

    [Fact]
    public void Damaged_compressed_data_gives_our_errors_only()
    {
        var random = new Random(23);
        var target = new byte[32768];
        ChunkDecoder[] decoders = [new XpressDecoder(), new LzxDecoder()];
        for (int round = 0; round < 3000; round++)
        {
            var source = new byte[random.Next(4000)];
            random.NextBytes(source);
            try
            {
                if (round % 3 == 2)
                {
                    Lznt1.Decompress(source, target);
                }
                else
                {
                    source.AsSpan(0, Math.Min(source.Length, random.Next(300))).Fill(0x99);
                    decoders[round % 3].Decompress(source, target.AsSpan(0, random.Next(32768)));
                }
            }
            catch (V2VException)
            {
            }
        }
    }
}

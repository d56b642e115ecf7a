using V2V.FileSystems.Fat;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.FileSystems.Tests.Probe;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Fat;

/// <summary>Damaged volumes: nothing but our own exception, and an end.</summary>
public sealed class FatFuzzTests
{
    [Theory]
    [InlineData("fat12.img")]
    [InlineData("fat16.img")]
    [InlineData("fat32.img")]
    public void Damaged_volumes_give_our_errors_only(string name)
    {
        MemoryDevice device = VolumeFixture.Open(name);
        using (FatFileSystem fileSystem = FatFileSystem.Open(device, writable: true))
        {
            fileSystem.CreateDirectory("/another directory", FatImage.Metadata);
            for (int i = 0; i < 20; i++)
            {
                fileSystem.WriteAllBytes($"/another directory/file {i}", new byte[i * 700], FatImage.Metadata);
            }
        }

        byte[] original = device.Span.ToArray();
        int metadata = Math.Min(original.Length, 100 << 10);
        var random = new Random(11);
        for (int round = 0; round < 400; round++)
        {
            byte[] bytes = original.AsSpan().ToArray();
            int flips = 1 + random.Next(12);
            for (int i = 0; i < flips; i++)
            {
                int at = random.Next(3) == 0 ? random.Next(512) : random.Next(metadata);
                bytes[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[at] ^ (1 << random.Next(8))), _ => 0xFF };
            }

            if (random.Next(10) == 0)
            {
                Array.Resize(ref bytes, random.Next(bytes.Length));
            }

            DamagedVolume.Exercise(new MemoryDevice(bytes), d => FatFileSystem.Open(d, writable: true), random);
        }
    }
}

using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Probe;

/// <summary>Signatures of committed images, and of damaged ones.</summary>
public sealed class FixtureSignatureTests
{
    private static readonly string[] s_images =
        ["fat12.img", "fat16.img", "fat32.img", "ext4-dirty.img", "xfs.head", "btrfs.head", "swap.head", "ntfs.head", "luks.head", "iso.head"];

    [Theory]
    [InlineData("fat12.img", "vfat", "1234-ABCD", "FIXTURE")]
    [InlineData("fat16.img", "vfat", "1234-ABCD", "FIXTURE")]
    [InlineData("fat32.img", "vfat", "1234-ABCD", "FIXTURE")]
    [InlineData("ext4-dirty.img", "ext4", "01234567-89ab-cdef-0123-456789abcdef", "dirty")]
    [InlineData("xfs.head", "xfs", "11111111-2222-3333-4444-555555555555", "xfs-label")]
    [InlineData("btrfs.head", "btrfs", "11111111-2222-3333-4444-555555555556", "btrfs-label")]
    [InlineData("swap.head", "swap", "11111111-2222-3333-4444-555555555557", "swap-label")]
    [InlineData("luks.head", "crypto_LUKS", "11111111-2222-3333-4444-555555555558", "luks-label")]
    public void Identify_names_it(string image, string type, string uuid, string label) =>
        Assert.Equal(new VolumeSignature(type, uuid, label), FileSystemProbe.Identify(VolumeFixture.Open(image)));

    [Fact]
    public void Identify_names_ntfs_and_iso()
    {
        VolumeSignature ntfs = FileSystemProbe.Identify(VolumeFixture.Open("ntfs.head"));
        Assert.Equal(("ntfs", "ntfs-label", 16), (ntfs.Type, ntfs.Label, ntfs.Uuid!.Length));
        VolumeSignature iso = FileSystemProbe.Identify(VolumeFixture.Open("iso.head"));
        Assert.Equal(("iso9660", "ISO_LABEL"), (iso.Type, iso.Label));
    }

    [Fact]
    public void Nothing_is_named_nothing()
    {
        Assert.Equal(default, FileSystemProbe.Identify(new MemoryDevice(1 << 20)));
        Assert.Equal(default, FileSystemProbe.Identify(new MemoryDevice(0)));
        Assert.Equal("FileSystemUnknown", Assert.Throws<V2VException>(() => FileSystemProbe.Open(new MemoryDevice(4096), writable: false)).ErrorId);
        Assert.Equal("FileSystemUnsupported", Assert.Throws<V2VException>(() => FileSystemProbe.Open(VolumeFixture.Open("swap.head"), writable: false)).ErrorId);
    }

    [Fact]
    public void Damaged_volumes_never_fail()
    {
        var random = new Random(5);
        foreach (string image in s_images)
        {
            byte[] original = VolumeFixture.Read(image);
            byte[] bytes = original.AsSpan().ToArray();
            for (int round = 0; round < 400; round++)
            {
                int at = random.Next(4) == 0 ? random.Next(bytes.Length) : random.Next(Math.Min(bytes.Length, 4096));
                bytes[at] = (byte)random.Next(256);
                byte[] tested = random.Next(5) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
                _ = FileSystemProbe.Identify(new MemoryDevice(tested));
                if (round % 20 == 0)
                {
                    original.CopyTo(bytes, 0);
                }
            }
        }
    }
}

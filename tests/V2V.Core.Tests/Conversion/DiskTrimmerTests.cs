using V2V.Core.Conversion;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.FileSystems;
using V2V.FileSystems.Ntfs;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>What is zeroed on disks that the guest does not mount.</summary>
public sealed class DiskTrimmerTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FreeClustersOfNtfsAreTrimmedUnlessShadowCopiesReferToThem(bool hasShadowCopies)
    {
        Tool.Require("mkntfs", "ntfsfix");
        using var directory = new TemporaryDirectory();
        string path = directory.File("ntfs.raw");
        using (FileDevice device = FileDevice.Create(path, 32 << 20))
        {
            device.Flush();
        }

        Tool.Run("mkntfs", "-F", "-Q", "-q", "-c", "4096", path);
        if (hasShadowCopies)
        {
            using FileDevice device = FileDevice.Open(path, writable: true);
            using NtfsFileSystem fileSystem = NtfsFileSystem.Open(device, writable: true);
            fileSystem.CreateDirectory("/System Volume Information", new FileMetadata(0x1C0));
            fileSystem.CreateFile("/System Volume Information/{0f1a2b3c-0000-11ee-8c99-0242ac120002}{3808876b-c176-4e48-b7ae-04046e6cc752}", new FileMetadata(0x180));
        }

        var garbage = new byte[8 << 20];
        Array.Fill(garbage, (byte)0xA5);
        using (FileDevice device = FileDevice.Open(path, writable: true))
        using (GuestDisks disks = GuestDisks.Open([device]))
        {
            device.Write(20 << 20, garbage);
            long trimmed = new DiskTrimmer(disks, new PhonyGuest().Apply()).Trim(new PhonyGuest().Tree);
            Assert.InRange(trimmed, hasShadowCopies ? 0 : garbage.Length, hasShadowCopies ? 0 : long.MaxValue);
            device.Read(20 << 20, garbage);
            Assert.Equal(-1, garbage.AsSpan().IndexOfAnyExcept(hasShadowCopies ? (byte)0xA5 : (byte)0));
        }

        (int exitCode, string output) = Tool.TryRun("ntfsfix", "-n", path);
        Assert.True(exitCode == 0, output);
    }
}

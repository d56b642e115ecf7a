using V2V.Core.Conversion;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>What is zeroed on disks that the guest does not mount.</summary>
public sealed class DiskTrimmerTests
{
    [Fact]
    public void FreeClustersOfNtfsAreTrimmed()
    {
        Tool.Require("mkntfs", "ntfsfix");
        using var directory = new TemporaryDirectory();
        string path = directory.File("ntfs.raw");
        using (FileDevice device = FileDevice.Create(path, 32 << 20))
        {
            device.Flush();
        }

        Tool.Run("mkntfs", "-F", "-Q", "-q", "-c", "4096", path);
        var garbage = new byte[8 << 20];
        Array.Fill(garbage, (byte)0xA5);
        using (FileDevice device = FileDevice.Open(path, writable: true))
        using (GuestDisks disks = GuestDisks.Open([device]))
        {
            device.Write(20 << 20, garbage);
            Assert.InRange(new DiskTrimmer(disks, new PhonyGuest().Apply()).Trim(new PhonyGuest().Tree), garbage.Length, long.MaxValue);
            device.Read(20 << 20, garbage);
            Assert.Equal(-1, garbage.AsSpan().IndexOfAnyExcept((byte)0));
        }

        (int exitCode, string output) = Tool.TryRun("ntfsfix", "-n", path);
        Assert.True(exitCode == 0, output);
    }
}

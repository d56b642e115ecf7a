using System.Text;
using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;
using V2V.Storage.Tests.Volumes.Ldm;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Guest;

/// <summary>
/// NTFS on dynamic disks. One set is made here and its volume formatted by mkntfs. Where the corpus has the test images of libldm
/// (<c>test/data/ldm-data.tar.xz</c> of its sources) in the folder <c>ldm</c>, there are nine more, which Windows Server 2003 R2 and 2008 R2 made.
/// </summary>
public sealed class DynamicDiskTests
{
    private const string MadeHere = "made here";

    public static TheoryData<string, int, string> Sets
    {
        get
        {
            var sets = new TheoryData<string, int, string> { { MadeHere, 3, "HOST-Dg0_Striped" } };
            if (Archive is not null)
            {
                sets.Add("2003r2-simple", 1, "Red-nzv8x6obywgDg0_Volume1");
                sets.Add("2003r2-spanned", 2, "Red-nzv8x6obywgDg0_Volume2");
                sets.Add("2003r2-striped", 2, "Red-nzv8x6obywgDg0_Stripe1");
                sets.Add("2003r2-mirrored", 2, "Red-nzv8x6obywgDg0_Volume3");
                sets.Add("2003r2-raid5", 3, "Red-nzv8x6obywgDg0_Raid1");
                sets.Add("2008r2-spanned", 2, "WIN-ERRDJSBDAVF-Dg0_Volume1");
                sets.Add("2008r2-striped", 2, "WIN-ERRDJSBDAVF-Dg0_Volume2");
                sets.Add("2008r2-mirrored", 2, "WIN-ERRDJSBDAVF-Dg0_Volume3");
                sets.Add("2008r2-raid5", 3, "WIN-ERRDJSBDAVF-Dg0_Volume4");
            }

            return sets;
        }
    }

    private static string? Archive => Corpus.Find("ldm/ldm-data.tar.xz");

    [Theory]
    [MemberData(nameof(Sets))]
    public void VolumesOfWindowsAreReadAndWritten(string set, int count, string name)
    {
        using var folder = new TemporaryDirectory();
        using DiskSet disks = set == MadeHere ? Make(folder) : Unpack(folder, set, count);
        ReadOnlySpan<byte> text = "Filesystem test"u8;
        string volume = "mapper/ldm_vol_" + name;
        using (GuestDisks guest = GuestDisks.Open(disks.Devices))
        {
            Assert.Equal(count, guest.Volumes.Count(v => v.Info.FileSystem == "LDM_member"));
            Assert.Equal("ntfs", guest.FindVolume(volume)!.Info.FileSystem);
            GuestFileSystem fileSystem = guest.OpenFileSystem(volume, writable: true);
            Assert.True(text.SequenceEqual(fileSystem.ReadAllBytes("/test.txt")));
            fileSystem.WriteAllBytes("/test.txt", Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 40_000).Select(i => FormattableString.Invariant($"line {i}\n")))), new FileMetadata(0x1ED));
        }

        // With each disk of a volume that bears it gone, the rest still holds everything.
        bool isRedundant = set.EndsWith("mirrored", StringComparison.Ordinal) || set.EndsWith("raid5", StringComparison.Ordinal);
        for (int without = 0; without < (isRedundant ? count : 1); without++)
        {
            using GuestDisks guest = GuestDisks.Open([.. disks.Devices.Where((_, i) => !isRedundant || i != without)]);
            GuestFileSystem fileSystem = guest.OpenFileSystem(volume, writable: false);
            Assert.EndsWith("line 39998\nline 39999\n", Encoding.ASCII.GetString(fileSystem.ReadAllBytes("/test.txt")), StringComparison.Ordinal);
            Assert.Equal(isRedundant, guest.FindVolume(volume)!.Info.ReadOnlyReason is not null);
        }

        AssertClean(disks, volume, folder);
    }

    private static void AssertClean(DiskSet disks, string volume, TemporaryDirectory folder)
    {
        Tool.Require("ntfsfix");
        string whole = folder.File("volume");
        using (GuestDisks guest = GuestDisks.Open(disks.Devices))
        using (FileDevice target = FileDevice.Create(whole, guest.FindVolume(volume)!.Device.Length))
        {
            var content = new byte[target.Length];
            guest.FindVolume(volume)!.Device.Read(0, content);
            target.Write(0, content);
        }

        (int exitCode, string output) = Tool.TryRun("ntfsfix", "-n", whole);
        Assert.True(exitCode == 0 && output.Contains("processed successfully", StringComparison.Ordinal), output);
    }

    /// <summary>Two MBR disks and a GPT disk with a striped volume of NTFS.</summary>
    private static DiskSet Make(TemporaryDirectory folder)
    {
        Tool.Require("mkntfs", "ntfs-3g", "ntfsfix");
        var writer = new LdmWriter { Sectors = 32768 };
        writer.AddDisk();
        writer.AddDisk();
        writer.AddDisk(gpt: true);
        writer.AddVolume("Striped", 3 * 16384, [new Copy(1, [new Piece(0, 65, 16384), new Piece(1, 65, 16384, 0, 1), new Piece(2, 65, 16384, 0, 2)], 128)]);
        string volume = folder.File("ntfs");
        using (FileDevice file = FileDevice.Create(volume, 3 * 16384 * 512))
        {
            file.Flush();
        }

        Tool.Run("mkntfs", "-F", "-Q", "-q", volume);
        using (FileDevice source = FileDevice.Open(volume, writable: true))
        using (GuestFileSystem fileSystem = FileSystemProbe.Open(source, writable: true))
        {
            fileSystem.WriteAllBytes("/test.txt", "Filesystem test"u8, new FileMetadata(0x1ED));
        }

        var devices = writer.Write().Images.Select(image => (BlockDevice)new MemoryDevice(image)).ToList();
        using (GuestDisks guest = GuestDisks.Open(devices))
        {
            guest.FindVolume("mapper/ldm_vol_HOST-Dg0_Striped")!.Device.Write(0, File.ReadAllBytes(volume));
        }

        return new DiskSet(devices);
    }

    private static DiskSet Unpack(TemporaryDirectory folder, string set, int count)
    {
        Tool.Require("tar", "xz");
        string[] names = [.. Enumerable.Range(1, count).Select(i => FormattableString.Invariant($"ldm-{set}-{i}.img"))];
        Tool.Run("tar", ["-xJSf", Archive!, "-C", folder.Path, .. names]);
        return new DiskSet([.. names.Select(n => FileDevice.Open(folder.File(n), writable: true))]);
    }

    private sealed record DiskSet(IReadOnlyList<BlockDevice> Devices) : IDisposable
    {
        public void Dispose()
        {
            foreach (BlockDevice device in Devices)
            {
                device.Dispose();
            }
        }
    }
}

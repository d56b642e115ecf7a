using System.Text;
using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;
using V2V.Testing;
using V2V.Testing.BitLocker;
using Xunit;

namespace V2V.Core.Tests.Guest;

/// <summary>Files are written into a file system behind BitLocker; dislocker opens the volume, ntfsfix and ntfs-3g judge it.</summary>
public sealed class BitLockerGuestTests
{
    private const int End = 23 << 20;

    [Fact]
    public void FilesBehindBitLockerAreWritten()
    {
        Tool.RequireRoot();
        Tool.Require("dislocker-file", "ntfsfix", "ntfs-3g", "mkntfs");
        using var directory = new TemporaryDirectory();
        string disk = directory.File("disk.img"), opened = directory.File("opened.img");
        Make(disk);
        byte[] content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 60_000).Select(i => FormattableString.Invariant($"line {i}\n"))));
        using (GuestDisks guest = GuestDisks.Open([FileDevice.Open(disk, writable: true)], ownsDevices: true))
        {
            Assert.Empty(guest.Assembled.Problems);
            GuestVolume volume = Assert.Single(guest.Volumes, v => v.Info.Kind == "bitlocker");
            Assert.Equal("ntfs", volume.Info.FileSystem);
            GuestFileSystem files = guest.OpenFileSystem(volume.Info.Device, writable: true);
            for (int i = 0; i < 50; i++)
            {
                files.WriteAllBytes(FormattableString.Invariant($"/a rather long name of a file {i}.txt"), content.AsSpan(0, (i * 1000) + 1).ToArray(), new FileMetadata(0x1ED));
            }

            files.WriteAllBytes("/v2v.txt", content, new FileMetadata(0x1ED));
        }

        Tool.Run("dislocker-file", "-q", "-r", "-V", disk, "-c", "--", opened);
        using (FileStream volume = File.OpenWrite(opened))
        {
            volume.SetLength(End);
        }

        Tool.Run("ntfsfix", "-n", opened);
        using var mounted = new LoopMount(opened, directory.File("mnt"), "loop,ro", "ntfs-3g");
        Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(directory.File("mnt/v2v.txt"))));
        Assert.Equal(49_001, new FileInfo(directory.File("mnt/a rather long name of a file 49.txt")).Length);
    }

    /// <summary>BitLocker's own places lie behind the end of NTFS here.</summary>
    private static void Make(string disk)
    {
        File.WriteAllBytes(disk, new byte[End + (1 << 20)]);
        Tool.Run("mkntfs", "-q", "-F", "-s", "512", disk, FormattableString.Invariant($"{End / 512}"));
        File.WriteAllBytes(disk, new BitLockerFormatter { Method = 0x8001, Places = [End + 65536, End + (2 * 65536), End + (3 * 65536), End + (4 * 65536)] }.Format(File.ReadAllBytes(disk)));
    }
}

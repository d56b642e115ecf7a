using System.Globalization;
using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Storage;
using V2V.Storage.Volumes;
using V2V.Testing;
using V2V.Testing.BitLocker;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>A Windows whose system drive lies behind BitLocker: refused without its key, converted with it; dislocker opens the result and ntfs-3g and hivex judge it.</summary>
public sealed class BitLockerConversionTests
{
    private const string PartitionId = "6d0a3ad2-4be4-4a06-9d77-1bfb2c9d3f10";
    private const int MiB = 1 << 20;
    private const int Block = 4096;
    private const int ReservedBlocks = 64;

    [Fact]
    public void AnEncryptedSystemDriveIsConvertedInPlace()
    {
        Tool.RequireRoot();
        Tool.Require("ntfsfix", "hivexget", "dd", "qemu-img", "dislocker-file", "sfdisk");
        using var directory = new TemporaryDirectory();
        string drivers = directory.File("virtio-win"), keyFile = directory.File("key.BEK");
        PhonyVirtioWin.Make(PhonyVirtioWin.IsoList, drivers);
        BitLockerProtector key = BitLockerProtector.External();
        File.WriteAllBytes(keyFile, key.ToKeyFile());
        string disk = Encrypt(PhonyWindows.Make(directory, "regipy/SYSTEM_WIN_10_1709.xz", Software, 0x8664, Letter, [("System Volume Information/FVE2.test", Marked()), ("Windows/System32/drivers/disk.sys", [])]),
            BitLockerProtector.Tpm(), key);
        byte[] before = File.ReadAllBytes(disk);

        V2VInspection locked = GuestInspector.Inspect(Import(disk), new InspectionOptions(), SilentObserver.Instance);
        Assert.Equal(("windows", "BitLockerKeyMissing"), (locked.OsType, Assert.Single(locked.Blockers).ErrorId));
        Assert.Equal("sda1", locked.Blockers[0].Target);

        // A data drive that stays closed hinders nothing.
        string data = directory.File("data.img");
        File.WriteAllBytes(data, new BitLockerFormatter { Protectors = [BitLockerProtector.External()] }.Format(new byte[4 * MiB]));
        V2VInspection both = GuestInspector.Inspect(Import(disk, data).WithKeys(new VolumeKeys([VolumeKey.FromFile("sda1", keyFile)])), new InspectionOptions(), SilentObserver.Instance);
        Assert.Empty(both.Blockers);
        Assert.Contains(both.Warnings, w => w.Contains("sdb is encrypted by BitLocker", StringComparison.Ordinal) && w.Contains("It stays as it is", StringComparison.Ordinal));

        V2VSource source = Import(disk).WithKeys(new VolumeKeys([VolumeKey.FromFile("sda1", keyFile)]));
        V2VInspection inspection = GuestInspector.Inspect(source, new InspectionOptions(), SilentObserver.Instance);
        Assert.Empty(inspection.Blockers);
        Assert.StartsWith("mapper/bitlk-", inspection.RootDevice, StringComparison.Ordinal);
        Assert.Equal(inspection.RootDevice, Assert.Single(inspection.Windows!.DriveLetters, l => l.Letter == 'C').Device);
        Assert.Contains(inspection.Warnings, w => w.StartsWith("sda1 is protected by BitLocker with the TPM", StringComparison.Ordinal));

        var options = new ConversionOptions { VirtioWin = drivers, WorkingDirectory = Directory.CreateDirectory(directory.File("work")).FullName };
        V2VOverlay overlay = GuestConverter.Convert(inspection, options, SilentObserver.Instance);
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(disk)));
        string converted = directory.File("converted.raw"), volume = directory.File("volume.after"), opened = directory.File("volume.opened");
        Tool.Run("qemu-img", "convert", "-O", "raw", overlay.Disks[0].Path, converted);
        Tool.Run("dd", "if=" + converted, "of=" + volume, "bs=1M", "skip=1", FormattableString.Invariant($"count={PhonyWindows.SizeMebibytes}"), "status=none");
        Tool.Run("dislocker-file", "-q", "-r", "-V", volume, "-f", keyFile, "--", opened);
        Tool.Run("ntfsfix", "-n", opened);
        using (new LoopMount(opened, directory.File("mnt"), "loop,ro", "ntfs-3g"))
        {
            Assert.True(File.Exists(directory.File("mnt/Windows/V2V/firstboot.cmd")));
            Assert.Equal("0", Tool.Run("hivexget", directory.File("mnt/Windows/System32/config/SYSTEM"), @"ControlSet001\Services\viostor", "Start").Trim());
        }

        Assert.Empty(GuestConverter.Convert(GuestInspector.Inspect(Import(converted).WithKeys(source.Keys), new InspectionOptions(), SilentObserver.Instance), options, SilentObserver.Instance).Changes);
    }

    private static string Software => """
        [\Microsoft\Windows NT\CurrentVersion]
        "ProductName"="Windows 10 Pro"
        "InstallationType"="Client"
        "CurrentVersion"="6.3"
        "CurrentBuildNumber"="16299"
        "CurrentMajorVersionNumber"=dword:0000000a
        "CurrentMinorVersionNumber"=dword:00000000
        "SystemRoot"="C:\\Windows"

        [\Microsoft\Windows\CurrentVersion]
        "DevicePath"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,74,00,25,00,5c,00,69,00,6e,00,66,00,00,00

        """;

    private static string Letter =>
        $"[\\MountedDevices]\n\"\\\\DosDevices\\\\C:\"=hex:{string.Join(',', "DMIO:ID:"u8.ToArray().Concat(new Guid(PartitionId).ToByteArray()).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)))}\n";

    private static V2VSource Import(params string[] disks) => SourceImporter.ImportDisks(disks, new SourceOptions { Name = "windows", DiskFormat = "raw" });

    /// <summary>A file as Windows makes it to keep BitLocker's places: here, one whose blocks can be found again.</summary>
    private static byte[] Marked()
    {
        var content = new byte[ReservedBlocks * Block];
        for (int i = 0; i < ReservedBlocks; i++)
        {
            Mark(i).CopyTo(content, i * Block);
        }

        return content;
    }

    private static byte[] Mark(int block) => Encoding.ASCII.GetBytes(FormattableString.Invariant($"V2V: block {block:d3} of those that BitLocker keeps"));

    /// <summary>Encrypts the first partition; the metadata and the moved sectors lie in the marked file.</summary>
    private static string Encrypt(string disk, params BitLockerProtector[] protectors)
    {
        Tool.Run("sfdisk", "-q", "--part-uuid", disk, "1", PartitionId);
        byte[] image = File.ReadAllBytes(disk), volume = image[MiB..(MiB + (PhonyWindows.SizeMebibytes * MiB))];
        int first = volume.AsSpan().IndexOf(Mark(0));
        for (int i = 0; i < ReservedBlocks; i++)
        {
            Assert.True(volume.AsSpan(first + (i * Block)).StartsWith(Mark(i)), "ntfs-3g stored the file in pieces.");
        }

        Assert.Equal(0, first % Block);
        new BitLockerFormatter { Method = 0x8004, Protectors = protectors, Places = [first, first + (16 * Block), first + (32 * Block), first + (48 * Block)] }.Format(volume).CopyTo(image, MiB);
        File.WriteAllBytes(disk, image);
        return disk;
    }
}

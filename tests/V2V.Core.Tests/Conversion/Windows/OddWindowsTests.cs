using System.Security.Cryptography;
using V2V.Core.Conversion;
using V2V.Core.Export;
using V2V.Core.Export.Machine;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.Inspection;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>Realistic Windows guests that are not laid out as a fresh installation is, through inspection and conversion; ntfs-3g, mtools and hivex judge the results.</summary>
public sealed class OddWindowsTests
{
    [Fact]
    public void Of_two_installations_one_must_be_chosen_and_only_that_is_changed()
    {
        Tool.Require("ntfsfix", "qemu-img");
        using var directory = new TemporaryDirectory();
        string old = OddWindows.Volume7(directory), current = OddWindows.Volume10(directory);
        string disk = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, old), (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, current));

        V2VException several = Assert.Throws<V2VException>(() => OddWindows.Inspect(disk));
        Assert.Equal("InspectionSeveralRoots", several.ErrorId);
        Assert.Contains("sda1 (Windows 7 Ultimate), sda2 (Windows 10 Pro)", several.Message, StringComparison.Ordinal);

        V2VSource source = OddWindows.Import(disk);
        V2VInspection first = GuestInspector.Inspect(source, new InspectionOptions { Root = "first" }, SilentObserver.Instance);
        Assert.Equal(("sda1", "Windows 7 Ultimate", 2), (first.RootDevice, first.ProductName, first.Roots.Count));
        V2VOverlay overlay = GuestConverter.Convert(source, OddWindows.Options(directory) with { Root = "sda2" }, SilentObserver.Instance);
        Assert.Equal(("sda2", "Windows 10 Pro"), (overlay.Inspection.RootDevice, overlay.Inspection.ProductName));
        string converted = OddWindows.Raw(directory, overlay, 0);
        OddWindows.Look(directory, OddWindows.Cut(directory, converted, 1 + PhonyWindows.SizeMebibytes, PhonyWindows.SizeMebibytes), root => Assert.True(File.Exists(root + "/Windows/System32/drivers/viostor.sys")));
        Assert.Equal(Digest(old), Digest(OddWindows.Cut(directory, converted, 1, PhonyWindows.SizeMebibytes)));
    }

    [Fact]
    public void A_disk_that_once_held_a_Windows_is_no_second_one()
    {
        using var directory = new TemporaryDirectory();
        string left = OddWindows.Ntfs(directory, 16, ("Windows/System32/config/readme.txt", "what a clean-up left"), ("Windows/System32/cmd.exe", "MZ"));
        string disk = TestDisk.Make(directory, (PhonyWindows.BasicData, 16, left), (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, OddWindows.Volume10(directory)));
        V2VInspection found = OddWindows.Inspect(disk);
        Assert.Equal(("sda2", "Windows 10 Pro"), (found.RootDevice, found.ProductName));
    }

    [Fact]
    public void A_Linux_beside_Windows_is_not_taken_without_a_word()
    {
        Tool.Require("mke2fs");
        using var directory = new TemporaryDirectory();
        string linux = TestDisk.Ext4(directory, 16, null, ("/etc/fstab", "/dev/sda2 / ext4 defaults 0 1\n"), ("/etc/debian_version", "12.5\n"), ("/bin/", ""));
        string disk = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, OddWindows.Volume10(directory)), ("L", 16, linux));
        Assert.Equal("InspectionSeveralRoots", Assert.Throws<V2VException>(() => OddWindows.Inspect(disk)).ErrorId);
        Assert.Equal("windows", TestDisk.Inspect([disk], new InspectionOptions { Root = "sda1" }).OsType);
        Assert.Equal("linux", TestDisk.Inspect([disk], new InspectionOptions { Root = "/dev/sda2" }).OsType);
    }

    /// <summary>C: on the second disk, the loader on the third; the first has data and an EFI system partition of its own, the folder of Windows is in lower case.</summary>
    [Fact]
    public void The_loader_is_found_on_whichever_disk_it_is()
    {
        Tool.Require("ntfsfix", "qemu-img", "mkfs.fat", "mmd", "mcopy", "mtype");
        using var directory = new TemporaryDirectory();
        string data = TestDisk.Make(directory, ("U", PhonyWindows.EspMebibytes, OddWindows.Esp(directory, ("EFI/other/other.efi", "another loader"))), (PhonyWindows.BasicData, 16, OddWindows.Ntfs(directory, 16, ("a file", "data"))));
        string system = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, OddWindows.Volume10(directory, folder: "windows")));
        string boot = TestDisk.Make(directory, ("U", PhonyWindows.EspMebibytes, OddWindows.Esp(directory, ("EFI/Microsoft/Boot/bootmgfw.efi", "Windows' loader"))));
        byte[][] before = [Digest(data), Digest(system), Digest(boot)];
        V2VInspection found = OddWindows.Inspect(data, system, boot);
        Assert.Equal(("sdb1", "/windows", 2, FirmwareType.Uefi), (found.RootDevice, found.Windows!.SystemRoot, found.BootDiskIndex, found.Firmware));

        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory), SilentObserver.Instance);
        Assert.Equal(2, overlay.BootDiskIndex);
        string converted = OddWindows.Raw(directory, overlay, 2);
        Assert.Equal("Windows' loader", Tool.Run("mtype", "-i", converted + "@@1048576", "::EFI/Boot/bootx64.efi").Trim());
        OddWindows.Look(directory, OddWindows.Cut(directory, OddWindows.Raw(directory, overlay, 1), 1, PhonyWindows.SizeMebibytes), root =>
        {
            Assert.True(File.Exists(root + "/windows/V2V/firstboot.cmd"));
            Assert.Equal(["Program Files", "windows", "Drivers"], Directory.GetDirectories(root).Select(d => Path.GetFileName(d)!).Where(d => d != "System Volume Information").Append("Drivers"));
        });
        Assert.DoesNotContain("bootx64", Tool.Run("mdir", "-b", "-/", "-i", OddWindows.Raw(directory, overlay, 0) + "@@1048576"), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(before, [Digest(data), Digest(system), Digest(boot)]);

        // The firmware starts the third disk first.
        TargetMachine machine = TargetMachineBuilder.Build(overlay.Source, overlay, "name", new ExportOptions(), [new("a.qcow2"), new("b.qcow2"), new("c.qcow2")], []);
        Assert.Equal(2, machine.Disks.Single(d => d.BootOrder == 1).Index);
    }

    [Fact]
    public void System_Reserved_starts_Windows_and_stays_as_it_is()
    {
        Tool.Require("ntfsfix", "qemu-img");
        using var directory = new TemporaryDirectory();
        const uint Signature = 0x1A2B3C4D;
        string reserved = OddWindows.Ntfs(directory, 16, ("bootmgr", "the loader"), ("Boot/BCD", "a store"));
        string disk = OddWindows.MbrDisk(directory, Signature, (16, reserved), (PhonyWindows.SizeMebibytes, OddWindows.Volume7(directory, OddWindows.MbrLetter('C', Signature, 17 << 20))));
        string data = OddWindows.MbrDisk(directory, 0x99887766, (16, OddWindows.Ntfs(directory, 16, ("a file", "data"))));
        V2VInspection found = OddWindows.Inspect(data, disk);
        Assert.Equal(("sdb2", FirmwareType.Bios, 1), (found.RootDevice, found.Firmware, found.BootDiskIndex));
        Assert.Equal(new DriveLetterInfo('C', "sdb2"), Assert.Single(found.Windows!.DriveLetters, l => l.Letter == 'C'));
        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory, "w7", "x86"), SilentObserver.Instance);
        string converted = OddWindows.Raw(directory, overlay, 1);
        Assert.Equal(Digest(reserved), Digest(OddWindows.Cut(directory, converted, 1, 16)));
        Assert.Equal(File.ReadAllBytes(disk).AsSpan(0, 512).ToArray(), File.ReadAllBytes(converted).AsSpan(0, 512).ToArray());
        Assert.Empty(GuestConverter.Convert(OddWindows.Inspect(data, converted), OddWindows.Options(directory, "w7", "x86"), SilentObserver.Instance).Changes);
    }

    [Theory]
    [InlineData("WINNT", null)]
    [InlineData("WINDOWS.0", "[boot loader]\r\ntimeout=30\r\n[operating systems]\r\nmulti(0)disk(0)rdisk(0)partition(1)\\WINDOWS.0=\"Microsoft Windows XP Professional\" /fastdetect\r\n")]
    public void Windows_may_be_in_a_folder_of_another_name(string folder, string? menu)
    {
        Tool.Require("ntfsfix", "qemu-img", "hivexget");
        using var directory = new TemporaryDirectory();
        string software = OddWindows.Software("Microsoft Windows XP", "5.1", "2600", @"C:\\" + folder);
        string volume = PhonyWindows.MakeVolume(
            directory, OddWindows.Windows7, software, 0x14C, "[\\Setup]\n", folder, menu is null ? [] : [("boot.ini", System.Text.Encoding.ASCII.GetBytes(menu))]);
        string disk = OddWindows.MbrDisk(directory, 1, (PhonyWindows.SizeMebibytes, volume));
        V2VInspection found = OddWindows.Inspect(disk);
        Assert.Equal(("/" + folder, "winxp", "i386"), (found.Windows!.SystemRoot, found.OsInfoId, found.Architecture));
        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory, "xp", "x86"), SilentObserver.Instance);
        string converted = OddWindows.Cut(directory, OddWindows.Raw(directory, overlay, 0), 1, PhonyWindows.SizeMebibytes);

        // Heads, which the loader of Windows XP counts with.
        Assert.Equal(0x40, BitConverter.ToUInt16(File.ReadAllBytes(converted), 0x1A));
        Assert.NotEqual(0x40, BitConverter.ToUInt16(File.ReadAllBytes(volume), 0x1A));
        OddWindows.Look(directory, converted, root =>
        {
            Assert.True(File.Exists($"{root}/{folder}/system32/drivers/viostor.sys") || File.Exists($"{root}/{folder}/System32/drivers/viostor.sys"));
            Assert.True(File.Exists($"{root}/{folder}/V2V/firstboot.cmd"));
            Assert.False(Directory.Exists(root + "/Windows"));
            Assert.Contains("v2v-firstboot", Tool.Run("hivexregedit", "--export", $"{root}/{folder}/System32/config/SYSTEM", @"ControlSet001\Services\v2v-firstboot"), StringComparison.OrdinalIgnoreCase);
        });
    }

    /// <summary>The set that Select names as the last one was lost; Windows starts the default.</summary>
    [Fact]
    public void A_control_set_that_is_not_there_is_not_taken()
    {
        using var directory = new TemporaryDirectory();
        string volume = OddWindows.Volume7(directory, "[\\Select]\n\"Current\"=dword:00000009\n\"Default\"=dword:00000002\n\"LastKnownGood\"=dword:00000001\n");
        V2VInspection found = OddWindows.Inspect(OddWindows.MbrDisk(directory, 5, (PhonyWindows.SizeMebibytes, volume)));
        Assert.Equal(("ControlSet002", "WKS-WIN732BITA"), (found.Windows!.ControlSet, found.HostName.ToUpperInvariant()));
        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory, "w7", "x86") with { WhatIf = true }, SilentObserver.Instance);
        foreach (string set in (string[])["ControlSet001", "ControlSet002"])
        {
            Assert.Contains(overlay.Changes, c => c.Path.Equals($@"HKLM\SYSTEM\{set}\Services\viostor\Start", StringComparison.OrdinalIgnoreCase));
        }

        Assert.DoesNotContain(overlay.Changes, c => c.Path.Contains("ControlSet009", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Windows XP was also installed on FAT32, as upgrades of Windows 98 were.</summary>
    [Fact]
    public void Windows_XP_may_be_on_FAT()
    {
        Tool.Require("mkfs.fat", "mcopy", "mtype", "fsck.fat", "qemu-img", "hivexget");
        using var directory = new TemporaryDirectory();
        string ntfs = PhonyWindows.MakeVolume(
            directory, OddWindows.Windows7, OddWindows.Software("Microsoft Windows XP", "5.1", "2600", @"C:\\WINDOWS"), 0x14C, "[\\Setup]\n", "WINDOWS", []);
        string fat = TestDisk.Format(directory, PhonyWindows.SizeMebibytes, "mkfs.fat", "-F", "32");
        OddWindows.Look(directory, ntfs, root => Tool.Run("mcopy", "-s", "-i", fat, root + "/WINDOWS", root + "/Program Files", "::/"));
        V2VInspection found = OddWindows.Inspect(OddWindows.MbrDisk(directory, 5, (PhonyWindows.SizeMebibytes, fat)));
        Assert.Equal(("windows", "winxp", "/WINDOWS"), (found.OsType, found.OsInfoId, found.Windows!.SystemRoot));
        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory, "xp", "x86"), SilentObserver.Instance);
        string converted = OddWindows.Raw(directory, overlay, 0);
        string volume = OddWindows.Cut(directory, converted, 1, PhonyWindows.SizeMebibytes);
        Tool.Run("fsck.fat", "-n", volume);
        Assert.StartsWith("driver of", Tool.Run("mtype", "-i", volume, "::/WINDOWS/system32/drivers/viostor.sys"), StringComparison.Ordinal);
        string system = directory.File("SYSTEM.after");
        Tool.Run("mcopy", "-i", volume, "::/WINDOWS/System32/config/SYSTEM", system);
        Assert.Equal("0", Tool.Run("hivexget", system, @"ControlSet001\Services\viostor", "Start").Trim());
        Assert.Empty(GuestConverter.Convert(OddWindows.Inspect(converted), OddWindows.Options(directory, "xp", "x86"), SilentObserver.Instance).Changes);
    }

    [Fact]
    public void A_full_drive_is_refused_before_anything_is_written()
    {
        Tool.Require("qemu-img");
        using var directory = new TemporaryDirectory();
        string volume = OddWindows.Volume10(directory, change: root => File.WriteAllBytes(root + "/full", new byte[(PhonyWindows.SizeMebibytes - 110) << 20]));
        string disk = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, volume));
        byte[] before = Digest(disk);
        ConversionOptions options = OddWindows.Options(directory);
        V2VException full = Assert.Throws<V2VException>(() => GuestConverter.Convert(OddWindows.Inspect(disk), options, SilentObserver.Instance));
        Assert.Equal(("GuestSpaceLow", V2VErrorKind.NoSpace), (full.ErrorId, full.Kind));
        Assert.Contains("Free some space", full.Advice, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(options.WorkingDirectory!));
        Assert.Equal(before, Digest(disk));
    }

    /// <summary>The hive that Windows boots with is compressed by NTFS, as "compress this drive" leaves it, and so are the driver that is replaced and the kernel.</summary>
    [Fact]
    public void Compressed_system_files_are_read_and_replaced()
    {
        Tool.Require("ntfsfix", "qemu-img", "setfattr", "hivexget");
        using var directory = new TemporaryDirectory();
        string volume = OddWindows.Volume10(directory, change: root =>
        {
            foreach (string folder in (string[])["Windows/System32/config", "Windows/System32", "Windows/System32/drivers"])
            {
                Directory.CreateDirectory(Path.Combine(root, folder));
                Tool.Run("setfattr", "-h", "-v", "0x00000800", "-n", "system.ntfs_attrib_be", Path.Combine(root, folder));
            }

            foreach (string file in (string[])["config/SYSTEM", "config/SOFTWARE", "ntoskrnl.exe"])
            {
                string path = Path.Combine(root, "Windows/System32", file);
                byte[] content = File.ReadAllBytes(path);
                File.Delete(path);
                File.WriteAllBytes(path, content);
            }

            File.WriteAllText(root + "/Windows/System32/drivers/viostor.sys", new string('x', 300_000));
        });
        string disk = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, volume));
        OddWindows.Look(directory, volume, root => Assert.True(Blocks(root + "/Windows/System32/config/SYSTEM") * 512 < new FileInfo(root + "/Windows/System32/config/SYSTEM").Length));
        V2VOverlay overlay = GuestConverter.Convert(OddWindows.Inspect(disk), OddWindows.Options(directory), SilentObserver.Instance);
        string converted = OddWindows.Raw(directory, overlay, 0);
        OddWindows.Look(directory, OddWindows.Cut(directory, converted, 1, PhonyWindows.SizeMebibytes), root =>
        {
            Assert.StartsWith("driver of", File.ReadAllText(root + "/Windows/System32/drivers/viostor.sys"), StringComparison.Ordinal);
            Assert.Equal("0", Tool.Run("hivexget", root + "/Windows/System32/config/SYSTEM", @"ControlSet001\Services\viostor", "Start").Trim());
        });
        Assert.Empty(GuestConverter.Convert(OddWindows.Inspect(converted), OddWindows.Options(directory), SilentObserver.Instance).Changes);
    }

    /// <summary>CompactOS: the kernel, which tells the architecture, and a driver that is replaced are kept by WOF; their plain content is a hole.</summary>
    [Fact]
    public void Files_of_CompactOS_are_read_and_replaced()
    {
        Tool.Require("ntfsfix", "qemu-img", "setfattr", "getfattr", "wimlib-imagex");
        using var directory = new TemporaryDirectory();
        string volume = OddWindows.Volume10(directory, change: root =>
        {
            string kernel = root + "/Windows/System32/ntoskrnl.exe", driver = root + "/Windows/System32/drivers/viostor.sys";
            Directory.CreateDirectory(Path.GetDirectoryName(driver)!);
            Compact(directory, kernel, [.. File.ReadAllBytes(kernel), .. System.Text.Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 3000).Select(i => $"routine {i % 77} of the kernel\n")))]);
            Compact(directory, driver, System.Text.Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 3000).Select(i => $"an older driver, line {i % 91}\n"))));
            File.Delete(root + "/Windows/System32/cmd.exe");
        });
        string disk = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, volume));
        V2VInspection found = OddWindows.Inspect(disk);
        Assert.Equal("x86_64", found.Architecture);
        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory), SilentObserver.Instance);
        string converted = OddWindows.Raw(directory, overlay, 0);
        OddWindows.Look(directory, OddWindows.Cut(directory, converted, 1, PhonyWindows.SizeMebibytes), root =>
        {
            string driver = root + "/Windows/System32/drivers/viostor.sys";
            Assert.Equal("driver of 100.95.104.26200", File.ReadAllText(driver));
            Assert.NotEqual(0, Tool.TryRun("getfattr", "-h", "--absolute-names", "-n", "system.ntfs_reparse_data", driver).ExitCode);
            Assert.NotEqual(0, Tool.TryRun("getfattr", "-h", "--absolute-names", "-n", "user.WofCompressedData", driver).ExitCode);
            Assert.Equal(0, Tool.TryRun("getfattr", "-h", "--absolute-names", "-n", "system.ntfs_reparse_data", root + "/Windows/System32/ntoskrnl.exe").ExitCode);
        });
        Assert.Empty(GuestConverter.Convert(OddWindows.Inspect(converted), OddWindows.Options(directory), SilentObserver.Instance).Changes);
    }

    /// <summary>A real hive as it was on a running machine, with its logs: what they hold is in the converted hive, and no later start plays them back over it.</summary>
    [Fact]
    public void Hives_that_were_not_closed_are_completed_from_their_logs()
    {
        Tool.Require("ntfsfix", "qemu-img", "hivexget");
        using var directory = new TemporaryDirectory();
        string volume = PhonyWindows.MakeVolume(
            directory, "regipy/SYSTEM_B.xz", OddWindows.Software("Windows 10 Pro", "6.3", "16299"), 0x8664, "", "Windows",
            [("Windows/System32/config/SYSTEM.LOG1", Hive(directory, "SYSTEM_B.LOG1")), ("Windows/System32/config/SYSTEM.LOG2", Hive(directory, "SYSTEM_B.LOG2"))]);
        string disk = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, volume));
        V2VInspection found = OddWindows.Inspect(disk);
        Assert.False(found.Windows!.IsRegistryDirty);
        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory), SilentObserver.Instance);
        string converted = OddWindows.Raw(directory, overlay, 0);
        OddWindows.Look(directory, OddWindows.Cut(directory, converted, 1, PhonyWindows.SizeMebibytes), root =>
        {
            byte[] head = File.ReadAllBytes(root + "/Windows/System32/config/SYSTEM")[..12];
            Assert.Equal(BitConverter.ToUInt32(head, 4), BitConverter.ToUInt32(head, 8));
            Assert.Equal("0", Tool.Run("hivexget", root + "/Windows/System32/config/SYSTEM", found.Windows.ControlSet + @"\Services\viostor", "Start").Trim());
        });
        Assert.Empty(GuestConverter.Convert(OddWindows.Inspect(converted), OddWindows.Options(directory), SilentObserver.Instance).Changes);

        // Without its logs the same hive is half written.
        string torn = PhonyWindows.MakeVolume(directory, "regipy/SYSTEM_B.xz", OddWindows.Software("Windows 10 Pro", "6.3", "16299"), 0x8664, "", "Windows", []);
        string without = TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, torn));
        Assert.Equal("ConversionRegistryDirty", Assert.Throws<V2VException>(() => GuestConverter.Convert(OddWindows.Inspect(without), OddWindows.Options(directory), SilentObserver.Instance)).ErrorId);
    }

    /// <summary>Makes a file one of WOF's, of XPRESS with chunks of 4 KiB, as <c>compact /exe</c> does: a hole, the stream and the reparse point.</summary>
    private static void Compact(TemporaryDirectory directory, string path, byte[] content)
    {
        File.Delete(path);
        using (FileStream file = File.Create(path))
        {
            file.SetLength(content.Length);
        }

        Tool.Run("setfattr", "-n", "user.WofCompressedData", "-v", "0x" + Convert.ToHexString(WimResource.Compress(directory, content, "XPRESS", "4K")), path);
        Tool.Run("setfattr", "-n", "system.ntfs_reparse_data", "-v", "0x170000801000000001000000020000000100000000000000", path);
    }

    private static byte[] Hive(TemporaryDirectory directory, string name)
    {
        string file = directory.File(name);
        PhonyWindows.Unpack(Corpus.Require("registry/regipy/" + name + ".xz"), file);
        return File.ReadAllBytes(file);
    }

    private static long Blocks(string path) => long.Parse(Tool.Run("stat", "-c", "%b", path).Trim(), System.Globalization.CultureInfo.InvariantCulture);

    private static byte[] Digest(string path)
    {
        using FileStream file = File.OpenRead(path);
        return SHA256.HashData(file);
    }
}

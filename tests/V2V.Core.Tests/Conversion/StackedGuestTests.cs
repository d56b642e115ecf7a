using System.Security;
using V2V.Core.Conversion;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Storage;
using V2V.Storage.Partitions;
using V2V.Storage.Qcow2;
using V2V.Storage.Volumes;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>The phony Debian with its root on LVM, in LUKS, and on LVM in LUKS; the volumes are made by lvm2 and cryptsetup.</summary>
public sealed class StackedGuestTests
{
    private const string Secret = "never-to-be-seen";
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData("lvm", "vg-x/root")]
    [InlineData("luks1", "mapper/luks-")]
    [InlineData("luks2", "mapper/luks-")]
    [InlineData("lvm-in-luks", "vg-x/root")]
    public void GuestsOnVolumesAreConverted(string kind, string root)
    {
        Tool.Require("losetup", "lvm", "cryptsetup", "sfdisk", "e2fsck", "qemu-img");
        Tool.RequireRoot();
        using var directory = new TemporaryDirectory();
        string disk = MakeDisk(directory, kind);
        V2VSource source = SourceImporter.ImportDisks([disk], new SourceOptions { Name = "stacked", DiskFormat = "raw" });
        bool isEncrypted = kind.Contains("luks", StringComparison.Ordinal);
        if (isEncrypted)
        {
            V2VInspection locked = GuestInspector.Inspect(source, new InspectionOptions(), SilentObserver.Instance);
            Assert.Equal("LuksKeyMissing", Assert.Single(locked.Blockers).ErrorId);
            V2VInspection wrong = GuestInspector.Inspect(source.WithKeys(Keys("wrong")), new InspectionOptions(), SilentObserver.Instance);
            Assert.Equal("LuksKeyWrong", Assert.Single(wrong.Blockers).ErrorId);
            source = source.WithKeys(Keys(Secret));
        }

        V2VInspection inspection = GuestInspector.Inspect(source, new InspectionOptions(), SilentObserver.Instance);
        Assert.Empty(inspection.Blockers);
        Assert.StartsWith(root, inspection.RootDevice, StringComparison.Ordinal);
        Assert.Equal(0, inspection.BootDiskIndex);
        string work = Directory.CreateDirectory(directory.File("work")).FullName;
        V2VOverlay overlay = GuestConverter.Convert(inspection, new ConversionOptions { WorkingDirectory = work }, SilentObserver.Instance);
        NicReport nic = Assert.Single(overlay.Nics);
        Assert.Equal(("ens192", "link-file"), (nic.InterfaceName, nic.Binding));
        Assert.Equal(Assert.Single(inspection.Nics).MacAddress, nic.MacAddress);
        Tool.Run("qemu-img", "check", overlay.Disks[0].Path);
        using (Qcow2Image image = Qcow2Image.Open(overlay.Disks[0].Path))
        using (GuestDisks disks = GuestDisks.Open([image], keys: source.Keys))
        {
            GuestTree tree = GuestTree.Mount(disks, inspection.Mounts, writable: false);
            GuestChange edit = overlay.Changes.Last(c => c.Kind == GuestChangeKind.Create && c.After is not null);
            Assert.Equal(edit.After, tree.ReadAllText(edit.Path));
            Dump(disks.FindVolume(inspection.RootDevice!)!.Device, directory.File("root.img"));
        }

        Tool.Run("e2fsck", "-fn", directory.File("root.img"));
        Assert.DoesNotContain(Secret, string.Join('\n', overlay.Changes.Select(c => c.ToString())), StringComparison.Ordinal);
        Assert.Equal(1, Tool.TryRun("grep", "-q", Secret, overlay.Disks[0].Path).ExitCode);
        if (!isEncrypted)
        {
            Assert.True(overlay.TrimmedBytes > MiB, "Garbage in free extents was not trimmed.");
        }

        V2V.Core.Working.WorkArea.Delete(overlay.WorkingDirectory);
    }

    private static VolumeKeys Keys(string passphrase)
    {
        var secret = new SecureString();
        foreach (char c in passphrase)
        {
            secret.AppendChar(c);
        }

        return new VolumeKeys([VolumeKey.FromPassphrase("all", secret)]);
    }

    /// <summary>A disk with one partition that holds the phony guest's root in the wanted way.</summary>
    private static string MakeDisk(TemporaryDirectory directory, string kind)
    {
        string ova = Path.Combine(Fixtures(), "guests", "phony-debian.ova");
        using GuestDisks phony = GuestDisks.Open(SourceImporter.ImportOva(ova, new SourceOptions())[0]);
        GuestVolume root = phony.Volumes.Where(v => v.Info.FileSystem == "ext4").MaxBy(v => v.Info.Length)!;
        int size = (int)(root.Device.Length / MiB) + 1;
        string volume = directory.File("volume");
        if (kind.StartsWith("lvm", StringComparison.Ordinal))
        {
            MakeGroup(volume, size);
            using var file = FileDevice.Open(volume, writable: true);
            using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("x", file)]);
            Copy(root.Device, volumes.Volumes.Single(v => v.Name == "vg-x/root").Device);
            FreeRange free = volumes.FreeRanges.MaxBy(f => f.Length)!;
            file.Write(free.Offset + MiB, Enumerable.Repeat((byte)7, 2 * MiB).ToArray());
        }

        if (kind.Contains("luks", StringComparison.Ordinal))
        {
            string plain = kind == "lvm-in-luks" ? directory.File("plain") : "";
            if (plain.Length > 0)
            {
                File.Move(volume, plain);
            }

            MakeEncrypted(directory, volume, size + 80, kind == "luks1" ? "luks1" : "luks2");
            using var file = FileDevice.Open(volume, writable: true);
            using AssembledVolumes volumes = VolumeAssembler.Assemble([new VolumeSource("x", file)], Keys(Secret));
            using BlockDevice? source = plain.Length > 0 ? FileDevice.Open(plain) : null;
            Copy(source ?? root.Device, volumes.Volumes.Single().Device);
        }

        long length = new FileInfo(volume).Length;
        string disk = directory.File("disk.raw");
        Tool.Run("truncate", "-s", FormattableString.Invariant($"{length + (3 * MiB)}"), disk);
        Tool.Run("sh", "-c", $"echo 'start=2048, size={length / 512}, type=8e' | sfdisk -q --label dos '{disk}'");
        using var target = FileDevice.Open(disk, writable: true);
        using var made = FileDevice.Open(volume);
        Copy(made, PartitionTable.Read(target).Partitions.Single().Open(target));
        return disk;
    }

    private static void MakeGroup(string file, int size)
    {
        Tool.Run("truncate", "-s", FormattableString.Invariant($"{size + 40}M"), file);
        string loop = Tool.Run("losetup", "-f", "--show", file).Trim();
        try
        {
            string settings = $"devices {{ filter=[\"a|{loop}$|\",\"r|.*|\"] obtain_device_list_from_udev=0 use_devicesfile=0 external_device_info_source=\"none\" }} activation {{ udev_sync=0 udev_rules=0 }} backup {{ backup=0 archive=0 }}";
            Tool.Run("lvm", "pvcreate", "-y", "--driverloaded", "n", "--config", settings, loop);
            Tool.Run("lvm", "vgcreate", "-s", "1m", "--driverloaded", "n", "--config", settings, "vg-x", loop);
            Tool.Run("lvm", "lvcreate", "-y", "-an", "-Zn", "--driverloaded", "n", "--config", settings, "-l", "4", "-n", "first", "vg-x");
            Tool.Run("lvm", "lvcreate", "-y", "-an", "-Zn", "--driverloaded", "n", "--config", settings, "-l", FormattableString.Invariant($"{size}"), "-n", "root", "vg-x");
        }
        finally
        {
            Tool.Run("losetup", "-d", loop);
        }
    }

    private static void MakeEncrypted(TemporaryDirectory directory, string file, int size, string type)
    {
        Tool.Run("truncate", "-s", FormattableString.Invariant($"{size}M"), file);
        File.WriteAllText(directory.File("key"), Secret);
        Tool.Run(
            "cryptsetup", "luksFormat", "-q", "--type", type, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", directory.File("key"), file);
    }

    private static void Copy(BlockDevice from, BlockDevice to)
    {
        var buffer = new byte[MiB];
        for (long at = 0; at < from.Length; at += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, from.Length - at));
            from.Read(at, part);
            to.Write(at, part);
        }

        to.Flush();
    }

    private static void Dump(BlockDevice from, string path)
    {
        using var file = FileDevice.Create(path, from.Length);
        Copy(from, file);
    }

    private static string Fixtures()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string fixtures = Path.Combine(directory.FullName, "tests", "fixtures");
            if (Directory.Exists(fixtures))
            {
                return fixtures;
            }
        }

        throw new DirectoryNotFoundException("tests/fixtures");
    }
}

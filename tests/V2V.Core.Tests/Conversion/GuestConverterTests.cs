using System.Security.Cryptography;
using V2V.Core.Conversion;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Storage;
using V2V.Storage.Qcow2;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>Whole conversions of the phony Debian of tests/fixtures/guests.</summary>
public sealed class GuestConverterTests
{
    [Fact]
    public void TheOverlayHoldsEveryEditAndTheSourceNone()
    {
        using var directory = new TemporaryDirectory();
        string before = Digest(Ova());
        V2VOverlay overlay = Convert(Ova(), new ConversionOptions { WorkingDirectory = directory.Path });
        Assert.Equal(before, Digest(Ova()));
        OverlayDisk disk = Assert.Single(overlay.Disks);
        Assert.StartsWith(directory.Path, disk.Path, StringComparison.Ordinal);
        using (Qcow2Image image = Qcow2Image.Open(disk.Path))
        using (GuestDisks disks = GuestDisks.Open([image]))
        {
            GuestTree tree = GuestTree.Mount(disks, overlay.Inspection.Mounts, writable: false);
            Assert.DoesNotContain("/dev/sda", tree.ReadAllText("/etc/fstab"), StringComparison.Ordinal);
            Assert.All(
                overlay.Changes.Where(c => c.After is not null && c.Kind is GuestChangeKind.Create or GuestChangeKind.Edit).GroupBy(c => c.Path).Select(g => g.Last()),
                c => Assert.Equal(c.After, tree.ReadAllText(c.Path)));
            Assert.All(overlay.Changes.Where(c => c.Kind == GuestChangeKind.Delete), c => Assert.False(tree.Exists(c.Path)));
        }

        Assert.Contains(overlay.Changes, c => c.Kind == GuestChangeKind.Append);
        Assert.Equal(BlockBus.VirtioBlk, overlay.Capabilities.BlockBus);
        V2V.Core.Working.WorkArea.Delete(overlay.WorkingDirectory);
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Path));
    }

    [Fact]
    public void OthersFindTheOverlayClean()
    {
        Tool.Require("qemu-img", "e2fsck");
        using var directory = new TemporaryDirectory();
        V2VOverlay overlay = Convert(Ova(), new ConversionOptions { WorkingDirectory = directory.Path });
        Tool.Run("qemu-img", "check", overlay.Disks[0].Path);
        Tool.Run("qemu-img", "convert", "-O", "raw", overlay.Disks[0].Path, directory.File("raw"));
        foreach (VolumeInfo volume in overlay.Inspection.Volumes.Where(v => v.FileSystem == "ext4"))
        {
            Tool.Run("e2fsck", "-fn", FormattableString.Invariant($"{directory.File("raw")}?offset={volume.Offset}"));
        }

        V2V.Core.Working.WorkArea.Delete(overlay.WorkingDirectory);
    }

    [Fact]
    public void WhatIfGivesTheSameListAndLeavesNothing()
    {
        using var directory = new TemporaryDirectory();
        V2VOverlay tried = Convert(Ova(), new ConversionOptions { WorkingDirectory = directory.Path, WhatIf = true });
        Assert.Empty(tried.Disks);
        Assert.Equal("", tried.WorkingDirectory);
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Path));
        V2VOverlay real = Convert(Ova(), new ConversionOptions { WorkingDirectory = directory.Path });
        Assert.Equal(real.Changes, tried.Changes);
        Assert.Equal(real.TrimmedBytes, tried.TrimmedBytes);
        Assert.Equal(real.Warnings, tried.Warnings);
        Assert.Equal(real.Capabilities, tried.Capabilities);
        V2V.Core.Working.WorkArea.Delete(real.WorkingDirectory);
    }

    [Theory]
    [InlineData("DeviceNames")]
    [InlineData("Initramfs")]
    [InlineData("FirstBoot")]
    public void AFailedConversionLeavesNothing(string step)
    {
        using var directory = new TemporaryDirectory();
        V2VInspection inspection = GuestInspector.Inspect(SourceImporter.ImportOva(Ova())[0], new InspectionOptions(), SilentObserver.Instance);
        using var cancellation = new CancellationTokenSource();
        var observer = new CancellingObserver(step, cancellation);
        Assert.ThrowsAny<OperationCanceledException>(() => GuestConverter.Convert(inspection, new ConversionOptions { WorkingDirectory = directory.Path }, observer));
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Path));
    }

    [Fact]
    public void GarbageInFreeBlocksAndSwapIsTrimmed()
    {
        using var directory = new TemporaryDirectory();
        string raw = directory.File("guest.raw");
        CopyWithGarbage(raw, out List<(long Offset, long Length)> free);
        Assert.NotEmpty(free);
        V2VOverlay tried = ConvertDisk(raw, new ConversionOptions { WorkingDirectory = directory.Path, WhatIf = true });
        V2VOverlay overlay = ConvertDisk(raw, new ConversionOptions { WorkingDirectory = directory.Path });
        Assert.InRange(overlay.TrimmedBytes, free.Sum(f => f.Length) * 3 / 4, long.MaxValue);
        Assert.InRange(tried.TrimmedBytes, overlay.TrimmedBytes - (4 << 20), overlay.TrimmedBytes + (4 << 20));
        using (Qcow2Image image = Qcow2Image.Open(overlay.Disks[0].Path))
        using (GuestDisks disks = GuestDisks.Open([image]))
        {
            var block = new byte[65536];
            foreach (GuestVolume volume in disks.Volumes.Where(v => v.Info.FileSystem == "ext4"))
            {
                foreach ((long offset, long length) in disks.OpenFileSystem(volume.Info.Device, writable: false).GetFreeExtents())
                {
                    long start = (volume.Info.Offset + offset + 65535) / 65536 * 65536;
                    for (long at = start; at + 65536 <= volume.Info.Offset + offset + length; at += 65536)
                    {
                        image.Read(at, block);
                        Assert.Equal(-1, block.AsSpan().IndexOfAnyExcept((byte)0));
                    }
                }
            }
        }

        V2V.Core.Working.WorkArea.Delete(overlay.WorkingDirectory);
    }

    [Fact]
    public void UntrimmedGarbageStays()
    {
        using var directory = new TemporaryDirectory();
        string raw = directory.File("guest.raw");
        CopyWithGarbage(raw, out _);
        V2VOverlay overlay = ConvertDisk(raw, new ConversionOptions { WorkingDirectory = directory.Path, Trim = false });
        Assert.Equal(0, overlay.TrimmedBytes);
        V2V.Core.Working.WorkArea.Delete(overlay.WorkingDirectory);
    }

    [Fact]
    public void WhatCannotBeConvertedIsRefusedByName()
    {
        var guest = new PhonyGuest { Distro = "slackware", PackageFormat = "" };
        Assert.Equal("ConversionDistroUnsupported", Error(guest));
        guest = new PhonyGuest { Distro = "archlinux", PackageFormat = "pacman" };
        Assert.Equal("ConversionInitramfsToolUnsupported", Error(guest));
        guest = new PhonyGuest { Distro = "sles", PackageFormat = "rpm", InitramfsTools = ["dracut"], BootLoader = new BootLoaderInfo("zipl", "/etc/zipl.conf", null) };
        Assert.Equal("ConversionLoaderZipl", Error(guest));
        guest = new PhonyGuest { Distro = "gentoo", PackageFormat = "ebuild", InitramfsTools = ["dracut"], Options = new ConversionOptions { GuestAgentPackage = "/nowhere/agent.deb" } };
        Assert.Equal("GuestAgentPackageUnsupported", Error(guest));
        guest = new PhonyGuest { Distro = "rocky", PackageFormat = "rpm", InitramfsTools = ["dracut"], Options = new ConversionOptions { GuestAgentPackage = Path.Combine(PhonyGuest.Fixtures(), "README.md") } };
        Assert.Equal("GuestAgentPackageInvalid", Error(guest));
        guest = new PhonyGuest();
        guest.Packages.Clear();
        Assert.Equal("ConversionPackagesMissing", Error(guest));
        guest = new PhonyGuest();
        guest.Kernels.Clear();
        Assert.Equal("ConversionKernelMissing", Error(guest));
        guest = new PhonyGuest { Options = new ConversionOptions { GuestAgentPackage = "/nowhere/agent.deb" } };
        Assert.Equal("GuestAgentPackageInvalid", Error(guest));
        guest = new PhonyGuest { BootLoader = new BootLoaderInfo("lilo", "/etc/lilo.conf", null) };
        Assert.Equal("ConversionLoaderUnsupported", Error(guest));
        guest = new PhonyGuest { Distro = "debian-based" };
        Assert.Equal("ConversionInitramfsToolUnsupported", Error(guest));
        guest = new PhonyGuest { Options = new ConversionOptions { PreferredBus = BlockBus.Ide } };
        Assert.Equal("ConversionBusInvalid", Error(guest));

        static string Error(PhonyGuest guest) =>
            Assert.Throws<V2VException>(() => GuestConverter.Convert(guest.Inspect(), guest.Options, SilentObserver.Instance)).ErrorId;
    }

    [Theory]
    [InlineData("ID=pop\nID_LIKE=\"ubuntu debian\"\nPRETTY_NAME=\"Pop!_OS 22.04 LTS\"\nVERSION_ID=22.04\n", "Pop!_OS 22.04 LTS")]
    [InlineData("ID=deepin\nPRETTY_NAME=\"Deepin 20\"\nVERSION_ID=20\n", "Deepin 20")]
    [InlineData("ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME=\"Ubuntu 24.04 LTS\"\nVERSION_ID=24.04\n", null)]
    [InlineData("ID=kali\nID_LIKE=debian\nPRETTY_NAME=\"Kali GNU/Linux Rolling\"\nVERSION_ID=2024.1\n", null)]
    public void ADerivativeIsConvertedByWhatItHas(string osRelease, string? warned)
    {
        using var directory = new TemporaryDirectory();
        string raw = directory.File("guest.raw");
        CopyWithGarbage(raw, out _);
        using (FileDevice device = FileDevice.Open(raw, writable: true))
        using (GuestDisks disks = GuestDisks.Open([device]))
        {
            GuestTree tree = GuestTree.Mount(disks, [new MountInfo("/", "sda1", "ext4", "", "")], writable: true);
            Write(tree, "/etc/os-release", osRelease);
            Write(tree, "/etc/debian_version", "bookworm/sid\n");
            Write(tree, "/usr/sbin/mkinitramfs", "#!/bin/sh\n");
            tree.Flush();
        }

        V2VOverlay overlay = ConvertDisk(raw, new ConversionOptions { WorkingDirectory = directory.Path, WhatIf = true });
        Assert.Contains(overlay.Changes, c => c.Kind == GuestChangeKind.Append);
        Assert.Equal(warned is null ? [] : [$"{warned} is not known by name; it was converted by what it has: deb, initramfs-tools, grub2."],
            overlay.Warnings.Where(w => w.Contains("known by name", StringComparison.Ordinal)));

        static void Write(GuestTree tree, string path, string text)
        {
            var editor = new GuestEditor(tree) { Step = "test" };
            editor.WriteText(path, text, "test");
        }
    }

    private static V2VOverlay Convert(string ova, ConversionOptions options) =>
        GuestConverter.Convert(SourceImporter.ImportOva(ova)[0], options, SilentObserver.Instance);

    private static V2VOverlay ConvertDisk(string path, ConversionOptions options) =>
        GuestConverter.Convert(SourceImporter.ImportDisks([path]), options, SilentObserver.Instance);

    private static string Ova() => Path.Combine(PhonyGuest.Fixtures(), "guests", "phony-debian.ova");

    private static string Digest(string path) => System.Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    /// <summary>The phony guest as a raw disk whose free blocks hold garbage.</summary>
    private static void CopyWithGarbage(string path, out List<(long Offset, long Length)> free)
    {
        using BlockDevice source = SourceImporter.ImportOva(Ova())[0].Disks[0].Open();
        using FileDevice target = FileDevice.Create(path, source.Length);
        var buffer = new byte[1 << 20];
        for (long at = 0; at < source.Length; at += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, source.Length - at));
            source.Read(at, part);
            target.Write(at, part);
        }

        free = [];
        var random = new Random(1);
        using GuestDisks disks = GuestDisks.Open([target]);
        foreach (GuestVolume volume in disks.Volumes.Where(v => v.Info.FileSystem == "ext4"))
        {
            foreach ((long offset, long length) in disks.OpenFileSystem(volume.Info.Device, writable: false).GetFreeExtents())
            {
                free.Add((offset, length));
                var garbage = new byte[length];
                random.NextBytes(garbage);
                target.Write(volume.Info.Offset + offset, garbage);
            }
        }
    }

    /// <summary>Cancels when a step begins.</summary>
    private sealed class CancellingObserver(string step, CancellationTokenSource cancellation) : IOperationObserver
    {
        public CancellationToken CancellationToken => cancellation.Token;

        public void Progress(OperationProgress progress)
        {
        }

        public void Warning(string message)
        {
        }

        public void Verbose(string message)
        {
            if (message.EndsWith(": " + step, StringComparison.Ordinal))
            {
                cancellation.Cancel();
            }
        }
    }
}

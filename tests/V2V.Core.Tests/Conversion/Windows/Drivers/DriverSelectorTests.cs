using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Conversion.Windows.Drivers.Library;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.Drivers;

public class DriverSelectorTests(VirtioWinTrees trees) : IClassFixture<VirtioWinTrees>
{
    /// <summary>Every Windows that the lists are tried with, by the folder that virt-v2v's table gives it.</summary>
    private static readonly Dictionary<string, TargetSystem> s_guests = new()
    {
        ["xp/x86"] = new(new Version(5, 1, 2600), TargetArchitecture.X86, TargetSystem.Workstation),
        ["2k3/amd64"] = new(new Version(5, 2, 3790), TargetArchitecture.Amd64, TargetSystem.Server),
        ["2k8/amd64"] = new(new Version(6, 0, 6002), TargetArchitecture.Amd64, TargetSystem.Server),
        ["w7/x86"] = new(new Version(6, 1, 7601), TargetArchitecture.X86, TargetSystem.Workstation),
        ["w7/amd64"] = new(new Version(6, 1, 7601), TargetArchitecture.Amd64, TargetSystem.Workstation),
        ["2k8R2/amd64"] = new(new Version(6, 1, 7601), TargetArchitecture.Amd64, TargetSystem.DomainController),
        ["w8/x86"] = new(new Version(6, 2, 9200), TargetArchitecture.X86, TargetSystem.Workstation),
        ["w8/amd64"] = new(new Version(6, 2, 9200), TargetArchitecture.Amd64, TargetSystem.Workstation),
        ["2k12/amd64"] = new(new Version(6, 2, 9200), TargetArchitecture.Amd64, TargetSystem.Server),
        ["w8.1/x86"] = new(new Version(6, 3, 9600), TargetArchitecture.X86, TargetSystem.Workstation),
        ["w8.1/amd64"] = new(new Version(6, 3, 9600), TargetArchitecture.Amd64, TargetSystem.Workstation),
        ["2k12R2/amd64"] = new(new Version(6, 3, 9600), TargetArchitecture.Amd64, TargetSystem.Server),
        ["w10/x86"] = new(new Version(10, 0, 10240), TargetArchitecture.X86, TargetSystem.Workstation),
        ["w10/amd64"] = new(new Version(10, 0, 19045), TargetArchitecture.Amd64, TargetSystem.Workstation),
        ["2k16/amd64"] = new(new Version(10, 0, 14393), TargetArchitecture.Amd64, TargetSystem.Server),
        ["2k19/amd64"] = new(new Version(10, 0, 17763), TargetArchitecture.Amd64, TargetSystem.Server),
        ["2k22/amd64"] = new(new Version(10, 0, 20348), TargetArchitecture.Amd64, TargetSystem.Server),
        ["w11/amd64"] = new(new Version(10, 0, 22631), TargetArchitecture.Amd64, TargetSystem.Workstation),
        ["2k25/amd64"] = new(new Version(10, 0, 26100), TargetArchitecture.Amd64, TargetSystem.Server),
    };

    /// <param name="fallback">Drivers that there are for an older Windows only.</param>
    public static TheoryData<string, string> Fallbacks => new()
    {
        { "xp/x86", "" },
        { "2k3/amd64", "" },
        { "2k8/amd64", "" },
        { "w7/x86", "" },
        { "w7/amd64", "" },
        { "2k8R2/amd64", "" },
        { "w8/x86", "" },
        { "w8/amd64", "2k12:fwcfg 2k12:viogpudo" },
        { "2k12/amd64", "" },
        { "w8.1/x86", "" },
        { "w8.1/amd64", "2k12R2:fwcfg 2k12R2:viogpudo" },
        { "2k12R2/amd64", "" },
        { "w10/x86", "" },
        { "w10/amd64", "" },
        { "2k16/amd64", "" },
        { "2k19/amd64", "" },
        { "2k22/amd64", "2k19:qxldod" },
        { "w11/amd64", "w10:qxldod" },
        { "2k25/amd64", "2k19:qxldod" },
    };

    [Theory]
    [MemberData(nameof(Fallbacks))]
    public void EveryWindowsGetsItsOwnDriversOfTheIso(string guest, string fallback) => Check(PhonyVirtioWin.IsoList, guest, fallback);

    [Theory]
    [MemberData(nameof(Fallbacks))]
    public void EveryWindowsGetsItsOwnDriversOfTheDriversTree(string guest, string fallback) => Check(PhonyVirtioWin.DriversList, guest, fallback);

    [Fact]
    public void DevicesAreToldByTheirIds()
    {
        using DriverLibrary library = DriverLibrary.Open(trees.Folder(PhonyVirtioWin.IsoList));
        DriverSelection selection = Select(library, s_guests["2k19/amd64"]);
        Assert.Equal(
            [
                (DriverKind.Block, "virtio-blk", "viostor.inf"), (DriverKind.Scsi, "virtio-scsi", "vioscsi.inf"), (DriverKind.Network, "virtio-net", "netkvm.inf"),
                (DriverKind.Balloon, "virtio-balloon", "balloon.inf"), (DriverKind.Random, "virtio-rng", "viorng.inf"), (DriverKind.Serial, "virtio-serial", "vioser.inf"),
                (DriverKind.Panic, "pvpanic", "pvpanic.inf"), (DriverKind.FirmwareConfig, "fw_cfg", "fwcfg.inf"), (DriverKind.Input, "virtio-input", "vioinput.inf"),
                (DriverKind.Display, "qxl", "qxldod.inf"), (DriverKind.Display, "virtio-gpu", "viogpudo.inf"), (DriverKind.FileSystem, "virtio-fs", "viofs.inf"),
                (DriverKind.Memory, "virtio-mem", "viomem.inf"), (DriverKind.Other, @"PCI\VEN_1B36&DEV_0003", "qemupciserial.inf"),
            ],
            selection.Drivers.Select(d => (d.Kind, d.Device, d.Package.Name)));
        DriverChoice input = selection.Find(DriverKind.Input)!;
        Assert.Equal(["vioinput.cat", "viohidkmdf.sys", "vioinput.sys"], input.Files.Keys.Order(StringComparer.Ordinal).OrderBy(k => k != "vioinput.cat"));
        Assert.Equal("cd/Balloon/2k19/amd64/blnsvr.exe", selection.BalloonService!.Path);
        Assert.Equal(["qemu-ga-x86_64.msi"], selection.AgentInstallers.Select(a => a.Name));
        using var reader = new StreamReader(input.Files["vioinput.sys"].Open());
        Assert.Equal("cd/vioinput/2k19/amd64/vioinput.sys", reader.ReadToEnd());
    }

    [Fact]
    public void AnOlderFolderIsUsedAndSaidAloud()
    {
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "viostor/w8.1/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(directory.Path, "viostor/w7/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(directory.Path, "viostor/w11/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(directory.Path, "NetKVM/2k3/amd64", "netkvm", "amd64");
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        DriverSelection selection = Select(library, s_guests["w10/amd64"]);
        Assert.Equal("viostor/w8.1/amd64/viostor.inf", Assert.Single(selection.Drivers).Inf.Path);
        Assert.Contains(selection.Warnings, w => w.Contains("viostor.inf", StringComparison.Ordinal) && w.Contains("w8.1", StringComparison.Ordinal));
        Assert.Contains(selection.Warnings, w => w.Contains("network", StringComparison.Ordinal));
    }

    [Fact]
    public void APackageThatLacksAFileIsNotChosen()
    {
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "viostor/w10/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(directory.Path, "viostor/w8/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(directory.Path, "netkvm/w10/amd64", "netkvm", "amd64");
        File.Delete(directory.File("viostor/w10/amd64/viostor.sys"));
        File.Delete(directory.File("netkvm/w10/amd64/netkvm.cat"));
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        DriverSelection selection = Select(library, s_guests["w10/amd64"]);
        Assert.Equal("viostor/w8/amd64/viostor.inf", Assert.Single(selection.Drivers).Inf.Path);
        Assert.Contains(selection.Warnings, w => w.Contains("netkvm/w10/amd64/netkvm.cat is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void FoldersWithoutNamesAreJudgedByInfAndProgram()
    {
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "a", "viostor", "amd64", "100.1.0.0");
        PhonyVirtioWin.Package(directory.Path, "b", "viostor", "amd64", "100.2.0.0");
        PhonyVirtioWin.Package(directory.Path, "c", "viostor", "x86", "100.9.0.0");
        using (DriverLibrary library = DriverLibrary.Open(directory.Path))
        {
            Assert.Equal("b/viostor.inf", Assert.Single(Select(library, s_guests["w10/amd64"]).Drivers).Inf.Path);
        }

        File.WriteAllBytes(directory.File("b/viostor.sys"), Program(0x8664, 10, 0));
        File.WriteAllBytes(directory.File("a/viostor.sys"), Program(0x8664, 6, 1));
        using (DriverLibrary library = DriverLibrary.Open(directory.Path))
        {
            Assert.Equal("b/viostor.inf", Assert.Single(Select(library, s_guests["w10/amd64"]).Drivers).Inf.Path);
            Assert.Equal("a/viostor.inf", Assert.Single(Select(library, s_guests["w7/amd64"]).Drivers).Inf.Path);
        }

        File.WriteAllBytes(directory.File("a/viostor.sys"), Program(0x14C, 6, 1));
        using (DriverLibrary library = DriverLibrary.Open(directory.Path))
        {
            Assert.Empty(Select(library, s_guests["w7/amd64"]).Drivers);
        }
    }

    [Fact]
    public void Arm64GuestsGetArm64Drivers()
    {
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "viostor/w11/ARM64", "viostor", "arm64");
        PhonyVirtioWin.Package(directory.Path, "viostor/w11/amd64", "viostor", "amd64");
        PhonyVirtioWin.Write(directory.Path, "guest-agent/qemu-ga-arm64.msi", "agent");
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        DriverSelection selection = Select(library, s_guests["w11/amd64"] with { Architecture = TargetArchitecture.Arm64 });
        Assert.Equal("viostor/w11/ARM64/viostor.inf", Assert.Single(selection.Drivers).Inf.Path);
        Assert.Equal(["qemu-ga-arm64.msi"], selection.AgentInstallers.Select(a => a.Name));
    }

    [Fact]
    public void AnInfThatCannotBeReadIsLeftOutAndSaid()
    {
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "a", "viostor", "amd64");
        PhonyVirtioWin.Write(directory.Path, "b/bad.inf", "no INF file");
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        DriverSelection selection = Select(library, s_guests["w10/amd64"]);
        Assert.Single(selection.Drivers);
        Assert.Contains(selection.Warnings, w => w.Contains("b/bad.inf", StringComparison.Ordinal));
    }

    [Fact]
    public void LinksAreFollowedButNotInCircles()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege on Windows.");
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "by-driver/viostor/w10/amd64", "viostor", "amd64");
        Directory.CreateSymbolicLink(directory.File("by-driver/back"), directory.Path);
        Directory.CreateSymbolicLink(directory.File("by-driver/up"), "..");
        Directory.CreateSymbolicLink(directory.File("w10"), "by-driver/viostor/w10");
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        Assert.Equal(6, library.Files.Count);
        Assert.Equal("w10/amd64/viostor.inf", Assert.Single(Select(library, s_guests["w10/amd64"]).Drivers).Inf.Path);
    }

    [Fact]
    public void WhatIsNoLibraryIsRefused()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File("zeroes.iso"), new byte[1 << 20]);
        Assert.Equal("DriverLibraryMissing", Assert.Throws<V2VException>(() => DriverLibrary.Open(directory.File("none"))).ErrorId);
        Assert.Equal("DriverLibraryUnknown", Assert.Throws<V2VException>(() => DriverLibrary.Open(directory.File("zeroes.iso"))).ErrorId);
    }

    [Theory]
    [InlineData("genisoimage", "-R", "-J", "-joliet-long")]
    [InlineData("xorriso", "-as", "mkisofs", "--norock", "-J", "-joliet-long")]
    [InlineData("genisoimage", "-udf")]
    public void AnIsoGivesTheSameAsItsFolder(string program, params string[] options)
    {
        Tool.Require(program);
        using var directory = new TemporaryDirectory();
        string folder = trees.Folder(PhonyVirtioWin.IsoList), image = directory.File("virtio-win.iso");
        Tool.Run(program, [.. options, "-quiet", "-o", image, folder]);
        using DriverLibrary iso = DriverLibrary.Open(image), plain = DriverLibrary.Open(folder);
        Assert.Equal(plain.Files.Order(StringComparer.OrdinalIgnoreCase), iso.Files.Order(StringComparer.OrdinalIgnoreCase));
        foreach (TargetSystem target in s_guests.Values)
        {
            DriverSelection expected = Select(plain, target), actual = Select(iso, target);
            Assert.Equal(expected.Drivers.Select(d => d.Inf.Path), actual.Drivers.Select(d => d.Inf.Path));
            Assert.Equal(expected.Drivers.SelectMany(d => d.Files.Values).Select(Read), actual.Drivers.SelectMany(d => d.Files.Values).Select(Read));
        }
    }

    [Fact]
    public void DriversThatTheGuestCanVerifyComeFirst()
    {
        Tool.Require("openssl");
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "viostor/w7/amd64", "viostor", "amd64", "100.9.0.0");
        PhonyVirtioWin.Package(directory.Path, "viostor/2k8R2/amd64", "viostor", "amd64", "61.1.0.0");
        PhonyVirtioWin.Package(directory.Path, "netkvm/w7/amd64", "netkvm", "amd64");
        Sign(directory, "viostor/w7/amd64/viostor.cat", "sha256");
        Sign(directory, "viostor/2k8R2/amd64/viostor.cat", "sha1");
        Sign(directory, "netkvm/w7/amd64/netkvm.cat", "sha256");
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        Assert.Equal("viostor/w7/amd64/viostor.inf", Select(library, s_guests["w7/amd64"]).Find(DriverKind.Block)!.Inf.Path);
        Assert.DoesNotContain(Select(library, s_guests["w7/amd64"]).Warnings, w => w.Contains("SHA", StringComparison.Ordinal));

        DriverSelection old = DriverSelector.Select(library, s_guests["w7/amd64"], [], hasSha2: false);
        Assert.Equal("viostor/2k8R2/amd64/viostor.inf", old.Find(DriverKind.Block)!.Inf.Path);
        Assert.Contains(old.Warnings, w => w.Contains("SHA-2", StringComparison.Ordinal) && w.Contains("netkvm.inf", StringComparison.Ordinal) && !w.Contains("viostor", StringComparison.Ordinal) && w.Contains("KB4474419", StringComparison.Ordinal));
    }

    [Fact]
    public void SignaturesAreToldApart()
    {
        Tool.Require("openssl");
        using var directory = new TemporaryDirectory();
        foreach ((string digest, bool expected) in ((string, bool)[])[("sha1", true), ("sha256", false), ("sha512", false)])
        {
            File.WriteAllText(directory.File("cat"), "content");
            Sign(directory, "cat", digest);
            byte[] signed = File.ReadAllBytes(directory.File("cat"));
            Assert.Equal(new CatalogSignature(expected, "Test"), CatalogSignature.Read(signed));
            var random = new Random(1);
            for (int i = 0; i < 500; i++)
            {
                byte[] damaged = [.. signed];
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                CatalogSignature.Read(damaged.AsMemory(0, random.Next(damaged.Length + 1)));
            }
        }

        Assert.Null(CatalogSignature.Read("no catalog"u8.ToArray()));
    }

    [Theory]
    [InlineData("Red Hat, Inc.", true)]
    [InlineData("Microsoft Windows Hardware Compatibility Publisher", false)]
    public void DriversThatSecureBootRefusesAreSaid(string signer, bool isSaid)
    {
        Tool.Require("openssl");
        using var directory = new TemporaryDirectory();
        PhonyVirtioWin.Package(directory.Path, "viostor/w7/amd64", "viostor", "amd64");
        PhonyVirtioWin.Package(directory.Path, "viostor/w10/amd64", "viostor", "amd64");
        Sign(directory, "viostor/w10/amd64/viostor.cat", "sha256", signer);
        Sign(directory, "viostor/w7/amd64/viostor.cat", "sha256", signer);
        using DriverLibrary library = DriverLibrary.Open(directory.Path);
        Assert.Equal(isSaid, Select(library, s_guests["w10/amd64"]).Warnings.Any(w => w.Contains("Secure Boot", StringComparison.Ordinal)));
        Assert.DoesNotContain(Select(library, s_guests["w7/amd64"]).Warnings, w => w.Contains("Secure Boot", StringComparison.Ordinal));
    }

    private static void Sign(TemporaryDirectory directory, string path, string digest, string signer = "Test")
    {
        string key = directory.File("key.pem"), certificate = directory.File("certificate.pem"), signed = directory.File("signed");
        if (!File.Exists(key))
        {
            Tool.Run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + signer, "-keyout", key, "-out", certificate);
        }

        Tool.Run("openssl", "smime", "-sign", "-binary", "-nodetach", "-md", digest, "-signer", certificate, "-inkey", key, "-outform", "DER", "-in", directory.File(path), "-out", signed);
        File.Move(signed, directory.File(path), overwrite: true);
    }

    private static string Read(LibraryFile file)
    {
        using var reader = new StreamReader(file.Open());
        return file.Path + ":" + reader.ReadToEnd();
    }

    private static DriverSelection Select(DriverLibrary library, TargetSystem target) => DriverSelector.Select(library, target, [], hasSha2: true);

    /// <summary>The folder's own drivers, all of them, and nothing for a later Windows.</summary>
    private void Check(string list, string guest, string fallback)
    {
        using DriverLibrary library = DriverLibrary.Open(trees.Folder(list));
        DriverSelection selection = Select(library, s_guests[guest]);
        (string folder, string architecture) = (guest.Split('/')[0], guest.Split('/')[1]);
        string[] folders = [$"/{guest}/", $"/{(architecture == "x86" ? "i386" : architecture)}/{folder}/"];
        string[] own =
        [
            .. File.ReadAllLines(Corpus.Require(list))
                .Where(p => p.EndsWith(".inf", StringComparison.Ordinal) && folders.Any(f => p.Contains(f, StringComparison.Ordinal)))
                .Select(p => Path.GetFileNameWithoutExtension(p))
                .Where(n => n != "vioprot")
                .Distinct(),
        ];
        string[] expected = own.Contains("fwcfg") ? [.. own.Where(n => n != "qemufwcfg")] : own;
        string[] older = fallback.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        IEnumerable<string> named = selection.Drivers
            .Select(d => (Folder: d.Folder?.Name ?? "", Name: Path.GetFileNameWithoutExtension(d.Package.Name)))
            .Select(d => d.Folder == folder ? d.Name : $"{d.Folder}:{d.Name}");
        Assert.Equal(expected.Concat(older).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
        Assert.All(selection.Drivers, d => Assert.Matches(architecture == "x86" ? "/(x86|i386)/" : $"/{architecture}/", d.Inf.Path));
        Assert.Equal(older.Length > 0, selection.Warnings.Any(w => w.Contains("nearest older", StringComparison.Ordinal)));
        Assert.Equal(own.Contains("balloon"), selection.BalloonService is not null);
        if (list == PhonyVirtioWin.IsoList)
        {
            Assert.Equal(architecture == "x86" ? "qemu-ga-i386.msi" : "qemu-ga-x86_64.msi", Assert.Single(selection.AgentInstallers).Name);
        }
    }

    private static byte[] Program(ushort machine, ushort major, ushort minor)
    {
        byte[] head = new byte[512];
        "MZ"u8.CopyTo(head);
        head[60] = 0x80;
        "PE\0\0"u8.CopyTo(head.AsSpan(0x80));
        BitConverter.TryWriteBytes(head.AsSpan(0x84), machine);
        BitConverter.TryWriteBytes(head.AsSpan(0x80 + 72), major);
        BitConverter.TryWriteBytes(head.AsSpan(0x80 + 74), minor);
        return head;
    }
}

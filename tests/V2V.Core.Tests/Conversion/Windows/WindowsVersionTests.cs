using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>
/// Every Windows that the corpus describes goes through the whole conversion. hivex and ntfs-3g compare what was there before with what is there after:
/// exactly what the conversion says it changed.
/// </summary>
public sealed class WindowsVersionTests(VirtioWinTrees trees) : IClassFixture<VirtioWinTrees>
{
    private const string Software = "windows-inspection/virt-v2v/";

    /// <summary>Version; SYSTEM hive; machine type of the kernel; whether the drivers' list has drivers for it.</summary>
    public static TheoryData<string, string, ushort, bool> Versions => new()
    {
        { "winxp-32", "hivex/minimal", 0x14C, false },
        { "win7-32", "regipy/SYSTEM.xz", 0x14C, true },
        { "win10", "regipy/SYSTEM_WIN_10_1709.xz", 0x8664, true },
        { "win11", "regipy/SYSTEM_B.xz", 0x8664, true },
        { "win2k22", "regipy/SYSTEM_WIN_10_1709.xz", 0x8664, true },
    };

    [Theory]
    [MemberData(nameof(Versions))]
    public void What_changes_is_what_the_conversion_says(string version, string system, ushort machine, bool hasDrivers)
    {
        Tool.RequireRoot();
        Tool.Require("ntfsfix", "dd", "qemu-img", "genisoimage", "hivexregedit");
        using var directory = new TemporaryDirectory();
        string systemText = system == "hivex/minimal" ? WithoutPrefix("windows-system.reg") + "\n[\\ControlSet001\\Control]\n\n[\\ControlSet001\\Enum]\n" : "[\\Setup]\n";
        string disk = PhonyWindows.Make(directory, system, WithoutPrefix($"{version}-software.reg") + "\n" + WithoutPrefix("windows-software-all.reg"), machine, systemText, ("Windows/System32/drivers/disk.sys", []));
        byte[] digest = Digest(disk);
        string folder = trees.Folder(PhonyVirtioWin.IsoList);
        string iso = directory.File("virtio-win.iso");
        Tool.Run("genisoimage", "-quiet", "-R", "-J", "-joliet-long", "-o", iso, folder);

        string tools = Directory.CreateDirectory(directory.File("tools")).FullName;
        foreach (string program in (string[])["rhsrvany.exe", "pnp_wait.exe", "vmdp.exe", "rhev-apt.exe"])
        {
            File.WriteAllText(Path.Combine(tools, program), program);
        }

        var options = new ConversionOptions { VirtioWin = folder, ToolsPath = tools, WorkingDirectory = Directory.CreateDirectory(directory.File("work")).FullName };
        V2VOverlay overlay = GuestConverter.Convert(Inspect(disk), options, SilentObserver.Instance);
        Assert.Equal(hasDrivers ? BlockBus.VirtioBlk : BlockBus.Ide, overlay.Capabilities.BlockBus);
        V2VOverlay plan = GuestConverter.Convert(Inspect(disk), options with { VirtioWin = iso, WhatIf = true }, SilentObserver.Instance);
        Assert.Equal(overlay.Changes.Where(IsTimeless), plan.Changes.Where(IsTimeless));
        Assert.Equal(digest, Digest(disk));

        string converted = directory.File("converted.raw");
        Tool.Run("qemu-img", "convert", "-O", "raw", overlay.Disks[0].Path, converted);
        var before = Contents.Of(directory, disk, "before");
        var after = Contents.Of(directory, converted, "after");
        foreach (string hive in (string[])["SYSTEM", "SOFTWARE"])
        {
            string[] said = [.. overlay.Changes.Select(c => c.Path).Where(p => p.StartsWith($@"HKLM\{hive}\", StringComparison.Ordinal)).Select(p => p[$@"HKLM\{hive}".Length..])];
            string[] deleted = [.. overlay.Changes.Where(c => c.Kind == GuestChangeKind.Delete && c.Path.StartsWith($@"HKLM\{hive}\", StringComparison.Ordinal)).Select(c => c.Path[$@"HKLM\{hive}".Length..])];
            string[] changed = [.. before.Registry[hive].Except(after.Registry[hive]).Concat(after.Registry[hive].Except(before.Registry[hive])).Select(PathOf).Distinct(StringComparer.OrdinalIgnoreCase)];

            // A key that was made for a value is not said, nor what lay in a deleted key.
            Assert.DoesNotContain(changed, c => !said.Any(s => IsAtOrBelow(s, c)) && !deleted.Any(d => IsAtOrBelow(c, d)));
            Assert.Empty(said.Except(changed, StringComparer.OrdinalIgnoreCase));
        }

        IEnumerable<string> files = before.Files.Except(after.Files).Concat(after.Files.Except(before.Files)).Select(f => "/" + f.Split('|')[0]).Where(f => !f.Contains("/config/", StringComparison.Ordinal));
        Assert.Equal(
            overlay.Changes.Select(c => c.Path).Where(p => p.StartsWith('/') && !p.Contains("/config/", StringComparison.OrdinalIgnoreCase)).Distinct().Order(StringComparer.OrdinalIgnoreCase),
            files.Distinct().Order(StringComparer.OrdinalIgnoreCase),
            StringComparer.OrdinalIgnoreCase);
        Assert.Superset(
            new HashSet<string>(["0500-pnp-wait.cmd", "1500-vmdp.cmd", "5200-rhev-apt.cmd"]),
            overlay.Changes.Where(c => c.Path.StartsWith("/Windows/V2V/scripts/", StringComparison.Ordinal)).Select(c => Path.GetFileName(c.Path)).ToHashSet());
        Assert.Equal(version == "winxp-32", after.Registry["SYSTEM"].Contains(@"\ControlSet001\Services\PlugPlay\Parameters|SuppressUI|4|01000000"));
        if (hasDrivers)
        {
            Assert.All((string[])["viostor", "vioscsi"], d => Assert.Contains($@"\ControlSet001\Services\{d}|Start|4|00000000", after.Registry["SYSTEM"], StringComparer.OrdinalIgnoreCase));
        }

        Assert.Empty(GuestConverter.Convert(Inspect(converted), options, SilentObserver.Instance).Changes);
    }

    /// <summary>Times of import, and texts that name the folder of the drivers, differ from run to run.</summary>
    private static bool IsTimeless(GuestChange change) => !change.Path.EndsWith("ImportDate", StringComparison.Ordinal);

    private static bool IsAtOrBelow(string path, string above) =>
        path.StartsWith(above, StringComparison.OrdinalIgnoreCase) && (path.Length == above.Length || path[above.Length] == '\\');

    /// <summary>The path in a line of <see cref="Hivex.List"/>, as a change has it.</summary>
    private static string PathOf(string line)
    {
        string[] parts = line.Split('|');
        return parts.Length < 4 ? line : string.Join('|', parts[..^3]) + "\\" + (parts[^3].Length == 0 ? "(default)" : parts[^3]);
    }

    private static byte[] Digest(string path)
    {
        using FileStream file = File.OpenRead(path);
        return System.Security.Cryptography.SHA256.HashData(file);
    }

    private static string WithoutPrefix(string name) =>
        File.ReadAllText(Corpus.Require(Software + name)).Replace(@"[HKEY_LOCAL_MACHINE\SOFTWARE", "[", StringComparison.Ordinal).Replace(@"[HKEY_LOCAL_MACHINE\SYSTEM", "[", StringComparison.Ordinal);

    private static V2VInspection Inspect(string disk) =>
        GuestInspector.Inspect(SourceImporter.ImportDisks([disk], new SourceOptions { Name = "windows", DiskFormat = "raw" }), new InspectionOptions(), SilentObserver.Instance);

    /// <summary>The two hives of a disk, and its files and folders, a file as "path|length|time of its last change".</summary>
    private sealed record Contents(Dictionary<string, HashSet<string>> Registry, string[] Files)
    {
        internal static Contents Of(TemporaryDirectory directory, string disk, string name)
        {
            string volume = directory.File("volume." + name), mount = directory.File("mnt." + name);
            Tool.Run("dd", "if=" + disk, "of=" + volume, "bs=1M", "skip=1", FormattableString.Invariant($"count={PhonyWindows.SizeMebibytes}"), "status=none");
            Tool.Run("ntfsfix", "-n", volume);
            using (new LoopMount(volume, mount, "loop,ro", "ntfs-3g"))
            {
                string[] files = [.. Directory.GetFileSystemEntries(mount, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(mount, f) + (Directory.Exists(f) ? "" : $"|{new FileInfo(f).Length}|{File.GetLastWriteTimeUtc(f):o}"))];
                var registry = new Dictionary<string, HashSet<string>>();
                foreach (string hive in (string[])["SYSTEM", "SOFTWARE"])
                {
                    string copy = directory.File($"{hive}.{name}");
                    File.Copy($"{mount}/Windows/System32/config/{hive}", copy);
                    registry[hive] = [.. Hivex.List(copy)];
                }

                return new Contents(registry, files);
            }
        }
    }
}

using System.Globalization;
using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.GuestConversion.Windows.Drivers;
using V2V.Core.Tests.Inspection;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Testing;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>Parts of Windows guests that are laid out in other ways than an installer lays them out by itself.</summary>
internal static class OddWindows
{
    public const string Windows10 = "regipy/SYSTEM_WIN_10_1709.xz";
    public const string Windows7 = "regipy/SYSTEM.xz";

    private const int MiB = 1 << 20;

    public static string Software(string product, string version, string build, string root = @"C:\\Windows") => $$"""
        [\Microsoft\Windows NT\CurrentVersion]
        "ProductName"="{{product}}"
        "CurrentVersion"="{{version}}"
        "CurrentBuildNumber"="{{build}}"{{(version == "6.3" ? "\n\"CurrentMajorVersionNumber\"=dword:0000000a\n\"CurrentMinorVersionNumber\"=dword:00000000" : "")}}
        "SystemRoot"="{{root}}"

        """;

    /// <summary>A volume with a Windows 10 of 64 bits.</summary>
    public static string Volume10(TemporaryDirectory directory, string changes = "[\\Setup]\n", string folder = "Windows", Action<string>? change = null) =>
        PhonyWindows.MakeVolume(directory, Windows10, Software("Windows 10 Pro", "6.3", "16299"), 0x8664, changes, folder, [], change);

    /// <summary>A volume with a Windows 7 of 32 bits.</summary>
    public static string Volume7(TemporaryDirectory directory, string changes = "[\\Setup]\n", Action<string>? change = null) =>
        PhonyWindows.MakeVolume(directory, Windows7, Software("Windows 7 Ultimate", "6.1", "7601"), 0x14C, changes, "Windows", [], change);

    /// <summary>An EFI system partition with files.</summary>
    public static string Esp(TemporaryDirectory directory, params (string Path, string Text)[] files)
    {
        string esp = TestDisk.Format(directory, PhonyWindows.EspMebibytes, "mkfs.fat", "-F", "32");
        foreach ((string path, string text) in files)
        {
            string file = directory.File(Guid.NewGuid().ToString("N"));
            File.WriteAllText(file, text);
            string[] names = path.Split('/');
            for (int i = 1; i < names.Length; i++)
            {
                Tool.TryRun("mmd", "-D", "s", "-i", esp, "::" + string.Join('/', names[..i]));
            }

            Tool.Run("mcopy", "-i", esp, file, "::" + path);
        }

        return esp;
    }

    /// <summary>An NTFS volume with files.</summary>
    public static string Ntfs(TemporaryDirectory directory, int mebibytes, params (string Path, string Text)[] files)
    {
        string volume = TestDisk.Format(directory, mebibytes, "mkntfs", "-q", "-F");
        string mount = directory.File(Guid.NewGuid().ToString("N"));
        using (new LoopMount(volume, mount, "loop", "ntfs-3g"))
        {
            foreach ((string path, string text) in files)
            {
                string target = Path.Combine(mount, path);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.WriteAllText(target, text);
            }
        }

        return volume;
    }

    /// <summary>A disk with an MBR of a signature and NTFS partitions, the first of them active.</summary>
    public static string MbrDisk(TemporaryDirectory directory, uint signature, params (int Mebibytes, string Image)[] volumes)
    {
        string disk = directory.File(Guid.NewGuid().ToString("N"));
        using (FileStream stream = File.Create(disk))
        {
            stream.SetLength((2 + volumes.Sum(v => (long)v.Mebibytes)) * MiB);
        }

        List<string> table = ["label: dos", string.Create(CultureInfo.InvariantCulture, $"label-id: 0x{signature:x8}")];
        int at = 1;
        foreach ((int size, string _) in volumes)
        {
            table.Add(string.Create(CultureInfo.InvariantCulture, $"start={at}MiB, size={size}MiB, type=7{(at == 1 ? ", bootable" : "")}"));
            at += size;
        }

        File.WriteAllLines(disk + ".table", table);
        Tool.Run("sh", "-c", $"sfdisk -q '{disk}' < '{disk}.table'");
        at = 1;
        foreach ((int size, string image) in volumes)
        {
            Tool.Run("dd", "if=" + image, "of=" + disk, "bs=1M", string.Create(CultureInfo.InvariantCulture, $"seek={at}"), "conv=notrunc,sparse", "status=none");
            at += size;
        }

        return disk;
    }

    /// <summary>A letter in MountedDevices for a partition of an MBR disk.</summary>
    public static string MbrLetter(char letter, uint signature, long offset) =>
        $"[\\MountedDevices]\n\"\\\\DosDevices\\\\{letter}:\"=hex:{Hex([.. BitConverter.GetBytes(signature), .. BitConverter.GetBytes(offset)])}\n";

    public static V2VSource Import(params string[] disks) => SourceImporter.ImportDisks(disks, new SourceOptions { Name = "windows", DiskFormat = "raw" });

    public static V2VInspection Inspect(params string[] disks) => GuestInspector.Inspect(Import(disks), new InspectionOptions(), SilentObserver.Instance);

    /// <summary>A library with viostor and vioscsi for a folder of virtio-win's and an architecture.</summary>
    public static ConversionOptions Options(TemporaryDirectory directory, string folder = "w10", string architecture = "amd64")
    {
        string drivers = directory.File("virtio-win-" + architecture);
        foreach (string name in (string[])["viostor", "vioscsi", "netkvm"])
        {
            PhonyVirtioWin.Package(drivers, $"{name}/{folder}/{architecture}", name, architecture);
        }

        return new ConversionOptions { VirtioWin = drivers, WorkingDirectory = Directory.CreateDirectory(directory.File("work")).FullName };
    }

    /// <summary>A disk of a converted guest, as a raw file.</summary>
    public static string Raw(TemporaryDirectory directory, V2VOverlay overlay, int disk)
    {
        string raw = directory.File(string.Create(CultureInfo.InvariantCulture, $"converted{disk}.raw"));
        Tool.Run("qemu-img", "convert", "-O", "raw", overlay.Disks[disk].Path, raw);
        return raw;
    }

    /// <summary>A part of a disk as a file.</summary>
    public static string Cut(TemporaryDirectory directory, string disk, int first, int count)
    {
        string part = directory.File(Guid.NewGuid().ToString("N"));
        Tool.Run("dd", "if=" + disk, "of=" + part, "bs=1M", FormattableString.Invariant($"skip={first}"), FormattableString.Invariant($"count={count}"), "status=none");
        return part;
    }

    /// <summary>Looks at a volume that a conversion wrote, after ntfsfix found nothing.</summary>
    public static void Look(TemporaryDirectory directory, string volume, Action<string> look)
    {
        Tool.Run("ntfsfix", "-n", volume);
        string mount = directory.File(Guid.NewGuid().ToString("N"));
        using (new LoopMount(volume, mount, "loop,ro", "ntfs-3g"))
        {
            look(mount);
        }
    }

    private static string Hex(byte[] bytes) => string.Join(',', bytes.Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
}

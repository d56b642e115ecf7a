using SharpCompress.Compressors.Xz;
using V2V.Testing;

namespace V2V.Core.Tests.Inspection.Windows;

/// <summary>A disk with an NTFS volume that holds hives of the corpus where a Windows has them; filled through ntfs-3g.</summary>
internal static class PhonyWindows
{
    /// <summary>Size of the volume, which begins at the disk's first mebibyte.</summary>
    public const int SizeMebibytes = 192;

    /// <summary>Size of an EFI system partition behind it.</summary>
    public const int EspMebibytes = 64;

    /// <summary>Type of a partition of Windows' on a GPT disk.</summary>
    public const string BasicData = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";

    /// <summary>Makes the disk.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="system">The SYSTEM hive: a file of the corpus' registry folder.</param>
    /// <param name="software">Texts in regedit's form, merged into an empty SOFTWARE hive.</param>
    /// <param name="machine">Machine type in the kernel's head.</param>
    /// <param name="systemChanges">Texts in regedit's form, merged into the SYSTEM hive.</param>
    /// <param name="files">Further files: paths below the volume's root, and what is in them.</param>
    public static string Make(
        TemporaryDirectory directory, string system, string software, ushort machine, string systemChanges = "", params IEnumerable<(string Path, byte[] Content)> files) =>
        Make(directory, system, software, machine, systemChanges, null, files);

    /// <summary>Makes the disk of a UEFI guest.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="system">The SYSTEM hive.</param>
    /// <param name="software">Texts for the SOFTWARE hive.</param>
    /// <param name="machine">Machine type in the kernel's head.</param>
    /// <param name="systemChanges">Texts for the SYSTEM hive.</param>
    /// <param name="esp">Image of the EFI system partition, of <see cref="EspMebibytes"/>; null for a BIOS guest.</param>
    /// <param name="files">Further files.</param>
    public static string Make(
        TemporaryDirectory directory, string system, string software, ushort machine, string systemChanges, string? esp, IEnumerable<(string Path, byte[] Content)> files)
    {
        string volume = MakeVolume(directory, system, software, machine, systemChanges, "Windows", files);
        return esp is null
            ? TestDisk.Make(directory, (BasicData, SizeMebibytes, volume))
            : TestDisk.Make(directory, (BasicData, SizeMebibytes, volume), ("U", EspMebibytes, esp));
    }

    /// <summary>Makes the system volume alone.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="system">The SYSTEM hive.</param>
    /// <param name="software">Texts for the SOFTWARE hive.</param>
    /// <param name="machine">Machine type in the kernel's head.</param>
    /// <param name="systemChanges">Texts for the SYSTEM hive.</param>
    /// <param name="folder">The folder of Windows.</param>
    /// <param name="files">Further files.</param>
    /// <param name="change">Runs while ntfs-3g has the volume mounted, with the folder that it is mounted on.</param>
    public static string MakeVolume(
        TemporaryDirectory directory, string system, string software, ushort machine, string systemChanges, string folder, IEnumerable<(string Path, byte[] Content)> files, Action<string>? change = null)
    {
        Tool.RequireRoot();
        Tool.Require("mkntfs", "ntfs-3g", "hivexregedit", "sfdisk");
        string at = Directory.CreateDirectory(directory.File(Guid.NewGuid().ToString("N"))).FullName;
        string systemHive = Path.Combine(at, "system"), softwareHive = Path.Combine(at, "software"), changes = Path.Combine(at, "reg"), mount = Path.Combine(at, "mnt");
        Unpack(Corpus.Require("registry/" + system), systemHive);
        File.Copy(Corpus.Require("registry/hivex/minimal"), softwareHive);
        foreach ((string hive, string text) in ((string, string)[])[(softwareHive, software), (systemHive, systemChanges)])
        {
            if (text.Length > 0)
            {
                File.WriteAllText(changes, "Windows Registry Editor Version 5.00\n\n" + WithParents(text));
                Tool.Run("hivexregedit", "--merge", hive, changes);
            }
        }

        string volume = Path.Combine(at, "volume");
        using (FileStream file = File.Create(volume))
        {
            file.SetLength(SizeMebibytes << 20);
        }

        Tool.Run("mkntfs", "-q", "-F", "-L", "Windows", volume);
        using (new LoopMount(volume, mount, "loop,compression", "ntfs-3g"))
        {
            string config = Path.Combine(mount, folder, "System32", "config");
            Directory.CreateDirectory(config);
            File.Copy(systemHive, Path.Combine(config, "SYSTEM"));
            File.Copy(softwareHive, Path.Combine(config, "SOFTWARE"));
            File.WriteAllBytes(Path.Combine(mount, folder, "System32", "ntoskrnl.exe"), Kernel(machine));
            File.WriteAllBytes(Path.Combine(mount, folder, "System32", "cmd.exe"), Kernel(machine));
            Directory.CreateDirectory(Path.Combine(mount, "Program Files"));
            foreach ((string path, byte[] content) in files)
            {
                string target = Path.Combine(mount, path);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.WriteAllBytes(target, content);
            }

            change?.Invoke(mount);
        }

        return volume;
    }

    /// <summary>hivexregedit makes no key whose parent is missing.</summary>
    private static string WithParents(string text)
    {
        HashSet<string> known = new(StringComparer.OrdinalIgnoreCase);
        return string.Join('\n', text.Split('\n').SelectMany(line =>
        {
            if (!line.StartsWith('['))
            {
                return [line];
            }

            string[] names = line.Trim()[2..^1].Split('\\');
            return Enumerable.Range(1, names.Length - 1).Select(n => string.Join('\\', names[..n])).Where(known.Add).SelectMany(k => (string[])[$"[\\{k}]", ""]).Append(line);
        }));
    }

    private static byte[] Kernel(ushort machine)
    {
        byte[] head = new byte[4096];
        "MZ"u8.CopyTo(head);
        head[60] = 0x80;
        "PE\0\0"u8.CopyTo(head.AsSpan(0x80));
        BitConverter.TryWriteBytes(head.AsSpan(0x84), machine);
        return head;
    }

    public static void Unpack(string path, string target)
    {
        using FileStream file = File.OpenRead(path), output = File.Create(target);
        using Stream content = path.EndsWith(".xz", StringComparison.Ordinal) ? new XZStream(file) : file;
        content.CopyTo(output);
    }
}

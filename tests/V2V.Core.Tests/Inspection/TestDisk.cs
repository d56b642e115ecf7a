using System.Globalization;
using System.IO.Compression;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Storage;
using V2V.Testing;

namespace V2V.Core.Tests.Inspection;

/// <summary>Disks for tests of whole inspections, made by sfdisk and the mkfs programs, or taken from the committed fixture.</summary>
internal static class TestDisk
{
    private const int MiB = 1 << 20;

    /// <summary>The committed disk: a phony Debian with a /boot of its own and swap (see tests/fixtures/inspection/make.sh).</summary>
    internal static byte[] Fixture()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string file = Path.Combine(directory.FullName, "tests", "fixtures", "inspection", "guest.raw.gz");
            if (File.Exists(file))
            {
                using var gzip = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
                var content = new MemoryStream();
                gzip.CopyTo(content);
                return content.ToArray();
            }
        }

        throw new FileNotFoundException("tests/fixtures/inspection/guest.raw.gz");
    }

    /// <summary>A disk with a GPT and the given volumes, each of a size in MiB with a GPT type (<c>L</c>, <c>U</c> for the ESP, <c>S</c>).</summary>
    internal static string Make(TemporaryDirectory directory, params (string Type, int Size, string? Image)[] volumes)
    {
        Tool.Require("sfdisk", "sh", "dd");
        string disk = directory.File(Guid.NewGuid().ToString("N"));
        using (FileStream stream = File.Create(disk))
        {
            stream.SetLength((2 + volumes.Sum(v => (long)v.Size)) * MiB);
        }

        int at = 1;
        var table = new List<string> { "label: gpt" };
        foreach ((string type, int size, string? _) in volumes)
        {
            table.Add(string.Create(CultureInfo.InvariantCulture, $"start={at}MiB, size={size}MiB, type={type}"));
            at += size;
        }

        File.WriteAllLines(disk + ".table", table);
        Tool.Run("sh", "-c", $"sfdisk -q '{disk}' < '{disk}.table'");
        at = 1;
        foreach ((string _, int size, string? image) in volumes)
        {
            if (image is not null)
            {
                Tool.Run("dd", $"if={image}", $"of={disk}", "bs=1M", string.Create(CultureInfo.InvariantCulture, $"seek={at}"), "conv=notrunc,sparse", "status=none");
            }

            at += size;
        }

        return disk;
    }

    /// <summary>A file of some MiB that a program formats (its last argument is the file).</summary>
    internal static string Format(TemporaryDirectory directory, int size, string program, params string[] arguments)
    {
        Tool.Require(program);
        string image = directory.File(Guid.NewGuid().ToString("N"));
        using (FileStream stream = File.Create(image))
        {
            stream.SetLength((long)size * MiB);
        }

        Tool.Run(program, [.. arguments, image]);
        return image;
    }

    /// <summary>An ext4 file system that holds files.</summary>
    internal static string Ext4(TemporaryDirectory directory, int size, string? options, params (string Path, string Text)[] files)
    {
        string folder = directory.File(Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        foreach ((string path, string text) in files)
        {
            string target = folder + path;
            Directory.CreateDirectory(path.EndsWith('/') ? target : Path.GetDirectoryName(target)!);
            if (!path.EndsWith('/'))
            {
                File.WriteAllText(target, text);
            }
        }

        return Format(directory, size, "mke2fs", ["-q", "-F", "-t", "ext4", .. options?.Split(' ') ?? [], "-d", folder]);
    }

    /// <summary>Inspects disks as they lie in files.</summary>
    internal static V2VInspection Inspect(IEnumerable<string> disks, InspectionOptions? options = null) =>
        Inspect([.. disks.Select(d => FileDevice.Open(d))], options);

    /// <summary>Inspects open disks, and closes them.</summary>
    internal static V2VInspection Inspect(IReadOnlyList<BlockDevice> devices, InspectionOptions? options = null, FirmwareType firmware = FirmwareType.Unknown)
    {
        using GuestDisks disks = GuestDisks.Open(devices, ownsDevices: true);
        var source = new V2VSource
        {
            Name = "guest",
            Path = "/guest.ova",
            Hypervisor = "vmware",
            Firmware = firmware,
            Nics = [new SourceNic("00:50:56:00:00:01", "vmxnet3", "net", NetworkType.Network)],
            Disks = [.. devices.Select((d, i) => new SourceDisk { Index = i, Format = "raw", Controller = DiskController.Scsi, Unit = i, ControllerNumber = 0, VirtualSize = d.Length })],
        };
        return GuestInspector.Inspect(source, disks, options ?? new InspectionOptions(), SilentObserver.Instance);
    }
}

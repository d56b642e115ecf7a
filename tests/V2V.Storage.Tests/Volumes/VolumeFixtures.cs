using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using V2V.Storage.Partitions;
using V2V.Storage.Volumes;
using V2V.Testing;

namespace V2V.Storage.Tests.Volumes;

/// <summary>
/// Two disks full of volumes that Linux itself made: tests/fixtures/volumes/vm.sh boots a guest for it once and keeps the result, named by the digest of
/// the scripts. Each volume holds known numbers; the guest's log says which.
/// </summary>
internal static class VolumeFixtures
{
    private static readonly Lazy<string> s_folder = new(Make);

    /// <summary>Folder with md.raw, dm.raw, pattern.raw and make.log; skips the test where it cannot be made.</summary>
    internal static string Folder
    {
        get
        {
            Tool.Require("qemu-system-x86_64", "mdadm", "lvm", "cryptsetup", "sfdisk", "busybox", "cpio", "perl", "apt-get", "mke2fs", "dmsetup");
            return s_folder.Value;
        }
    }

    internal static string Script { get; } = Path.Combine(Scripts(), "vm.sh");

    /// <summary>The lines of the log of one kind, as words: <c>V2V-VOLUME name skip bytes</c>.</summary>
    internal static IEnumerable<string[]> Log(string kind, string? log = null) =>
        File.ReadLines(log ?? Path.Combine(Folder, "make.log")).Select(l => l.Trim('\r').Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w.Length > 1 && w[0] == "V2V-" + kind).Select(w => w[1..]);

    internal static Dictionary<string, long> Skips(string kind = "VOLUME")
    {
        var skips = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (string[] words in Log(kind))
        {
            skips[words[0]] = long.Parse(words[1], CultureInfo.InvariantCulture);
        }

        return skips;
    }

    /// <summary>The partitions of a disk, and its uneven members of one array as devices of their own lengths.</summary>
    internal static List<VolumeSource> Partitions(BlockDevice disk, string name)
    {
        Dictionary<string, long> uneven = Skips("UNEVEN");
        return [.. PartitionTable.Read(disk).Partitions.Select(p => new VolumeSource(
            FormattableString.Invariant($"{name}{p.Number}"),
            name == "vdb" && uneven.TryGetValue(p.Number.ToString(CultureInfo.InvariantCulture), out long length) ? new SubDevice(disk, p.Offset, length) : p.Open(disk)))];
    }

    internal static VolumeKeys Keys(string selector, string passphrase)
    {
        var secret = new System.Security.SecureString();
        foreach (char c in passphrase)
        {
            secret.AppendChar(c);
        }

        return new VolumeKeys([VolumeKey.FromPassphrase(selector, secret)]);
    }

    /// <summary>Fills a buffer with the numbers that a volume of a skip holds at an offset (a multiple of 8).</summary>
    internal static void Expected(long skip, long offset, Span<byte> buffer)
    {
        for (int i = 0; i + 8 <= buffer.Length; i += 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(buffer[i..], (skip * 131072) + ((offset + i) / 8));
        }
    }

    internal static string Digest(BlockDevice device)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        var buffer = new byte[1 << 20];
        for (long at = 0; at < device.Length; at += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, device.Length - at));
            device.Read(at, part);
            hash.AppendData(part);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string Make()
    {
        string digest = Convert.ToHexStringLower(SHA256.HashData(
            Directory.GetFiles(Scripts(), "*.sh").Where(f => !f.EndsWith("guest-check.sh", StringComparison.Ordinal)).Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes).ToArray()))[..12];
        string folder = Path.Combine("/var/tmp/v2v-guests", "volumes-" + digest);
        string done = Path.Combine(folder, "done");
        if (!File.Exists(done))
        {
            Directory.CreateDirectory(folder);
            Tool.Run("bash", Script, "make", folder);
            File.WriteAllText(done, "");
        }

        // What earlier scripts made and nobody used for a day takes a gigabyte each.
        File.SetLastWriteTimeUtc(done, DateTime.UtcNow);
        foreach (string old in Directory.GetDirectories(Path.GetDirectoryName(folder)!, "volumes-*").Where(f => f != folder && File.Exists(Path.Combine(f, "done")) && File.GetLastWriteTimeUtc(Path.Combine(f, "done")) < DateTime.UtcNow.AddDays(-1)))
        {
            Directory.Delete(old, recursive: true);
        }

        return folder;
    }

    private static string Scripts([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "fixtures", "volumes"));
}

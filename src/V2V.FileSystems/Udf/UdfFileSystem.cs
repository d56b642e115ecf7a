using System.Text;
using V2V.FileSystems.Signatures;
using V2V.Storage;

namespace V2V.FileSystems.Udf;

/// <summary>
/// UDF 1.02 to 2.60 (ECMA-167), for reading. Start here. Discs and hard disks, with plain, sparable, virtual and metadata partitions; names keep
/// their case. Named streams are not shown.
/// </summary>
public sealed class UdfFileSystem : ReadOnlyFileSystem
{
    private const int MaxCachedNames = 1 << 18;
    private const int MaxLinkLength = 1 << 16;

    private readonly UdfVolume _volume;
    private readonly Dictionary<UdfAddress, UdfDirectory> _directories = [];
    private int _cachedNames;

    private UdfFileSystem(UdfVolume volume, VolumeSignature signature)
        : base(signature) => _volume = volume;

    /// <inheritdoc/>
    public override string Type => "udf";

    /// <inheritdoc/>
    public override BlockDevice Device => _volume.Device;

    /// <inheritdoc/>
    public override int BlockSize => _volume.BlockSize;

    /// <inheritdoc/>
    public override long TotalBytes => _volume.TotalBytes;

    /// <summary>Opens the file system in a volume.</summary>
    /// <exception cref="V2VException"><c>UdfVolumeInvalid</c>, <c>UdfDescriptorCorrupt</c>, <c>UdfPartitionUnsupported</c>.</exception>
    public static UdfFileSystem Open(BlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new UdfFileSystem(UdfVolume.Open(device), OpticalSignatures.Udf(new SignatureReader(device)));
    }

    /// <inheritdoc/>
    public override FileEntry? TryGetEntry(string path)
    {
        string[] components = GuestName.SplitPath(path);
        if (FindAddress(components) is not { } address)
        {
            return null;
        }

        UdfFile file = UdfFile.Read(_volume, address);
        return new FileEntry(
            "/" + string.Join('/', components),
            file.Type,
            file.Type == GuestFileType.SymbolicLink ? Encoding.UTF8.GetByteCount(Target(file, path)) : file.Length,
            file.Mode,
            file.Uid,
            file.Gid,
            IdOf(address),
            file.Links,
            file.Modified,
            file.Accessed,
            file.Changed,
            file.DeviceMajor,
            file.DeviceMinor,
            file.AllocatedBytes);
    }

    /// <inheritdoc/>
    public override IEnumerable<DirectoryEntry> EnumerateDirectory(string path)
    {
        UdfAddress address = FindAddress(GuestName.SplitPath(path)) ?? throw NotFound(path);
        UdfDirectory directory = ReadDirectory(address, path) ?? throw GuestPathErrors.NotDirectory(path);
        return directory.Names.Select(n => new DirectoryEntry(n.Text, n.IsDirectory ? GuestFileType.Directory : UdfFile.Read(_volume, n.Address).Type, IdOf(n.Address)));
    }

    /// <inheritdoc/>
    public override Stream OpenRead(string path)
    {
        UdfFile file = FindFile(path);
        return file.Type == GuestFileType.File ? new UdfFileStream(_volume, file, path) : throw GuestPathErrors.NotFile(path);
    }

    /// <inheritdoc/>
    public override string ReadLink(string path)
    {
        UdfFile file = FindFile(path);
        return file.Type == GuestFileType.SymbolicLink ? Target(file, path) : throw GuestPathErrors.NotSymbolicLink(path);
    }

    private static ulong IdOf(UdfAddress address) => ((ulong)(uint)address.Partition << 32) | address.Block;

    /// <summary>The components of a link's target (ECMA-167 4/14.16.1).</summary>
    private string Target(UdfFile file, string path)
    {
        byte[] raw = new byte[Math.Min(file.Length, MaxLinkLength)];
        using (var stream = new UdfFileStream(_volume, file, path))
        {
            stream.ReadExactly(raw);
        }

        var parts = new List<string>();
        string root = "";
        for (int at = 0; at + 4 <= raw.Length && raw[at + 1] <= raw.Length - at - 4; at += 4 + raw[at + 1])
        {
            switch (raw[at])
            {
                case 1 or 2:
                    root = "/";
                    parts.Clear();
                    break;
                case 3:
                    parts.Add("..");
                    break;
                case 4:
                    parts.Add(".");
                    break;
                case 5:
                    parts.Add(OstaText.Decode(raw.AsSpan(at + 4, raw[at + 1])));
                    break;
            }
        }

        return root + string.Join('/', parts);
    }

    private UdfFile FindFile(string path) => UdfFile.Read(_volume, FindAddress(GuestName.SplitPath(path)) ?? throw NotFound(path));

    private UdfAddress? FindAddress(ReadOnlySpan<string> components)
    {
        UdfAddress address = _volume.Root;
        var seen = new HashSet<UdfAddress>();
        foreach (string component in components)
        {
            if (!seen.Add(address))
            {
                throw UdfErrors.Directory(component, "it leads back to a directory above it");
            }

            if (ReadDirectory(address, component)?.Find(component) is not { } name)
            {
                return null;
            }

            address = name.Address;
        }

        return address;
    }

    /// <summary>The directory at an address; null for a file of another type.</summary>
    private UdfDirectory? ReadDirectory(UdfAddress address, string path)
    {
        if (_directories.TryGetValue(address, out UdfDirectory? directory))
        {
            return directory;
        }

        UdfFile file = UdfFile.Read(_volume, address);
        if (file.Type != GuestFileType.Directory)
        {
            return null;
        }

        directory = UdfDirectory.Read(_volume, file, path);
        if (_cachedNames > MaxCachedNames)
        {
            _directories.Clear();
            _cachedNames = 0;
        }

        _cachedNames += directory.Names.Count + 1;
        _directories.Add(address, directory);
        return directory;
    }
}

using V2V.FileSystems.Signatures;
using V2V.Storage;

namespace V2V.FileSystems.Iso;

/// <summary>
/// ISO 9660 (ECMA-119) with Rock Ridge or Joliet, for reading. Start here. Names without Rock Ridge know no case. Interleaved and zisofs files
/// are refused by name.
/// </summary>
public sealed class IsoFileSystem : ReadOnlyFileSystem
{
    private const int MaxCachedNodes = 1 << 17;
    private const int DirectoryMode = 0x16D;
    private const int FileMode = 0x124;

    private readonly IsoVolume _volume;
    private readonly Dictionary<long, IsoDirectory> _directories = [];
    private int _cachedNodes;

    private IsoFileSystem(IsoVolume volume, VolumeSignature signature)
        : base(signature) => _volume = volume;

    /// <inheritdoc/>
    public override string Type => "iso9660";

    /// <inheritdoc/>
    public override BlockDevice Device => _volume.Device;

    /// <inheritdoc/>
    public override int BlockSize => _volume.BlockSize;

    /// <inheritdoc/>
    public override long TotalBytes => _volume.BlockCount * _volume.BlockSize;

    /// <summary>Opens the file system in a volume.</summary>
    /// <exception cref="V2VException"><c>IsoDescriptorInvalid</c>, <c>IsoFileCorrupt</c>.</exception>
    public static IsoFileSystem Open(BlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new IsoFileSystem(IsoVolume.Open(device), OpticalSignatures.Iso9660(new SignatureReader(device)));
    }

    /// <inheritdoc/>
    public override FileEntry? TryGetEntry(string path)
    {
        string[] components = GuestName.SplitPath(path);
        if (components.Length == 0)
        {
            var root = new IsoNode("", [_volume.Root], null);
            return MakeEntry("/", root);
        }

        return FindDirectory(components.AsSpan(0, components.Length - 1))?.Find(components[^1]) is { } node
            ? MakeEntry("/" + string.Join('/', [.. components[..^1], node.Name]), node)
            : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<DirectoryEntry> EnumerateDirectory(string path)
    {
        IsoDirectory directory = FindDirectory(GuestName.SplitPath(path))
            ?? throw (TryGetEntry(path) is null ? NotFound(path) : GuestPathErrors.NotDirectory(path));
        return directory.Nodes.Select(n => new DirectoryEntry(n.Name, n.Type, n.FileId));
    }

    /// <inheritdoc/>
    public override Stream OpenRead(string path)
    {
        IsoNode node = FindNode(path);
        return node.Type == GuestFileType.File ? new IsoFileStream(_volume, node, path) : throw GuestPathErrors.NotFile(path);
    }

    /// <inheritdoc/>
    public override string ReadLink(string path)
    {
        IsoNode node = FindNode(path);
        return node.Type == GuestFileType.SymbolicLink ? node.Rock!.Link! : throw GuestPathErrors.NotSymbolicLink(path);
    }

    private static FileEntry MakeEntry(string path, IsoNode node)
    {
        IsoRecord record = node.Extents[0];
        RockRidge? rock = node.Rock;
        DateTimeOffset time = rock?.Modified ?? record.Time;
        (uint major, uint minor) = node.Type is GuestFileType.BlockDevice or GuestFileType.CharacterDevice ? DeviceNumber(rock!) : (0, 0);
        return new FileEntry(
            path,
            node.Type,
            node.Type == GuestFileType.SymbolicLink ? GuestName.Encode(rock!.Link!).Length : node.Length,
            (int)(rock?.Mode & 0xFFF ?? (uint)(node.Type == GuestFileType.Directory ? DirectoryMode : FileMode)),
            rock?.Uid ?? 0,
            rock?.Gid ?? 0,
            node.FileId,
            (int)Math.Min(rock?.Links ?? 1, int.MaxValue),
            time,
            rock?.Accessed ?? time,
            rock?.Changed ?? time,
            major,
            minor,
            node.Length);
    }

    /// <summary>PN's two halves of 32 bits hold a dev_t; writers with small numbers put all of it into the lower one (RRIP 4.1.2).</summary>
    private static (uint Major, uint Minor) DeviceNumber(RockRidge rock) =>
        rock.DeviceHigh == 0 ? ((rock.DeviceLow >> 8) & 0xFFF, (rock.DeviceLow & 0xFF) | ((rock.DeviceLow >> 12) & 0xFFF00)) : (rock.DeviceHigh, rock.DeviceLow);

    private IsoNode FindNode(string path)
    {
        string[] components = GuestName.SplitPath(path);
        return components.Length == 0
            ? throw GuestPathErrors.NotFile(path)
            : FindDirectory(components.AsSpan(0, components.Length - 1))?.Find(components[^1]) ?? throw NotFound(path);
    }

    /// <summary>The directory at a path; null if there is none.</summary>
    private IsoDirectory? FindDirectory(ReadOnlySpan<string> components)
    {
        IsoDirectory directory = Read(_volume.Root.Block, "/");
        var seen = new HashSet<long> { _volume.Root.Block };
        foreach (string component in components)
        {
            if (directory.Find(component) is not { Type: GuestFileType.Directory } node)
            {
                return null;
            }

            if (!seen.Add(node.Block))
            {
                throw IsoErrors.Directory(component, "it leads back to a directory above it");
            }

            directory = Read(node.Block, component);
        }

        return directory;
    }

    private IsoDirectory Read(long block, string path)
    {
        if (!_directories.TryGetValue(block, out IsoDirectory? directory))
        {
            directory = IsoDirectory.Read(_volume, block, path);
            if (_cachedNodes > MaxCachedNodes)
            {
                _directories.Clear();
                _cachedNodes = 0;
            }

            _cachedNodes += directory.Nodes.Count + 1;
            _directories.Add(block, directory);
        }

        return directory;
    }
}

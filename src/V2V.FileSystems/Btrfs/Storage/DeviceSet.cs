using V2V.Storage;

namespace V2V.FileSystems.Btrfs.Storage;

/// <summary>The devices of a file system, by their number in it; those that are not at hand are missing.</summary>
internal sealed class DeviceSet
{
    private readonly SortedDictionary<ulong, BlockDevice> _devices = [];

    private readonly Dictionary<BlockDevice, ulong> _numbers = [];

    private DeviceSet(BtrfsSuperblock super) => Super = super;

    /// <summary>The newest superblock of all devices.</summary>
    public BtrfsSuperblock Super { get; }

    /// <summary>Every device, by number.</summary>
    public IReadOnlyDictionary<ulong, BlockDevice> All => _devices;

    /// <summary>True if every device is here.</summary>
    public bool IsComplete => (ulong)_devices.Count == Super.DeviceCount;

    /// <summary>Collects the devices that belong to the file system of one of them.</summary>
    /// <param name="device">A device of the file system.</param>
    /// <param name="candidates">Others that may belong to it.</param>
    /// <exception cref="V2VException">The device holds no valid superblock.</exception>
    public static DeviceSet Assemble(BlockDevice device, IEnumerable<BlockDevice> candidates)
    {
        BtrfsSuperblock own = BtrfsSuperblock.Read(device) ?? throw BtrfsErrors.Superblock("there is none");
        var found = new List<(BlockDevice Device, BtrfsSuperblock Super)> { (device, own) };
        foreach (BlockDevice candidate in candidates)
        {
            if (candidate != device && TryRead(candidate) is { } super && super.Fsid.SequenceEqual(own.Fsid) && super.MetadataFsid.SequenceEqual(own.MetadataFsid))
            {
                found.Add((candidate, super));
            }
        }

        ulong newest = found.Max(f => f.Super.Generation);
        var set = new DeviceSet(found.First(f => f.Super.Generation == newest).Super);
        foreach ((BlockDevice member, BtrfsSuperblock super) in found)
        {
            // A device that missed the last transactions holds old blocks: as the kernel does when degraded, do without it.
            if (super.Generation == newest && set._devices.TryAdd(super.DeviceId, member))
            {
                set._numbers.Add(member, super.DeviceId);
            }
        }

        return set;
    }

    /// <summary>The device with a number, or null if it is missing.</summary>
    public BlockDevice? Find(ulong number) => _devices.GetValueOrDefault(number);

    /// <summary>The number of a device that was assembled, or null.</summary>
    public ulong? NumberOf(BlockDevice device) => _numbers.TryGetValue(device, out ulong number) ? number : null;

    /// <summary>The same devices with others in their place; they keep their numbers.</summary>
    public DeviceSet Replace(Func<BlockDevice, BlockDevice> replace)
    {
        var set = new DeviceSet(Super);
        foreach ((ulong number, BlockDevice device) in _devices)
        {
            set._devices.Add(number, replace(device));
        }

        foreach ((BlockDevice device, ulong number) in _numbers)
        {
            set._numbers.Add(device, number);
        }

        return set;
    }

    public void Flush()
    {
        foreach (BlockDevice device in _devices.Values)
        {
            device.Flush();
        }
    }

    private static BtrfsSuperblock? TryRead(BlockDevice device)
    {
        try
        {
            return BtrfsSuperblock.Read(device);
        }
        catch (V2VException)
        {
            return null;
        }
    }
}

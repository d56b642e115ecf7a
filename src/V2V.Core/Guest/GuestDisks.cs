using System.Globalization;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.FileSystems;
using V2V.Storage;
using V2V.Storage.Volumes;

namespace V2V.Core.Guest;

/// <summary>
/// All disks of a guest, opened: their volumes, and the file systems in them, each opened once. Start here to look into a guest.
/// Not thread-safe; disposing it flushes and closes the file systems, and the disks if they are its own.
/// </summary>
public sealed class GuestDisks : IDisposable
{
    private readonly bool _ownsDevices;
    private readonly List<string> _warnings = [];
    private readonly Dictionary<string, GuestFileSystem> _fileSystems = new(StringComparer.Ordinal);

    private GuestDisks(IReadOnlyList<BlockDevice> devices, bool ownsDevices, VolumeKeys keys)
    {
        Devices = devices;
        _ownsDevices = ownsDevices;
        try
        {
            List<GuestVolume> plain = [.. devices.SelectMany((device, index) => VolumeFinder.Find(device, index, _warnings))];
            Assembled = StackedVolumes.Assemble(plain, devices, keys);
            _warnings.AddRange(Assembled.Warnings);
            Volumes = [.. plain, .. Assembled.Volumes.Select(StackedVolumes.Describe)];
        }
        catch
        {
            CloseDevices();
            throw;
        }
    }

    /// <summary>The disks, in the order in which the guest sees them.</summary>
    public IReadOnlyList<BlockDevice> Devices { get; }

    /// <summary>Every volume: those of the disks in order of disk and partition table, then those put together from them.</summary>
    public IReadOnlyList<GuestVolume> Volumes { get; }

    /// <summary>Arrays, volume groups and encrypted volumes, and what of them could not be put together.</summary>
    internal AssembledVolumes Assembled { get; }

    /// <summary>What is odd in the partition tables.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Opens all disks of a source for reading.</summary>
    public static GuestDisks Open(V2VSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var devices = new List<BlockDevice>();
        try
        {
            foreach (SourceDisk disk in source.Disks)
            {
                devices.Add(disk.Open());
            }
        }
        catch
        {
            devices.ForEach(d => d.Dispose());
            throw;
        }

        return new GuestDisks(devices, ownsDevices: true, source.Keys);
    }

    /// <summary>Looks into devices that are open already, for example writable overlays.</summary>
    /// <param name="devices">One device for each disk, in the guest's order.</param>
    /// <param name="ownsDevices">True to dispose them with this object.</param>
    /// <param name="keys">Keys of encrypted volumes; null for none.</param>
    public static GuestDisks Open(IReadOnlyList<BlockDevice> devices, bool ownsDevices = false, VolumeKeys? keys = null)
    {
        ArgumentNullException.ThrowIfNull(devices);
        return new GuestDisks(devices, ownsDevices, keys ?? VolumeKeys.None);
    }

    /// <summary>The name that a Linux with SCSI disks would give a disk: <c>sda</c> for 0, <c>sdaa</c> for 26.</summary>
    public static string DiskName(int index)
    {
        string letters = "";
        for (int i = index; i >= 0; i = (i / 26) - 1)
        {
            letters = (char)('a' + (i % 26)) + letters;
        }

        return "sd" + letters;
    }

    /// <summary>The name of a volume: <c>sda1</c>, or <c>sda</c> for an unpartitioned disk (partition 0).</summary>
    public static string VolumeName(int diskIndex, int partitionNumber) =>
        partitionNumber == 0 ? DiskName(diskIndex) : DiskName(diskIndex) + partitionNumber.ToString(CultureInfo.InvariantCulture);

    /// <summary>The volume with a device name (<c>sda1</c>), or null.</summary>
    public GuestVolume? FindVolume(string device) => Volumes.FirstOrDefault(v => v.Info.Device == device);

    /// <summary>The file system in a volume, opened at the first call and shared by later ones.</summary>
    /// <param name="device">Device name of the volume (<c>sda1</c>).</param>
    /// <param name="writable">True to be able to write; not possible once it was opened for reading only.</param>
    /// <exception cref="V2VException"><c>GuestVolumeMissing</c>, or the file system's own error.</exception>
    public GuestFileSystem OpenFileSystem(string device, bool writable)
    {
        if (_fileSystems.TryGetValue(device, out GuestFileSystem? opened))
        {
            return opened.CanWrite || !writable
                ? opened
                : throw new V2VException("FileSystemReadOnly", V2VErrorKind.InvalidState, $"The file system in {device} is open for reading only.", device);
        }

        GuestVolume volume = FindVolume(device)
            ?? throw new V2VException("GuestVolumeMissing", V2VErrorKind.NotFound, $"The guest has no volume {device}.", device);
        GuestVolume[] members = [.. Volumes.Where(v => v == volume || (v.Info.FileSystem == "btrfs" && volume.Info.FileSystem == "btrfs" && v.Info.Uuid == volume.Info.Uuid))];
        GuestFileSystem fileSystem = FileSystemProbe.Open(volume.Device, writable, members.Select(m => m.Device));
        foreach (GuestVolume member in members)
        {
            // One file system on several devices is one object, whichever of them it is asked for by.
            _fileSystems[member.Info.Device] = fileSystem;
        }

        return fileSystem;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (GuestFileSystem fileSystem in _fileSystems.Values.Distinct())
        {
            fileSystem.Dispose();
        }

        _fileSystems.Clear();
        Assembled.Dispose();
        CloseDevices();
    }

    private void CloseDevices()
    {
        if (_ownsDevices)
        {
            foreach (BlockDevice device in Devices)
            {
                device.Dispose();
            }
        }
    }
}

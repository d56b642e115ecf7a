using System.Globalization;
using V2V.Core.Sources;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Storage.Qcow2;

namespace V2V.Core.Conversion;

/// <summary>
/// One writable device for each disk of a source, over the untouched source: qcow2 overlays in a work area, or changes in memory for a
/// conversion that is only tried. Disposing closes the devices and removes everything, unless <see cref="Keep"/> was called.
/// </summary>
internal sealed class OverlaySet : IDisposable
{
    /// <summary>Most bytes of changes that a tried conversion holds in memory for all disks.</summary>
    private const long MemoryLimit = 384L << 20;

    private readonly List<BlockDevice> _devices = [];
    private readonly List<OverlayDisk> _disks = [];
    private string? _area;
    private bool _isKept;

    private OverlaySet()
    {
    }

    /// <summary>The writable devices, in the order of the source's disks.</summary>
    internal IReadOnlyList<BlockDevice> Devices => _devices;

    /// <summary>The overlays' files; empty for a tried conversion.</summary>
    internal IReadOnlyList<OverlayDisk> Disks => _disks;

    /// <summary>Directory of the overlays; empty for a tried conversion.</summary>
    internal string Directory => _area ?? "";

    /// <summary>Creates the overlays.</summary>
    /// <exception cref="V2VException">A disk cannot be opened, or an overlay cannot be created; nothing is left then.</exception>
    internal static OverlaySet Create(V2VSource source, ConversionOptions options)
    {
        var set = new OverlaySet();
        try
        {
            set._area = options.WhatIf ? null : WorkArea.Create(options.WorkingDirectory);
            foreach (SourceDisk disk in source.Disks)
            {
                set.Add(disk);
            }

            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Makes the overlays outlive this object.</summary>
    internal void Keep() => _isKept = true;

    /// <summary>Closes the devices, in case of failure without hiding it, and removes the overlays unless they are kept.</summary>
    public void Dispose()
    {
        try
        {
            foreach (BlockDevice device in _devices)
            {
                device.Dispose();
            }
        }
        finally
        {
            _devices.Clear();
            if (!_isKept && _area is not null)
            {
                WorkArea.Delete(_area);
            }
        }
    }

    private void Add(SourceDisk disk)
    {
        BlockDevice opened = disk.Open();
        if (_area is null)
        {
            _devices.Add(new CopyOnWriteDevice(opened, MemoryLimit, ownsSource: true));
            return;
        }

        string path = Path.Combine(_area, string.Create(CultureInfo.InvariantCulture, $"disk{disk.Index}.qcow2"));
        long size = opened.Length;
        if (disk.Format == "blank")
        {
            opened.Dispose();
            _devices.Add(Qcow2Image.Create(path, size));
        }
        else
        {
            BackingReference reference = BackingReference.ForImage(disk.Format, Path.GetFullPath(disk.Path), disk.Offset, disk.Member is null ? null : disk.StoredSize);
            _devices.Add(Qcow2Image.CreateOverlay(path, size, reference.ToString(), disk.Format, opened));
        }

        _disks.Add(new OverlayDisk(disk.Index, path, size));
    }
}

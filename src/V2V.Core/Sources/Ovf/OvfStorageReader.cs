using System.Xml.Linq;
using V2V.Storage;

namespace V2V.Core.Sources.Ovf;

/// <summary>Controllers, disks and removable drives of a virtual system.</summary>
internal sealed class OvfStorageReader
{
    private const int Ide = 5;
    private const int Scsi = 6;
    private const int Other = 1;
    private const int Floppy = 14;
    private const int CdDrive = 15;
    private const int DvdDrive = 16;
    private const int DiskDrive = 17;
    private const int StorageExtent = 19;
    private const int OtherStorage = 20;
    private const int LogicalDisk = 31;

    private readonly OvfPackage _package;
    private readonly XElement _system;
    private readonly string? _option;
    private readonly IReadOnlyList<OvfItem> _items;
    private readonly List<string> _warnings;
    private readonly Dictionary<string, Controller> _controllers = new(StringComparer.Ordinal);

    public OvfStorageReader(OvfPackage package, XElement system, string? option, IReadOnlyList<OvfItem> items, List<string> warnings)
    {
        _package = package;
        _system = system;
        _option = option;
        _items = items;
        _warnings = warnings;
        NumberControllers();
    }

    /// <summary>The disks in the order of the document.</summary>
    /// <exception cref="V2VException"><c>OvfDiskUnresolved</c>, <c>OvfValueInvalid</c>.</exception>
    public List<OvfAttachedDisk> ReadDisks()
    {
        var disks = new List<OvfAttachedDisk>();
        foreach (OvfItem item in _items.Where(i => i.Type is DiskDrive or StorageExtent or LogicalDisk))
        {
            (OvfDisk? disk, OvfFile? file, long? capacity) = Resolve(item);
            Controller? controller = FindController(item, "disk");
            disks.Add(new OvfAttachedDisk
            {
                Disk = disk,
                File = file,
                Capacity = capacity,
                Label = item.Label,
                Controller = controller?.Kind ?? DiskController.Unknown,
                ControllerModel = controller?.Model,
                ControllerNumber = controller?.Number,
                Unit = item.Unit,
                Mode = item.Config("backing.diskMode") ?? item.Config("diskMode"),
                Serial = item.Config("backing.serial") ?? item.Config("serialNumber"),
            });
        }

        return disks;
    }

    /// <summary>CD-ROM and floppy drives in the order of the document.</summary>
    public List<SourceRemovable> ReadRemovables()
    {
        var drives = new List<SourceRemovable>();
        foreach (OvfItem item in _items)
        {
            if (item.Type == Floppy)
            {
                drives.Add(new SourceRemovable(RemovableType.Floppy, DiskController.Floppy, item.Unit));
            }
            else if (item.Type is CdDrive or DvdDrive)
            {
                Controller? controller = FindController(item, "CD-ROM drive");
                int? slot = controller?.Kind == DiskController.Ide ? (2 * controller.Number) + item.Unit : item.Unit;
                drives.Add(new SourceRemovable(RemovableType.CdRom, controller?.Kind ?? DiskController.Unknown, slot));
            }
        }

        return drives;
    }

    private (OvfDisk? Disk, OvfFile? File, long? Capacity) Resolve(OvfItem item)
    {
        if (item.HostResource is not { } resource)
        {
            // A disk that exists in the hardware only: blank, sized by the item itself. OVF 2 puts the size into Reservation.
            string? quantity = item.Reservation ?? item.VirtualQuantity;
            long? unit = item.Units is { } units ? AllocationUnits.Parse(units) : 1;
            return quantity is not null && unit is not null && AllocationUnits.ToBytes(quantity, unit.Value) is { } size && size > 0
                ? (null, null, size)
                : throw Unresolved(item, "names no disk and no size");
        }

        string path = resource.StartsWith("ovf:", StringComparison.OrdinalIgnoreCase) ? resource[4..] : resource;
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts is ["file", { } fileId])
        {
            return _package.Files.TryGetValue(fileId, out OvfFile? direct) ? (null, direct, null) : throw Unresolved(item, $"names the file '{fileId}', which the OVF does not list");
        }

        // An ID may hold a slash only by mistake, but it does no harm.
        if (parts.Length < 2 || parts[0] != "disk")
        {
            throw Unresolved(item, $"names '{resource}', which is neither a disk nor a file of the OVF");
        }

        string id = string.Join('/', parts[1..]);
        if (!_package.Disks.TryGetValue(id, out OvfDisk? disk))
        {
            throw Unresolved(item, $"names the disk '{id}', which the OVF does not describe");
        }

        string? fileName = FileOf(disk, item);
        OvfFile? file = fileName is null ? null
            : _package.Files.TryGetValue(fileName, out OvfFile? known) ? known
            : throw Unresolved(item, $"is stored in the file '{fileName}', which the OVF does not list");
        long? capacity = _package.CapacityOf(disk, _system, _option);
        return file is not null || capacity is not null ? (disk, file, capacity) : throw Unresolved(item, "has neither a file nor a capacity");
    }

    /// <summary>The file of a disk, or of the nearest of its parents: a disk without a file of its own has not changed since.</summary>
    private string? FileOf(OvfDisk disk, OvfItem item)
    {
        OvfDisk? at = disk;
        for (int depth = 0; depth <= _package.Disks.Count; depth++)
        {
            if (at.FileId is not null || at.ParentId is null)
            {
                return at.FileId;
            }

            if (!_package.Disks.TryGetValue(at.ParentId, out at))
            {
                throw Unresolved(item, "has a parent that the OVF does not describe");
            }
        }

        throw Unresolved(item, "is its own parent");
    }

    private Controller? FindController(OvfItem item, string what)
    {
        if (item.Parent is { } parent && _controllers.TryGetValue(parent, out Controller? controller))
        {
            return controller;
        }

        _warnings.Add(item.Parent is null
            ? $"The OVF does not say to what the {what} '{item.Label}' is attached."
            : $"The {what} '{item.Label}' is attached to '{item.Parent}', which is no controller that is known.");
        return null;
    }

    private void NumberControllers()
    {
        IEnumerable<IGrouping<DiskController, OvfItem>> kinds = _items
            .Where(i => i.InstanceId is not null && KindOf(i) != DiskController.Unknown)
            .GroupBy(KindOf);
        foreach (IGrouping<DiskController, OvfItem> kind in kinds)
        {
            List<OvfItem> items = [.. kind.OrderBy(i => i.Bus ?? int.MaxValue)];
            bool isNumbered = items.All(i => i.Bus is >= 0 and < 256) && items.DistinctBy(i => i.Bus).Count() == items.Count;
            for (int i = 0; i < items.Count; i++)
            {
                _controllers.TryAdd(items[i].InstanceId!, new Controller(kind.Key, isNumbered ? items[i].Bus!.Value : i, items[i].Model));
            }
        }
    }

    private static DiskController KindOf(OvfItem item)
    {
        bool Has(string word) => item.Model?.Contains(word, StringComparison.Ordinal) == true;
        return item.Type switch
        {
            Ide => DiskController.Ide,
            Scsi => Has("virtio") ? DiskController.VirtioScsi : DiskController.Scsi,
            OtherStorage or Other when Has("nvme") => DiskController.Nvme,
            OtherStorage or Other when Has("ahci") || Has("sata") => DiskController.Sata,
            OtherStorage when Has("virtio") => Has("scsi") ? DiskController.VirtioScsi : DiskController.VirtioBlk,
            OtherStorage when Has("sas") || Has("scsi") || Has("lsilogic") => DiskController.Scsi,
            OtherStorage when Has("nvdimm") || Has("usb") => DiskController.Unknown,
            OtherStorage => DiskController.Sata,
            _ => DiskController.Unknown,
        };
    }

    private V2VException Unresolved(OvfItem item, string what) =>
        new("OvfDiskUnresolved", V2VErrorKind.Corrupt, $"The disk '{item.Label}' {what}.", _package.Name, "Correct the OVF or export the machine again.");

    private sealed record Controller(DiskController Kind, int Number, string? Model);
}

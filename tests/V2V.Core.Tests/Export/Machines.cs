using V2V.Core.Conversion;
using V2V.Core.Export;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Tests.Export;

/// <summary>Machines for tests, with the devices that stand for their disks.</summary>
internal static class Machines
{
    public static V2VSource Source(string name = "guest", int disks = 1, string path = "/nowhere/guest.ova", SourceFileStamp? stamp = null) => new()
    {
        Name = name,
        Path = path,
        Hypervisor = "vmware",
        MemoryBytes = 2L << 30,
        ProcessorCount = 2,
        Firmware = FirmwareType.Bios,
        Disks = [.. Enumerable.Range(0, disks).Select(i => new SourceDisk { Index = i, Format = "vmdk", Path = path, Stamp = stamp })],
        Nics = [new SourceNic("00:0c:29:aa:bb:cc", "vmxnet3", "VM Network", NetworkType.Network)],
    };

    public static V2VOverlay Overlay(V2VSource source, GuestCapabilities? capabilities = null, V2VInspection? inspection = null, int? bootDisk = null) => new()
    {
        Source = source,
        Inspection = inspection ?? new V2VInspection { Source = source, OsType = "linux", OsInfoId = "debian12" },
        Capabilities = capabilities ?? new GuestCapabilities(),
        BootDiskIndex = bootDisk,
        Disks = [.. source.Disks.Select(d => new OverlayDisk(d.Index, "", 0))],
    };

    public static V2VExport Export(ExportOptions options, params BlockDevice[] devices) =>
        Export(Source(disks: devices.Length), options, new RecordingObserver(), devices);

    public static V2VExport Export(V2VSource source, ExportOptions options, IOperationObserver observer, params BlockDevice[] devices) =>
        new GuestExporter(source, Overlay(source), options, observer, i => devices[i]).Run();
}

/// <summary>Keeps everything that an operation reports.</summary>
internal sealed class RecordingObserver(CancellationToken cancellation = default) : IOperationObserver
{
    private readonly Lock _lock = new();

    public CancellationToken CancellationToken => cancellation;

    public List<OperationProgress> Reports { get; } = [];

    public List<string> Warnings { get; } = [];

    public Action<OperationProgress>? OnProgress { get; set; }

    public void Progress(OperationProgress progress)
    {
        lock (_lock)
        {
            Reports.Add(progress);
        }

        OnProgress?.Invoke(progress);
    }

    public void Warning(string message)
    {
        lock (_lock)
        {
            Warnings.Add(message);
        }
    }

    public void Verbose(string message)
    {
    }
}

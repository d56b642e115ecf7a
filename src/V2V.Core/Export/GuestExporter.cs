using System.Diagnostics;
using V2V.Core.Conversion;
using V2V.Core.Export.Copy;
using V2V.Core.Export.Libvirt;
using V2V.Core.Export.Machine;
using V2V.Core.Export.Qemu;
using V2V.Core.Export.Targets;
using V2V.Core.Sources;
using V2V.Storage;

namespace V2V.Core.Export;

/// <summary>
/// The last stage: copies the disks of a machine and writes the target's metadata. Start here. The files appear under their
/// names when all of them are complete; after a failure or a cancellation nothing is left.
/// </summary>
public sealed class GuestExporter
{
    private readonly V2VSource _source;
    private readonly V2VOverlay? _overlay;
    private readonly ExportOptions _options;
    private readonly IOperationObserver _observer;
    private readonly Func<int, BlockDevice> _open;
    private readonly List<string> _warnings = [];
    private readonly List<int> _sectorSizes = [];
    private readonly string _name;
    private readonly string _fileName;

    internal GuestExporter(V2VSource source, V2VOverlay? overlay, ExportOptions options, IOperationObserver observer, Func<int, BlockDevice> open)
    {
        _source = source;
        _overlay = overlay;
        _options = options;
        _observer = observer;
        _open = open;
        _name = string.IsNullOrEmpty(options.NewName) ? source.Name : options.NewName;
        _fileName = ExportName.ToFileName(_name);
    }

    private CancellationToken Cancellation => _observer.CancellationToken;

    private int DiskCount => _source.Disks.Count;

    /// <summary>Exports a converted machine. Its overlays, and disks that had to be unpacked, are removed afterwards unless <see cref="ExportOptions.KeepOverlay"/> is set.</summary>
    /// <exception cref="V2VException">See docs/errors/export.md.</exception>
    /// <exception cref="OperationCanceledException">The observer's token was cancelled.</exception>
    public static V2VExport Export(V2VOverlay overlay, ExportOptions options, IOperationObserver observer)
    {
        ArgumentNullException.ThrowIfNull(overlay);
        if (overlay.Disks.Count != overlay.Source.Disks.Count)
        {
            throw new V2VException(
                "ExportOverlayMissing", V2VErrorKind.InvalidState, "The conversion made no overlays to export.", overlay.Name, "Convert the machine without -WhatIf.");
        }

        V2VExport result = new GuestExporter(overlay.Source, overlay, options, observer, i => OverlayFiles.Open(overlay, i)).Run();
        if (!options.KeepOverlay)
        {
            OverlayFiles.Remove(overlay.WorkingDirectory, observer);
            OverlayFiles.Remove(overlay.Source.StagingDirectory, observer);
        }

        return result;
    }

    /// <summary>Exports a machine as it is, without a conversion.</summary>
    /// <exception cref="V2VException">See docs/errors/export.md.</exception>
    /// <exception cref="OperationCanceledException">The observer's token was cancelled.</exception>
    public static V2VExport Export(V2VSource source, ExportOptions options, IOperationObserver observer)
    {
        ArgumentNullException.ThrowIfNull(source);
        V2VExport result = new GuestExporter(source, null, options, observer, i => source.Disks[i].Open()).Run();
        if (!options.KeepOverlay)
        {
            OverlayFiles.Remove(source.StagingDirectory, observer);
        }

        return result;
    }

    internal V2VExport Run()
    {
        CheckOptions();
        var clock = Stopwatch.StartNew();
        if (_overlay is null)
        {
            Warn($"'{PlainText.Clean(_name)}' was not converted: it is exported as it is, with SATA disks and e1000 network cards.");
        }

        IReadOnlyList<ExportedDisk> disks;
        string? metadata = null;
        if (_options.Target == ExportTarget.Null)
        {
            disks = CopyDisks(null);
        }
        else
        {
            string directory = Path.GetFullPath(_options.Directory);
            using var target = new TargetDirectory(directory, _options.Force);
            target.Claim(FileNames());
            disks = CopyDisks(target);
            metadata = WriteMetadata(target, [.. disks.Select((d, i) => new DiskFile(d.Path, _sectorSizes[i]))]);
            Cancellation.ThrowIfCancellationRequested();
            target.Commit();
        }

        return new V2VExport
        {
            Name = _name,
            Source = _source,
            Capabilities = _overlay?.Capabilities,
            Target = _options.Target switch
            {
                ExportTarget.Local => "local",
                ExportTarget.Qemu => "qemu",
                _ => "null",
            },
            Format = FormatName,
            Disks = disks,
            MetadataPath = metadata,
            Duration = clock.Elapsed,
            Warnings = _warnings,
        };
    }

    private string FormatName => _options.Format == ExportFormat.Raw ? "raw" : "qcow2";

    private string MetadataName => _fileName + (_options.Target == ExportTarget.Qemu ? ".sh" : ".xml");

    private void CheckOptions()
    {
        NetworkConnection.CheckMap(_options.NetworkMap);
        if (_options.Compression != ExportCompression.None && (_options.Format != ExportFormat.Qcow2 || _options.Allocation != ExportAllocation.Sparse))
        {
            throw new V2VException(
                "ExportCompressionUnsupported",
                V2VErrorKind.InvalidArgument,
                "Only sparse qcow2 disks can be compressed.",
                _name,
                "Leave out -Compress, or export with -Format qcow2 -Allocation sparse.");
        }

        if (_options.Target == ExportTarget.Null)
        {
            return;
        }

        if (string.IsNullOrWhiteSpace(_options.Directory))
        {
            throw new V2VException("ExportDirectoryMissing", V2VErrorKind.InvalidArgument, "The target needs a directory.", _name, "Name a directory.");
        }

        if (_options.Directory != PlainText.Clean(_options.Directory))
        {
            throw new V2VException(
                "ExportDirectoryInvalid",
                V2VErrorKind.InvalidArgument,
                "The directory's name holds characters that metadata cannot.",
                PlainText.Clean(_options.Directory),
                "Choose a directory without control characters in its name.");
        }
    }

    private string DiskName(int index) => $"{_fileName}-sd{ExportName.DiskLetters(index)}";

    private string[] FileNames() => [.. Enumerable.Range(0, DiskCount).Select(DiskName), MetadataName];

    private void Warn(string message)
    {
        _warnings.Add(message);
        _observer.Warning(message);
    }

    private List<ExportedDisk> CopyDisks(TargetDirectory? target)
    {
        var copies = new List<DiskCopy>(DiskCount);
        try
        {
            for (int i = 0; i < DiskCount; i++)
            {
                copies.Add(new DiskCopy(i, _open(i), _options, Cancellation));
                _sectorSizes.Add(copies[i].SectorSize);
            }

            if (target is not null)
            {
                new SpaceCheck(_options, _observer).Run(target, copies);
            }

            var progress = new CopyProgress(_observer, $"Exporting {PlainText.Clean(_name)}", copies.Sum(c => c.DataBytes));
            List<ExportedDisk> disks = [.. copies.Select(c => c.Run(target, DiskName(c.Index), DiskCount, progress, Cancellation))];
            CheckUnchanged();
            progress.Complete();
            return disks;
        }
        finally
        {
            copies.ForEach(c => c.Dispose());
        }
    }

    /// <summary>What was read in the course of minutes must be one state of the source.</summary>
    private void CheckUnchanged()
    {
        foreach (SourceDisk disk in _source.Disks)
        {
            CheckUnchanged(disk.Path, disk.Stamp);
            foreach ((string path, SourceFileStamp stamp) in disk.ReferencedFiles)
            {
                CheckUnchanged(path, stamp);
            }
        }
    }

    private static void CheckUnchanged(string path, SourceFileStamp? stamp)
    {
        if (stamp is not null && SourceDisk.StampOf(path) != stamp)
        {
            throw new V2VException(
                "SourceChanged",
                V2VErrorKind.InvalidState,
                "The source was changed while it was exported; the copy would mix two states of it.",
                path,
                "Make sure that nothing writes to the source, import it again and repeat.");
        }
    }

    private string WriteMetadata(TargetDirectory target, IReadOnlyList<DiskFile> diskFiles)
    {
        var warnings = new List<string>();
        TargetMachine machine = TargetMachineBuilder.Build(_source, _overlay, _name, _options, diskFiles, warnings);
        warnings.ForEach(Warn);
        if (_options.Target == ExportTarget.Qemu)
        {
            target.WriteFile(MetadataName, QemuScript.Write(machine), isExecutable: true);
        }
        else
        {
            target.WriteFile(MetadataName, LibvirtDomain.Write(machine));
        }

        return Path.Combine(target.Path, MetadataName);
    }
}

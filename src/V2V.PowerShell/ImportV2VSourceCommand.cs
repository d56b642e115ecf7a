using System.Management.Automation;
using V2V.Core;
using V2V.Core.Sources;

namespace V2V.PowerShell;

/// <summary>Import-V2VSource: the machine as its hypervisor described it, with its disks opened in place.</summary>
[Cmdlet(VerbsData.Import, "V2VSource", DefaultParameterSetName = PathSet)]
[OutputType(typeof(V2VSource))]
public sealed class ImportV2VSourceCommand : V2VCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";
    private const string DiskSet = "Disk";

    /// <summary>OVA files, OVF files or folders, with wildcards.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true)]
    [Alias("Ova")]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>The same, taken as they are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Disks of one machine that has no metadata, in order.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DiskSet)]
    public string[] Disk { get; set; } = [];

    /// <summary>Of an OVA with several machines, those with these names (wildcards); of plain disks, the machine's name.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(Completion.SystemNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Leaves the digests of the manifest unchecked.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SwitchParameter SkipManifest { get; set; }

    /// <summary>Memory of the machine in bytes (1GB); what the metadata says if not given.</summary>
    [Parameter]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long? Memory { get; set; }

    /// <summary>Virtual processors; what the metadata says if not given.</summary>
    [Parameter]
    [ValidateRange(1, 8192)]
    public int? ProcessorCount { get; set; }

    /// <summary>Folder for what has to be unpacked.</summary>
    [Parameter]
    public string? WorkingDirectory { get; set; }

    /// <summary>Keys of encrypted volumes: a dictionary from 'all', a volume's UUID or a device to a SecureString or the path of a key file; or 'SELECTOR:file:PATH'.</summary>
    [Parameter]
    public object[] Key { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        switch (ParameterSetName)
        {
            case DiskSet:
                ImportDisks();
                break;
            case LiteralPathSet:
                Array.ForEach(LiteralPath, path => Import(path, () => [HostPaths.Literal(this, path)]));
                break;
            default:
                Array.ForEach(Path, path => Import(path, () => HostPaths.Expand(this, path)));
                break;
        }
    }

    private void Import(string path, Func<IEnumerable<string>> resolve)
    {
        string[] files;
        try
        {
            files = [.. resolve()];
        }
        catch (Exception error) when (error is SessionStateException or Storage.V2VException)
        {
            WriteError(error is Storage.V2VException ? Record(error, path) : NotFound(error, path));
            return;
        }

        foreach (string file in files)
        {
            if (TryRun(file, observer => SourceImporter.ImportOva(file, Options(observer)).Select(s => KeySelectors.Apply(this, s, Key)).ToList(), out List<V2VSource> sources))
            {
                WriteObject(sources, enumerateCollection: true);
            }
        }
    }

    private static ErrorRecord NotFound(Exception error, string path) => new(error, "SourceNotFound", ErrorCategory.ObjectNotFound, path)
    {
        ErrorDetails = new ErrorDetails(error.Message) { RecommendedAction = "Check the path; use -LiteralPath if it holds characters that are wildcards." },
    };

    private void ImportDisks()
    {
        string[] disks = [.. Disk.Select(disk => HostPaths.Literal(this, disk))];
        if (TryRun(disks[0], observer => KeySelectors.Apply(this, SourceImporter.ImportDisks(disks, Options(observer)), Key), out V2VSource source))
        {
            WriteObject(source);
        }
    }

    private SourceOptions Options(IOperationObserver observer) => new()
    {
        Names = ParameterSetName == DiskSet ? [] : Name,
        Name = ParameterSetName == DiskSet ? Name.FirstOrDefault() : null,
        SkipManifest = SkipManifest,
        MemoryBytes = Memory,
        ProcessorCount = ProcessorCount,
        WorkingDirectory = WorkingDirectory is null ? null : HostPaths.Literal(this, WorkingDirectory),
        Observer = observer,
    };
}

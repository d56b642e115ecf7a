using System.Management.Automation;

namespace V2V.Shell.Commands;

/// <summary>Get-ChildItem: files and folders by path and wildcard.</summary>
[Cmdlet(VerbsCommon.Get, "ChildItem")]
[OutputType(typeof(FileInfo), typeof(DirectoryInfo))]
public sealed class GetChildItemCommand : PSCmdlet
{
    /// <summary>Paths with wildcards.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public string[] Path { get; set; } = ["."];

    /// <summary>A wildcard for the names.</summary>
    [Parameter(Position = 1)]
    public string Filter { get; set; } = "*";

    /// <summary>Also what lies below.</summary>
    [Parameter]
    public SwitchParameter Recurse { get; set; }

    /// <summary>Files only.</summary>
    [Parameter]
    public SwitchParameter File { get; set; }

    /// <summary>Folders only.</summary>
    [Parameter]
    public SwitchParameter Directory { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        SearchOption depth = Recurse ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly;
        foreach (string resolved in Path.SelectMany(p => GetResolvedProviderPathFromPSPath(p, out _)))
        {
            IEnumerable<FileSystemInfo> found = System.IO.Directory.Exists(resolved)
                ? new DirectoryInfo(resolved).EnumerateFileSystemInfos(Filter, depth)
                : [new FileInfo(resolved)];
            foreach (FileSystemInfo item in found.OrderBy(i => i.FullName, StringComparer.OrdinalIgnoreCase))
            {
                if ((!File || item is FileInfo) && (!Directory || item is DirectoryInfo))
                {
                    var output = PSObject.AsPSObject(item);
                    output.Properties.Add(new PSNoteProperty("PSPath", "Microsoft.PowerShell.Core\\FileSystem::" + item.FullName));
                    WriteObject(output);
                }
            }
        }
    }
}

/// <summary>Test-Path: whether a path exists.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Path")]
[OutputType(typeof(bool))]
public sealed class TestPathCommand : PSCmdlet
{
    /// <summary>Paths with wildcards.</summary>
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ParameterSetName = "Path")]
    public string[] Path { get; set; } = [];

    /// <summary>Paths taken as they are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string path in LiteralPath.Concat(Path))
        {
            WriteObject(InvokeProvider.Item.Exists(path, force: false, literalPath: ParameterSetName == "LiteralPath"));
        }
    }
}

/// <summary>Join-Path: one path below another.</summary>
[Cmdlet(VerbsCommon.Join, "Path")]
[OutputType(typeof(string))]
public sealed class JoinPathCommand : PSCmdlet
{
    /// <summary>The parents.</summary>
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true)]
    public string[] Path { get; set; } = [];

    /// <summary>The child.</summary>
    [Parameter(Position = 1, Mandatory = true)]
    public string ChildPath { get; set; } = "";

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string path in Path)
        {
            WriteObject(SessionState.Path.Combine(path, ChildPath));
        }
    }
}

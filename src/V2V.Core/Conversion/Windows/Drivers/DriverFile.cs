namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>A file that a driver copies ("INF CopyFiles Directive").</summary>
/// <param name="SourcePath">Path below the folder of the INF file, <c>/</c>-separated.</param>
/// <param name="Cabinet">Cabinet that holds the file, or empty.</param>
/// <param name="TargetName">Name that it gets.</param>
/// <param name="DirectoryId">Number of the directory that it goes to; see <see cref="Inf.InfDirectory"/>.</param>
/// <param name="Subfolder">Folder below that directory, with backslashes; or empty.</param>
/// <param name="Flags">COPYFLG_* bits.</param>
internal sealed record DriverFile(string SourcePath, string Cabinet, string TargetName, int DirectoryId, string Subfolder, uint Flags);

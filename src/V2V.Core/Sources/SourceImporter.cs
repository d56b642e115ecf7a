using V2V.Storage;

namespace V2V.Core.Sources;

/// <summary>
/// Reads machines from files: start here. Nothing is changed, and nothing is unpacked but what is compressed as a whole; a machine that is
/// returned holds no open handle.
/// </summary>
public static class SourceImporter
{
    /// <summary>
    /// Imports the machines of an OVA (tar, compressed tar, zip), an OVF in its folder, or a folder. The manifest is verified on all cores
    /// before anything is returned, unless <see cref="SourceOptions.SkipManifest"/> is set: a minute or more for 100 GB.
    /// </summary>
    /// <param name="path">Path of the OVA, OVF or folder.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>One machine for each virtual system that is wanted, in the order of the OVF.</returns>
    /// <exception cref="V2VException">All errors of docs/errors/sources.md.</exception>
    public static IReadOnlyList<V2VSource> ImportOva(string path, SourceOptions? options = null) => OvaImporter.Import(path, options ?? new SourceOptions());

    /// <summary>Imports plain disks of any image format as one machine, in the order given. Compressed ones are unpacked.</summary>
    /// <param name="paths">Paths of the disks.</param>
    /// <param name="options">Name, memory and processors of the machine; null for the defaults.</param>
    public static V2VSource ImportDisks(IReadOnlyList<string> paths, SourceOptions? options = null) => DiskImporter.Import(paths, options ?? new SourceOptions());

    /// <summary>Names of the machines in an OVA, OVF or folder, in the order of the OVFs. Nothing is verified; a compressed tar is unpacked for it.</summary>
    /// <param name="path">Path of the OVA, OVF or folder.</param>
    /// <param name="options">Observer and working directory; null for the defaults.</param>
    /// <exception cref="V2VException">All errors of docs/errors/sources.md but those of disks and manifests.</exception>
    public static IReadOnlyList<string> ReadNames(string path, SourceOptions? options = null) => OvaImporter.Names(path, options ?? new SourceOptions());

    /// <summary>Verifies the manifests of an OVA, OVF or folder and nothing else.</summary>
    /// <param name="path">Path of the OVA, OVF or folder.</param>
    /// <param name="options">Observer and working directory; null for the defaults.</param>
    /// <exception cref="V2VException"><c>ManifestDigestMismatch</c>.</exception>
    public static ManifestReport VerifyManifest(string path, SourceOptions? options = null) => OvaImporter.Verify(path, options ?? new SourceOptions());
}

/// <summary>Result of a verification in which no digest was wrong.</summary>
/// <param name="Path">The OVA, OVF or folder.</param>
/// <param name="FileCount">Files whose digests were compared; 0 if there is no manifest.</param>
/// <param name="Warnings">Lines that were not understood, files that are not there.</param>
public sealed record ManifestReport(string Path, int FileCount, IReadOnlyList<string> Warnings);

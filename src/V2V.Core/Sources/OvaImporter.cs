using System.Runtime.ExceptionServices;
using V2V.Core.Sources.Containers;
using V2V.Core.Sources.Manifests;
using V2V.Core.Sources.Ovf;
using V2V.Core.Working;
using V2V.Storage;

namespace V2V.Core.Sources;

/// <summary>One run over an OVA, an OVF or a folder: open, verify, parse, find the disks.</summary>
internal sealed class OvaImporter
{
    private readonly string _path;
    private readonly SourceOptions _options;
    private readonly StagingArea _staging;

    private OvaImporter(string path, SourceOptions options)
    {
        _path = path;
        _options = options;
        _staging = new StagingArea(options);
    }

    /// <summary>Imports the machines.</summary>
    public static IReadOnlyList<V2VSource> Import(string path, SourceOptions options)
    {
        var importer = new OvaImporter(Path.GetFullPath(path), options);
        try
        {
            return importer.Run();
        }
        catch
        {
            importer._staging.Abandon();
            throw;
        }
    }

    /// <summary>The machines' names in the order of the OVFs; nothing is verified.</summary>
    public static IReadOnlyList<string> Names(string path, SourceOptions options)
    {
        var importer = new OvaImporter(Path.GetFullPath(path), options);
        try
        {
            (OvaContainer container, IReadOnlyList<string> ovfs) = importer.Open();
            return [.. ovfs.SelectMany(ovf => importer.NamesIn(container, ovf))];
        }
        finally
        {
            importer._staging.Abandon();
        }
    }

    /// <summary>Verifies the manifests and nothing else.</summary>
    public static ManifestReport Verify(string path, SourceOptions options)
    {
        var importer = new OvaImporter(Path.GetFullPath(path), options);
        try
        {
            (OvaContainer container, IReadOnlyList<string> ovfs) = importer.Open();
            var warnings = new List<string>();
            int files = 0;
            foreach (string ovf in ovfs)
            {
                ManifestVerifier verifier = ManifestVerifier.Read(container, ManifestsOf(container, ovf, ovfs.Count), options.Observer);
                verifier.VerifyAll(options.Observer.CancellationToken);
                warnings.AddRange(verifier.Warnings);
                files += verifier.FileCount;
            }

            return new ManifestReport(importer._path, files, warnings);
        }
        finally
        {
            importer._staging.Abandon();
        }
    }

    private List<V2VSource> Run()
    {
        (OvaContainer container, IReadOnlyList<string> ovfs) = Open();
        if (ovfs.Count > 1 && _options.Names.Count == 0)
        {
            throw new V2VException(
                "OvaSeveralDescriptors",
                V2VErrorKind.InvalidArgument,
                FormattableString.Invariant($"There are {ovfs.Count} OVFs: {string.Join(", ", ovfs.Take(10))}."),
                _path,
                "Name the OVF to import, or the machines with -Name.");
        }

        var found = new List<Found>();
        var others = new List<string>();
        foreach (string ovf in ovfs)
        {
            ReadOvf(container, ovf, ovfs.Count, found, others);
        }

        if (found.Count == 0)
        {
            throw new V2VException(
                "SourceNameNotFound",
                V2VErrorKind.NotFound,
                $"No machine is called {string.Join(" or ", _options.Names.Select(n => $"'{n}'"))}.",
                _path,
                "There are: " + string.Join(", ", others.Take(50)) + ".");
        }

        List<V2VSource> sources = OpenAndVerify(container, found);
        foreach (V2VSource source in sources)
        {
            foreach (string warning in source.Warnings)
            {
                _options.Observer.Warning($"{source.Name}: {warning}");
            }
        }

        if (_staging.Directory is null || sources.Count == 1)
        {
            return sources;
        }

        // Each machine gets an area of its own to delete; what they share goes with the last of them.
        return [.. sources.Select(s => s.WithDisks(s.Disks, WorkArea.CreateShare(_staging.Directory), s.Warnings))];
    }

    private void ReadOvf(OvaContainer container, string ovf, int ovfCount, List<Found> found, List<string> others)
    {
        ManifestVerifier? verifier = _options.SkipManifest ? null
            : ManifestVerifier.Read(container, ManifestsOf(container, ovf, ovfCount), _options.Observer);
        verifier?.Verify(ovf);
        OvfPackage package = Parse(container, ovf);
        var builder = new OvaDiskBuilder(container, package, ovf, _staging);
        foreach (System.Xml.Linq.XElement system in package.Systems)
        {
            string name = NameOf(package, system);
            if (_options.Names.Count > 0 && !_options.Names.Any(n => SourceName.Matches(name, n)))
            {
                others.Add(name);
                continue;
            }

            found.Add(new Found(OvfSystemReader.Read(package, system, _path, _options), builder, verifier));
        }
    }

    private IEnumerable<string> NamesIn(OvaContainer container, string ovf)
    {
        OvfPackage package = Parse(container, ovf);
        return package.Systems.Select(system => NameOf(package, system));
    }

    private OvfPackage Parse(OvaContainer container, string ovf)
    {
        StoredFile file = container.Find(ovf) ?? throw V2VException.Corrupt("OvaNoDescriptor", $"The OVF '{ovf}' has gone.", _path);
        return OvfPackage.Parse(file.ReadAll(OvfXml.MaximumSize, "OvfXmlUnsafe"), MemberName.FileName(ovf));
    }

    private string NameOf(OvfPackage package, System.Xml.Linq.XElement system) => OvfSystemReader.NameOf(package, system) ?? SourceName.FromPath(_path);

    private List<V2VSource> OpenAndVerify(OvaContainer container, List<Found> found)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_options.Observer.CancellationToken);
        List<ManifestVerifier> verifiers = [.. found.Select(f => f.Verifier).OfType<ManifestVerifier>().Distinct()];
        Task verification = Task.Run(() => verifiers.ForEach(v => v.VerifyAll(stop.Token)), CancellationToken.None);
        try
        {
            List<V2VSource> sources = [.. found.Select(f => OpenDisks(f, container))];
            verification.GetAwaiter().GetResult();
            return sources;
        }
        catch (Exception error)
        {
            stop.Cancel();
            try
            {
                verification.GetAwaiter().GetResult();
            }
            catch (V2VException mismatch) when (mismatch != error)
            {
                // A disk that cannot be opened because it is damaged: the digest says it better.
                ExceptionDispatchInfo.Throw(mismatch);
            }
            catch (OperationCanceledException)
            {
                // Stopped by the first error.
            }

            throw;
        }
    }

    private V2VSource OpenDisks(Found found, OvaContainer container)
    {
        var disks = new List<SourceDisk>();
        var warnings = new List<string>();
        foreach (OvfAttachedDisk disk in found.System.Disks)
        {
            _options.Observer.CancellationToken.ThrowIfCancellationRequested();
            disks.Add(found.Builder.Build(disks.Count, disk, warnings));
        }

        if (disks.Count == 0)
        {
            warnings.Add("The machine has no disks.");
        }

        List<string> all = [.. container.Warnings.Concat(found.Verifier?.Warnings ?? []).Concat(found.System.Warnings).Concat(warnings).Distinct()];
        return found.System.Metadata.WithDisks(disks, _staging.Directory, all);
    }

    private (OvaContainer Container, IReadOnlyList<string> Ovfs) Open()
    {
        if (File.Exists(_path) && IsOvf(_path))
        {
            string real = FolderContainer.RealPath(_path);
            return (new FolderContainer(Path.GetDirectoryName(real)!), [Path.GetFileName(real)]);
        }

        OvaContainer container = OvaOpener.Open(_path, _staging, _options);
        IReadOnlyList<string> ovfs = container.FindByExtension(".ovf");
        return ovfs.Count > 0 ? (container, ovfs) : throw new V2VException(
            "OvaNoDescriptor", V2VErrorKind.NotFound, "There is no OVF in it.", _path, "Import plain disks with -Disk.");
    }

    private static bool IsOvf(string path)
    {
        if (path.EndsWith(".ovf", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        // Named otherwise, but XML.
        using FileDevice device = FileDevice.Open(path);
        Span<byte> start = stackalloc byte[(int)Math.Min(8, device.Length)];
        device.Read(0, start);
        return start.StartsWith("<?xml"u8) || start.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF, (byte)'<']) || start.StartsWith("<Envelop"u8);
    }

    /// <summary>The manifests of an OVF: all that there are, or those of its own name where it is not alone in its folder.</summary>
    private static List<string> ManifestsOf(OvaContainer container, string ovf, int ovfCount)
    {
        IEnumerable<string> manifests = container is FolderContainer
            ? container.List(MemberName.Folder(ovf)).Where(n => n.EndsWith(".mf", StringComparison.OrdinalIgnoreCase) && !MemberName.FileName(n).StartsWith("._", StringComparison.Ordinal))
            : container.FindByExtension(".mf");
        bool isAlone = ovfCount == 1
            && container.List(MemberName.Folder(ovf)).Count(n => n.EndsWith(".ovf", StringComparison.OrdinalIgnoreCase) && !MemberName.FileName(n).StartsWith("._", StringComparison.Ordinal)) == 1;
        return [.. manifests.Where(m => isAlone || string.Equals(m[..^3], ovf[..^4], StringComparison.OrdinalIgnoreCase))];
    }

    private sealed record Found(OvfSystem System, OvaDiskBuilder Builder, ManifestVerifier? Verifier);
}

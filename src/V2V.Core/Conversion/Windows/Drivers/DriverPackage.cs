using V2V.Core.Conversion.Windows.Drivers.Inf;

namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>A driver package as its INF file describes it: start here. What depends on the Windows is asked for with a <see cref="TargetSystem"/>.</summary>
internal sealed class DriverPackage
{
    private DriverPackage(InfFile inf) => Inf = inf;

    /// <summary>The INF file.</summary>
    internal InfFile Inf { get; }

    /// <summary>Name of the INF file: <c>viostor.inf</c>.</summary>
    internal string Name => Inf.Name;

    /// <summary>Provider; empty if none is given.</summary>
    internal string Provider => Inf.Value("Version", "Provider") ?? "";

    /// <summary>Name of the device class: <c>SCSIAdapter</c>; empty if none is given.</summary>
    internal string Class => Inf.Value("Version", "Class") ?? "";

    /// <summary>GUID of the device class; empty if none is given.</summary>
    internal Guid ClassGuid => Guid.TryParse(Inf.Value("Version", "ClassGuid"), out Guid guid) ? guid : Guid.Empty;

    /// <summary>Date and version, or null.</summary>
    internal DriverDate? DriverVer => Inf.Line("Version", "DriverVer") is { } line ? DriverDate.Parse(line.Field(0), line.Field(1)) : null;

    /// <summary>True if only Windows itself may change the installed files.</summary>
    internal bool IsLocked => InfNumber.Parse(Inf.Value("Version", "PnpLockdown") ?? "") == 1;

    /// <summary>GUID of the extension that an extension INF file belongs to; else empty.</summary>
    internal Guid ExtensionId => Guid.TryParse(Inf.Value("Version", "ExtensionId"), out Guid guid) ? guid : Guid.Empty;

    /// <summary>Reads a package's INF file.</summary>
    /// <param name="bytes">All of it.</param>
    /// <param name="name">Name of the file.</param>
    /// <param name="language">Windows' number of the language whose strings are wanted.</param>
    /// <exception cref="Storage.V2VException"><c>InfInvalid</c>, <c>InfTooLarge</c>.</exception>
    internal static DriverPackage Parse(ReadOnlySpan<byte> bytes, string name, int language = InfFile.English)
    {
        InfFile inf = InfFile.Parse(bytes, name, language);
        string signature = inf.Value("Version", "Signature") ?? throw InfErrors.Invalid(name, "it has no [Version] with a signature");
        return signature.ToUpperInvariant() is "$WINDOWS NT$" or "$CHICAGO$" or "$WINDOWS 95$"
            ? new DriverPackage(inf)
            : throw InfErrors.Invalid(name, $"its signature '{signature}' is unknown");
    }

    /// <summary>Name of the catalog for an architecture ("INF Version Section"); null if the package is not signed.</summary>
    internal string? CatalogFile(TargetArchitecture architecture) =>
        ((string[])["CatalogFile.NT" + architecture.InfName(), "CatalogFile.NT", "CatalogFile"]).Select(k => Inf.Value("Version", k)).FirstOrDefault(v => !string.IsNullOrEmpty(v));

    /// <summary>
    /// The devices that a Windows would find in the file: of each manufacturer the one models section that suits it best, which may be empty
    /// on purpose ("INF Manufacturer Section").
    /// </summary>
    internal IReadOnlyList<DriverModel> Models(TargetSystem target)
    {
        var models = new List<DriverModel>();
        foreach (InfLine line in Inf.Section("Manufacturer"))
        {
            if (line.Field(0) is { Length: > 0 } name && ModelsSection(name, line.Fields.Skip(1), target) is { } section)
            {
                models.AddRange(Inf.Section(section).Where(l => l.Key is not null && l.Field(0).Length > 0).Select(l => Model(line.Key ?? name, section, l)));
            }
        }

        return models;
    }

    /// <summary>What installing a device means.</summary>
    internal DriverInstall Install(DriverModel model, TargetSystem target) => new InstallSectionReader(Inf, target).Read(model.InstallSection);

    /// <summary>
    /// The files of the package besides the INF file: the catalog and what any of the devices for a Windows copies, each once.
    /// </summary>
    /// <returns>Paths below the folder of the INF file, <c>/</c>-separated, as the file writes them.</returns>
    internal IReadOnlyList<string> Files(TargetSystem target)
    {
        var files = new List<string>();
        if (CatalogFile(target.Architecture) is { } catalog)
        {
            files.Add(catalog);
        }

        foreach (string section in Models(target).Select(m => m.InstallSection).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            files.AddRange(new InstallSectionReader(Inf, target).Read(section).Files.Select(f => f.SourcePath));
        }

        return [.. files.Distinct(StringComparer.OrdinalIgnoreCase)];
    }

    private static string? ModelsSection(string name, IEnumerable<string> decorations, TargetSystem target)
    {
        var candidates = new List<(string, OsDecoration?)>();
        foreach (string text in decorations)
        {
            if (OsDecoration.Parse(text) is { } decoration && (decoration.Architecture is not null || OsDecoration.AllowsPlainModels(target)))
            {
                candidates.Add((name + "." + text, decoration));
            }
        }

        if (OsDecoration.AllowsPlainModels(target))
        {
            candidates.Add((name, null));
        }

        return OsDecoration.Best(candidates, target);
    }

    private static DriverModel Model(string manufacturer, string section, InfLine line) =>
        new(manufacturer, line.Key!, line.Field(0), section, line.Field(1), [.. line.Fields.Skip(2).Where(f => f.Length > 0)]);
}

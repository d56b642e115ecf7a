using V2V.Core.Conversion.Windows.Drivers.Inf;

namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>Reads an install section of an INF file, its companions and what they refer to, as one Windows would.</summary>
internal sealed class InstallSectionReader(InfFile inf, TargetSystem target)
{
    private const int SourceFolderField = 3;

    private readonly RegistrySectionReader _registry = new(inf);

    /// <param name="name">The section as the models section names it.</param>
    public DriverInstall Read(string name)
    {
        string section = Resolve(name);
        string[] companions = [section, section + ".HW", section + ".Services", section + ".CoInstallers", section + ".Wdf"];
        return new DriverInstall
        {
            Section = section,
            SectionExtension = section[name.Length..],
            Files = [.. ReadFiles(section), .. ReadFiles(section + ".CoInstallers")],
            AddReg = _registry.Additions(section),
            DelReg = _registry.Deletions(section),
            HardwareAddReg = _registry.Additions(section + ".HW"),
            HardwareDelReg = _registry.Deletions(section + ".HW"),
            Services = [.. inf.Section(section + ".Services").Where(l => l.Is("AddService")).Select(ReadService)],
            CoInstallers = _registry.Additions(section + ".CoInstallers"),
            Include = [.. companions.SelectMany(c => inf.Values(c, "Include")).Distinct(StringComparer.OrdinalIgnoreCase)],
            Needs = [.. companions.SelectMany(c => inf.Values(c, "Needs")).Distinct(StringComparer.OrdinalIgnoreCase)],
            KmdfVersion = inf.Line(section + ".Wdf", "KmdfService") is { } wdf ? inf.Value(wdf.Field(1), "KmdfLibraryVersion") ?? "" : "",
            Characteristics = inf.Value(section, "Characteristics") is { } bits ? InfNumber.Parse(bits) : null,
            Directives = ReadDirectives(section),
        };
    }

    /// <summary>The name with the ending that suits best: NT with the architecture, NT, none ("Creating INF Files for Multiple Platforms").</summary>
    private string Resolve(string name)
    {
        var candidates = inf.SectionNames
            .Where(s => s.Length > name.Length && s.StartsWith(name, StringComparison.OrdinalIgnoreCase) && s[name.Length] == '.')
            .Select(s => (Section: s, Decoration: OsDecoration.Parse(s[(name.Length + 1)..])))
            .Where(c => c.Decoration is not null)
            .Append((Section: name, Decoration: null));
        return OsDecoration.Best(candidates, target) ?? name;
    }

    private Dictionary<string, string> ReadDirectives(string section)
    {
        var directives = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (InfLine line in inf.Section(section).Where(l => l.Key is not null))
        {
            directives.TryAdd(line.Key!, string.Join(',', line.Fields));
        }

        return directives;
    }

    private IEnumerable<DriverFile> ReadFiles(string section)
    {
        foreach (string list in inf.Values(section, "CopyFiles"))
        {
            if (list.StartsWith('@'))
            {
                yield return MakeFile("", list[1..], list[1..], "");
                continue;
            }

            foreach (InfLine line in inf.Section(list).Where(l => l.Field(0).Length > 0))
            {
                yield return MakeFile(list, line.Field(0), line.Field(1).Length > 0 ? line.Field(1) : line.Field(0), line.Field(3));
            }
        }
    }

    private DriverFile MakeFile(string list, string targetName, string sourceName, string flags)
    {
        InfLine? destination = inf.Line("DestinationDirs", list) ?? inf.Line("DestinationDirs", "DefaultDestDir");
        (string folder, string cabinet) = FindSource(sourceName);
        string subfolder = destination?.Field(1) ?? "";
        string source = folder + sourceName.Replace('\\', '/');
        if (targetName.AsSpan().IndexOfAny('\\', '/') >= 0 || LeadsOut(targetName) || LeadsOut(source) || LeadsOut(subfolder))
        {
            throw InfErrors.Invalid(inf.Name, $"it copies '{sourceName}' by a path that leads out of its folder");
        }

        return new DriverFile(source, cabinet, targetName, (int?)InfNumber.Parse(destination?.Field(0) ?? "") ?? InfDirectory.Drivers, subfolder, InfNumber.Parse(flags) ?? 0);
    }

    private static bool LeadsOut(string path) => path.Contains('\0', StringComparison.Ordinal) || path.StartsWith('/') || path.Contains(':', StringComparison.Ordinal) || path.Split('\\', '/').Contains("..");

    /// <summary>The folder of a source file, empty or ending in a slash, and its cabinet ("INF SourceDisksFiles Section").</summary>
    private (string Folder, string Cabinet) FindSource(string name)
    {
        string ending = "." + target.Architecture.InfName();
        InfLine? file = inf.Line("SourceDisksFiles" + ending, name) ?? inf.Line("SourceDisksFiles", name);
        if (file is null)
        {
            return ("", "");
        }

        InfLine? disk = inf.Line("SourceDisksNames" + ending, file.Field(0)) ?? inf.Line("SourceDisksNames", file.Field(0));
        string cabinet = disk?.Field(1) is { } tag && tag.EndsWith(".cab", StringComparison.OrdinalIgnoreCase) ? tag : "";
        string folder = string.Join('/', ((string[])[disk?.Field(SourceFolderField) ?? "", file.Field(1)])
            .SelectMany(f => f.Split('\\', '/'))
            .Where(p => p.Length > 0 && p != "."));
        return (folder.Length == 0 ? "" : folder + "/", cabinet);
    }

    private ServiceInstall ReadService(InfLine line)
    {
        string section = line.Field(2);
        string? logSection = line.Field(3) is { Length: > 0 } log ? log : null;
        return new ServiceInstall
        {
            Name = line.Field(0),
            Flags = InfNumber.Parse(line.Field(1)) ?? 0,
            DisplayName = inf.Value(section, "DisplayName") ?? "",
            Description = inf.Value(section, "Description") ?? "",
            ServiceType = Number(section, "ServiceType") ?? 0,
            StartType = Number(section, "StartType") ?? 0,
            ErrorControl = Number(section, "ErrorControl") ?? 0,
            ServiceBinary = inf.Value(section, "ServiceBinary") ?? "",
            StartName = inf.Value(section, "StartName") ?? "",
            LoadOrderGroup = inf.Value(section, "LoadOrderGroup") ?? "",
            Dependencies = [.. inf.Values(section, "Dependencies")],
            Security = inf.Value(section, "Security") ?? "",
            BootFlags = Number(section, "BootFlags") ?? 0,
            ServiceSidType = Number(section, "ServiceSidType"),
            DelayedAutoStart = bool.TryParse(inf.Value(section, "DelayedAutoStart"), out bool delayed) ? delayed : Number(section, "DelayedAutoStart") == 1,
            RequiredPrivileges = [.. inf.Values(section, "RequiredPrivileges")],
            AddReg = _registry.Additions(section),
            DelReg = _registry.Deletions(section),
            EventLog = logSection is null ? null : line.Field(4) is { Length: > 0 } type ? type : "System",
            EventSource = line.Field(5) is { Length: > 0 } source ? source : line.Field(0),
            EventLogAddReg = logSection is null ? [] : _registry.Additions(logSection),
        };
    }

    private uint? Number(string section, string key) => inf.Value(section, key) is { } text ? InfNumber.Parse(text) : null;
}

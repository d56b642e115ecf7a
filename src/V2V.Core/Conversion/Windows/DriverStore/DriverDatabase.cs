using System.Buffers.Binary;
using V2V.Core.Conversion.Windows.Drivers;
using V2V.Registry;

namespace V2V.Core.Conversion.Windows.DriverStore;

/// <summary>
/// The driver database of Windows 8 and later, as real Windows have it: which package a device's id leads to (DeviceIds), which packages are published
/// (DriverInfFiles), and for packages that the kernel configures devices with before any program runs, what their INF files say (DriverPackages with Configurations,
/// Descriptors and Strings). Classes of devices that a boot may need are in SYSTEM, the others in the hive DRIVERS.
/// </summary>
internal sealed class DriverDatabase(WindowsGuest windows, string path)
{
    private const int VersionLength = 48;

    /// <summary>What real packages of third parties have: 0x12, and 0x100 with INF files of Windows' own in them.</summary>
    private const uint StatusFlags = 0x12;

    private const uint HasIncludes = 0x100;

    /// <summary>What real configurations of third parties' packages have.</summary>
    private const uint ConfigScope = 7;

    private const byte FeatureScore = 0xFF;

    private RegistryEditor Registry => windows.Registry;

    /// <summary>Path of the key: <c>SYSTEM\DriverDatabase</c>.</summary>
    internal string Path => path;

    /// <summary>The databases that a guest has; none before Windows 8.</summary>
    internal static IReadOnlyList<DriverDatabase> Open(WindowsGuest windows)
    {
        var found = new List<DriverDatabase>();
        foreach (string hive in (string[])["SYSTEM", "DRIVERS"])
        {
            if (windows.HasFile("System32/config/" + hive) && windows.Registry.Find(hive + @"\DriverDatabase\DeviceIds") is not null)
            {
                found.Add(new DriverDatabase(windows, hive + @"\DriverDatabase"));
            }
        }

        return found;
    }

    /// <summary>The database that has packages of a class: the one that knows the class, else that of classes which no boot needs.</summary>
    /// <returns>Null if the guest has none for it; the first boot imports the package then.</returns>
    internal static DriverDatabase? For(IReadOnlyList<DriverDatabase> databases, Guid classGuid, bool isBoot) =>
        databases.FirstOrDefault(d => d.HasClass(classGuid)) ?? (databases.Count > 1 ? databases[^1] : databases.Count > 0 && isBoot ? databases[0] : null);

    /// <summary>The published name of a package, or null if it is not in the database.</summary>
    internal string? FindPublished(string label) => Registry.Find($@"{path}\DriverPackages\{label}")?.GetText("");

    /// <summary>The label of a published package, or null.</summary>
    internal string? FindLabel(string published) => Registry.Find($@"{path}\DriverInfFiles\{published}")?.GetText("Active");

    /// <summary>Notes a package, as importing it into the store does: enough for Windows to find it for a device.</summary>
    internal void Import(StorePackage package, CatalogSigner signer, string oemPath, string reason)
    {
        string key = $@"{path}\DriverPackages\{package.Label}";
        DriverPackage source = package.Package;
        Registry.Set(key, "Version", RegistryValueType.Binary, Version(package), reason);
        Registry.SetText(key, "Provider", source.Provider, reason);
        Registry.SetText(key, "InfName", source.Name, reason);
        Registry.SetText(key, "OemPath", oemPath, reason);
        if (signer.Name.Length > 0)
        {
            Registry.SetText(key, "SignerName", signer.Name, reason);
        }

        if (Registry.Find(key)?.GetValue("ImportDate") is null)
        {
            byte[] now = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(now, DateTime.UtcNow.ToFileTimeUtc());
            Registry.Set(key, "ImportDate", RegistryValueType.Binary, now, reason);
        }

        if (source.CatalogFile(package.Target.Architecture) is { } catalog)
        {
            Registry.SetText(key, "Catalog", catalog, reason);
        }

        Registry.SetNumber(key, "SignerScore", signer.Score, reason);
        Registry.SetNumber(key, "StatusFlags", package.Installs.Any(i => i.Include.Count > 0) ? StatusFlags | HasIncludes : StatusFlags, reason);
        Registry.SetText(key, "", package.Published, reason);

        string file = $@"{path}\DriverInfFiles\{package.Published}";
        Registry.SetTexts(file, "", [package.Label], reason);
        Registry.SetText(file, "Active", package.Label, reason);
        foreach (DriverModel model in package.Models)
        {
            byte rank = 0;
            foreach (string id in model.Ids)
            {
                AddId(package, id, ++rank, model, reason);
            }
        }

        Registry.Set($@"{path}\DeviceIds\{source.ClassGuid:B}", package.Published, RegistryValueType.None, [], reason);
    }

    /// <summary>Notes what the kernel does with the package's devices, as installing the package does: which service, which values.</summary>
    internal void Configure(StorePackage package, string reason)
    {
        string key = $@"{path}\DriverPackages\{package.Label}";
        var strings = new StringTokens(package.Package.Inf);
        foreach (DriverInstall install in package.Installs)
        {
            WriteConfiguration($@"{key}\Configurations\{install.Section}", install, reason);
        }

        foreach (DriverModel model in package.Models)
        {
            string configuration = package.Package.Install(model, package.Target).Section;
            foreach (string id in model.Ids.Concat(ShortIds(model)))
            {
                string descriptor = $@"{key}\Descriptors\{id}";
                Registry.SetText(descriptor, "Configuration", configuration, reason);
                Registry.SetText(descriptor, "Manufacturer", strings.Token(model.Manufacturer), reason);
                Registry.SetText(descriptor, "Description", strings.Token(model.Description), reason);
            }

            foreach (string id in ShortIds(model))
            {
                AddId(package, id, (byte)(model.Ids.Count() + 1), model, reason);
            }
        }

        foreach ((string token, string text) in strings.Used)
        {
            Registry.SetText($@"{key}\Strings", token, text, reason);
        }

        Registry.SetTexts($@"{path}\DriverInfFiles\{package.Published}", "Configurations", package.Installs.Select(i => i.Section), reason);
    }

    /// <summary>
    /// Ids that a device has, whoever sells it, where the INF file only has those of one seller (SUBSYS): the boot must not hang on that. As virt-v2v does.
    /// </summary>
    internal static IEnumerable<string> ShortIds(DriverModel model)
    {
        string[] parts = model.HardwareId.Split('&');
        string id = string.Join('&', parts.Take(2));
        return parts.Length > 2 && id.StartsWith(@"PCI\VEN_", StringComparison.OrdinalIgnoreCase) && !model.Ids.Contains(id, StringComparer.OrdinalIgnoreCase) ? [id] : [];
    }

    private bool HasClass(Guid classGuid) => Registry.Find($@"{path}\DeviceIds\{classGuid:B}") is not null;

    /// <summary>The lowest byte is the place of the id in its line; the next the feature score, of which 0xFF is the lowest and usual.</summary>
    private void AddId(StorePackage package, string id, byte place, DriverModel model, string reason)
    {
        string? score = package.Package.Install(model, package.Target).Directives.GetValueOrDefault("FeatureScore");
        byte feature = byte.TryParse(score, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out byte given) ? given : FeatureScore;
        string key = $@"{path}\DeviceIds\{id}";
        if (Registry.Find(key)?.GetValue(package.Published) is null)
        {
            Registry.Set(key, package.Published, RegistryValueType.Binary, [place, feature, 0, 0], reason);
        }
    }

    private void WriteConfiguration(string key, DriverInstall install, string reason)
    {
        Registry.SetText(key, "Service", install.DeviceService?.Name ?? "", reason);
        Registry.SetNumber(key, "ConfigScope", ConfigScope, reason);
        if (install.Include.Count > 0)
        {
            Registry.SetTexts(key, "IncludedInfs", install.Include.Select(i => i.ToLowerInvariant()), reason);
        }

        Registry.SetNumber(key, "ConfigFlags", 0, reason);
        WriteValues(key + @"\Device", install.HardwareAddReg, reason);
        WriteValues(key + @"\Driver", install.AddReg, reason);
        foreach (ServiceInstall service in install.Services.Where(s => s.Name.Length > 0))
        {
            WriteValues($@"{key}\Services\{service.Name}", service.AddReg, reason);
        }
    }

    /// <summary>Values as the INF file has them: that an existing one stays, or is added to, stands in the upper half of the type.</summary>
    private void WriteValues(string key, IReadOnlyList<RegistryEdit> edits, string reason)
    {
        foreach (RegistryEdit edit in edits.Where(BootServices.IsApplicable))
        {
            string at = edit.Subkey.Length == 0 ? key : key + '\\' + edit.Subkey;
            if (edit.Data is null)
            {
                Registry.CreateKey(at, reason);
                continue;
            }

            uint type = (uint)edit.Type | (edit.KeepsExisting ? 0x20000u : 0) | (edit.Appends ? 0x40000u : 0);
            Registry.Set(at, edit.Name, (RegistryValueType)type, edit.Data, reason);
        }
    }

    /// <summary>
    /// 00 FF for a third party's package, the architecture's number (PROCESSOR_ARCHITECTURE_*), the class' GUID, and date and version of DriverVer.
    /// </summary>
    private static byte[] Version(StorePackage package)
    {
        byte[] version = new byte[VersionLength];
        version[1] = 0xFF;
        version[2] = package.Target.Architecture switch
        {
            TargetArchitecture.X86 => 0,
            TargetArchitecture.Arm => 5,
            TargetArchitecture.Ia64 => 6,
            TargetArchitecture.Amd64 => 9,
            _ => 12,
        };
        package.Package.ClassGuid.TryWriteBytes(version.AsSpan(8));
        if (package.Package.DriverVer is { } date && date.Date.Year > 1600)
        {
            BinaryPrimitives.WriteInt64LittleEndian(version.AsSpan(24), date.Date.ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc).ToFileTimeUtc());
            ushort[] parts = [(ushort)date.Version.Revision, (ushort)date.Version.Build, (ushort)date.Version.Minor, (ushort)date.Version.Major];
            for (int i = 0; i < parts.Length; i++)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(version.AsSpan(32 + (2 * i)), parts[i]);
            }
        }

        return version;
    }
}

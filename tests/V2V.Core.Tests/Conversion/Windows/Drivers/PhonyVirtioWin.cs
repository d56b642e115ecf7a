using V2V.Testing;

namespace V2V.Core.Tests.GuestConversion.Windows.Drivers;

/// <summary>
/// A tree as a list of the corpus has it: INF files are the corpus' templates where it has one, else of the same structure with the device's
/// real ids; the other files hold their own path.
/// </summary>
internal static class PhonyVirtioWin
{
    public const string IsoList = "virtio-win/virt-v2v/virtio-win-iso-list.txt";
    public const string DriversList = "virtio-win/virt-v2v/virtio-win-drivers-list.txt";

    private static readonly Dictionary<string, string> s_templates = new(StringComparer.OrdinalIgnoreCase)
    {
        ["balloon.inf"] = "Balloon_sys_balloon.inx",
        ["viofs.inf"] = "viofs_pci_viofs.inf",
        ["vioinput.inf"] = "vioinput_sys_vioinput.inx",
        ["viogpudo.inf"] = "viogpu_viogpudo_viogpudo.inx",
        ["viosock.inf"] = "viosock_sys_viosock.inx",
        ["smbus.inf"] = "Q35_SMBus_smbus.inf",
    };

    private static readonly Dictionary<string, (string Class, string Guid, string[] Ids)> s_devices = new(StringComparer.OrdinalIgnoreCase)
    {
        ["viostor"] = ("SCSIAdapter", "4D36E97B-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1AF4&DEV_1001", @"PCI\VEN_1AF4&DEV_1042"]),
        ["vioscsi"] = ("SCSIAdapter", "4D36E97B-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1AF4&DEV_1004", @"PCI\VEN_1AF4&DEV_1048"]),
        ["netkvm"] = ("Net", "4D36E972-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1AF4&DEV_1000", @"PCI\VEN_1AF4&DEV_1041"]),
        ["viorng"] = ("System", "4D36E97D-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1AF4&DEV_1005", @"PCI\VEN_1AF4&DEV_1044"]),
        ["vioser"] = ("System", "4D36E97D-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1AF4&DEV_1003", @"PCI\VEN_1AF4&DEV_1043"]),
        ["viomem"] = ("System", "4D36E97D-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1AF4&DEV_1058"]),
        ["pvpanic"] = ("System", "4D36E97D-E325-11CE-BFC1-08002BE10318", [@"ACPI\QEMU0001"]),
        ["fwcfg"] = ("System", "4D36E97D-E325-11CE-BFC1-08002BE10318", [@"ACPI\QEMU0002"]),
        ["qemufwcfg"] = ("System", "4D36E97D-E325-11CE-BFC1-08002BE10318", [@"ACPI\QEMU0002"]),
        ["qemupciserial"] = ("MultiFunction", "4D36E971-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1B36&DEV_0003"]),
        ["qxl"] = ("Display", "4D36E968-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1B36&DEV_0100"]),
        ["qxldod"] = ("Display", "4D36E968-E325-11CE-BFC1-08002BE10318", [@"PCI\VEN_1B36&DEV_0100"]),
        ["vioprot"] = ("NetTrans", "4D36E975-E325-11CE-BFC1-08002BE10318", ["ms_vioprot"]),
    };

    /// <summary>Makes the tree of a list below a folder.</summary>
    public static void Make(string list, string folder)
    {
        string[] paths = [.. File.ReadAllLines(Corpus.Require(list)).Where(p => p.Length > 0 && !p.EndsWith(".pdb", StringComparison.OrdinalIgnoreCase))];
        var names = new HashSet<string>(paths, StringComparer.OrdinalIgnoreCase);
        foreach (string path in paths.Where(p => !paths.Any(o => o.StartsWith(p + "/", StringComparison.Ordinal))))
        {
            Write(folder, path, path.EndsWith(".inf", StringComparison.OrdinalIgnoreCase) ? Inf(path, names) : path);
        }
    }

    /// <summary>Writes a file, with the folders above it.</summary>
    public static void Write(string folder, string path, string content)
    {
        string target = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.WriteAllText(target, content);
    }

    /// <summary>A package of INF file, catalog and driver in a folder.</summary>
    public static void Package(string folder, string path, string name, string architecture, string version = "100.95.104.26200")
    {
        Write(folder, $"{path}/{name}.inf", Driver(name, architecture, hasDriver: true, version));
        Write(folder, $"{path}/{name}.cat", "catalog");
        Write(folder, $"{path}/{name}.sys", "driver of " + version);
    }

    /// <summary>The text of an INF file for a device.</summary>
    public static string Driver(string name, string architecture, bool hasDriver, string version = "100.95.104.26200")
    {
        (string className, string guid, string[] ids) = s_devices[name];
        string models = string.Concat(ids.Select((id, i) => $"%Device% = {name}_inst, {id}&SUBSYS_00021AF4&REV_0{i}, {id}\n"));
        string copy = hasDriver ? $"CopyFiles = {name}_files\n" : "";
        string service = hasDriver ? $"AddService = {name}, 2, {name}_service\n" : "AddService = , 2\n";
        return $"""
            ; a driver
            [Version]
            Signature="$WINDOWS NT$"
            Class={className}
            ClassGuid={guid}
            Provider=%VENDOR%
            CatalogFile={name}.cat
            DriverVer=01/29/2025,{version}
            [DestinationDirs]
            DefaultDestDir = 12
            [SourceDisksNames]
            1 = "Disk",,,""
            [SourceDisksFiles]
            {name}.sys = 1,,
            [Manufacturer]
            %VENDOR% = Models,NT{architecture}
            [Models.NT{architecture}]
            {models}[{name}_inst.NT]
            {copy}[{name}_inst.NT.Services]
            {service}[{name}_files]
            {name}.sys
            [{name}_service]
            ServiceType = 1
            StartType = 0
            ErrorControl = 1
            ServiceBinary = %12%\{name}.sys
            [Strings]
            VENDOR = "Red Hat, Inc."
            Device = "Red Hat VirtIO {name}"
            """;
    }

    private static string Inf(string path, HashSet<string> names)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        string architecture = path.Contains("/amd64/", StringComparison.Ordinal) ? "amd64" : path.Contains("ARM64", StringComparison.OrdinalIgnoreCase) ? "arm64" : "x86";
        return s_templates.TryGetValue(name + ".inf", out string? template) ? Inx.Stamp(template, architecture)
            : Driver(name, architecture, names.Contains(Path.ChangeExtension(path, ".sys")));
    }
}

/// <summary>The trees of the corpus' lists, each made once.</summary>
public sealed class VirtioWinTrees : IDisposable
{
    private readonly Dictionary<string, TemporaryDirectory> _trees = [];

    /// <summary>The folder with the tree of a list.</summary>
    public string Folder(string list)
    {
        if (!_trees.TryGetValue(list, out TemporaryDirectory? tree))
        {
            _trees.Add(list, tree = new TemporaryDirectory());
            PhonyVirtioWin.Make(list, tree.Path);
        }

        return tree.Path;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TemporaryDirectory tree in _trees.Values)
        {
            tree.Dispose();
        }
    }
}

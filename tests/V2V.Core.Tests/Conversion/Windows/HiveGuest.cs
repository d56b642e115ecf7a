using System.Collections.Concurrent;
using SharpCompress.Compressors.Xz;
using V2V.Core.Conversion;
using V2V.Core.Conversion.Windows;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;
using V2V.Registry;
using V2V.Testing;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>A Windows guest in memory that has real hives of the corpus, and files as a test wants them.</summary>
internal sealed class HiveGuest : IDisposable
{
    /// <summary>Windows 10 1709 of 64 bits with VMware Tools and an e1000e card.</summary>
    public const string Windows10 = "regipy/SYSTEM_WIN_10_1709.xz";

    /// <summary>Windows 7 of 32 bits with VMware Tools and e1000 cards with static addresses.</summary>
    public const string Windows7 = "regipy/SYSTEM.xz";

    private const string Config = "/Windows/System32/config/";

    private static readonly ConcurrentDictionary<string, byte[]> s_hives = new();

    public HiveGuest(string system, Version version)
    {
        System = s_hives.GetOrAdd(Corpus.Require("registry/" + system), path => Seal(Unpack(path)));
        Version = version;
        Root.Add(Config + "SYSTEM", System.ToArray()).Add(Config + "SOFTWARE", File.ReadAllBytes(Corpus.Require("registry/hivex/minimal"))).AddDirectory("/Windows/INF").AddDirectory("/Windows/System32/drivers");
    }

    /// <summary>The SYSTEM hive as it was. Not to be written to.</summary>
    public byte[] System { get; }

    public Version Version { get; }

    public string Architecture { get; init; } = "x86_64";

    /// <summary>The control set that Windows last ran with.</summary>
    public string ControlSet { get; init; } = "ControlSet001";

    public List<SourceNic> Nics { get; } = [new("00:0c:29:f3:ff:de", "e1000e", "VM Network", NetworkType.Network)];

    public ConversionOptions Options { get; set; } = new();

    public MemoryFileSystem Root { get; } = new("ntfs");

    public List<string> Warnings { get; } = [];

    public ConversionContext Context { get; private set; } = null!;

    /// <summary>Changes a hive before the steps run.</summary>
    public void Edit(string hive, Action<RegistryHive> edit)
    {
        byte[] before = new GuestTree(new GuestMount("/", Root)).ReadAllBytes(Config + hive);
        RegistryHive opened = RegistryHive.Open(new MemoryStream(before), hive);
        edit(opened);
        using var after = new MemoryStream();
        after.Write(before);
        opened.Save(after);
        Root.Add(Config + hive, after.ToArray());
    }

    /// <summary>Runs steps on the guest as it is now, and writes the hives.</summary>
    public ConversionContext Run(params ConversionStep[] steps)
    {
        Context?.Dispose();
        Context = new ConversionContext(Inspect(), Options, new GuestTree(new GuestMount("/", Root)), new WarningList(Warnings));
        foreach (ConversionStep step in steps.OrderBy(s => s.Order))
        {
            Context.Editor.Step = step.Name;
            step.Apply(Context);
        }

        Context.Windows.Registry.Save();
        return Context;
    }

    /// <summary>A hive as it is in the guest now.</summary>
    public RegistryHive Hive(string name) => RegistryHive.Open(new MemoryStream(Context.Tree.ReadAllBytes(Config + name)), name);

    /// <summary>A value of a hive, as hivex reads it from the guest's file.</summary>
    public string ByHivex(TemporaryDirectory directory, string hive, string key, string value)
    {
        Tool.Require("hivexget");
        string file = directory.File(Guid.NewGuid().ToString("N"));
        File.WriteAllBytes(file, Context.Tree.ReadAllBytes(Config + hive));
        return Tool.Run("hivexget", file, key, value).TrimEnd('\n');
    }

    /// <summary>The hive as hivex exports it.</summary>
    public static string Export(TemporaryDirectory directory, byte[] hive, string key)
    {
        Tool.Require("hivexregedit");
        string file = directory.File(Guid.NewGuid().ToString("N"));
        File.WriteAllBytes(file, hive);
        return Tool.Run("hivexregedit", "--export", file, key);
    }

    public void Dispose() => Context?.Dispose();

    private V2VInspection Inspect() => new()
    {
        Source = new V2VSource
        {
            Name = "phony",
            Path = "/nowhere/phony.ova",
            Hypervisor = "vmware",
            Nics = Nics,
            Disks = [new SourceDisk { Index = 0, Format = "vmdk", Controller = DiskController.Scsi }],
        },
        OsType = "windows",
        Distro = "windows",
        Version = Version,
        Architecture = Architecture,
        RootDevice = "sda1",
        Windows = new WindowsInfo { SystemRoot = "/Windows", ControlSet = ControlSet },
    };

    /// <summary>The corpus has no logs for these hives, which were read off running systems; their files alone are whole. Marks them as closed.</summary>
    private static byte[] Seal(byte[] hive)
    {
        hive.AsSpan(4, 4).CopyTo(hive.AsSpan(8));
        uint sum = 0;
        for (int at = 0; at < 508; at += 4)
        {
            sum ^= BitConverter.ToUInt32(hive, at);
        }

        BitConverter.TryWriteBytes(hive.AsSpan(508), sum);
        return hive;
    }

    private static byte[] Unpack(string path)
    {
        using FileStream file = File.OpenRead(path);
        using var xz = new XZStream(file);
        using var content = new MemoryStream();
        xz.CopyTo(content);
        return content.ToArray();
    }

    private sealed class WarningList(List<string> warnings) : IOperationObserver
    {
        public CancellationToken CancellationToken => default;

        public void Progress(OperationProgress progress)
        {
        }

        public void Verbose(string message)
        {
        }

        public void Warning(string message) => warnings.Add(message);
    }
}

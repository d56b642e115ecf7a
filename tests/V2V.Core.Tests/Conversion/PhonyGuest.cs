using System.IO.Compression;
using V2V.Core.Conversion;
using V2V.Core.Guest;
using V2V.Core.Inspection;
using V2V.Core.Inspection.Network;
using V2V.Core.Sources;
using V2V.Core.Tests.Guest;

namespace V2V.Core.Tests.GuestConversion;

/// <summary>A guest of the Debian family in memory, with the modules of tests/fixtures/conversion, and what an inspection would say of it.</summary>
internal sealed class PhonyGuest
{
    public const string Kernel = "1.2.3-v2v";
    public const string RootUuid = "42778d0e-70fc-4ce6-b1af-c3a61042c95b";
    public const string SwapUuid = "0f0e0d0c-0b0a-0908-0706-050403020100";
    public const string Mac = "00:0c:29:aa:bb:cc";

    public static readonly string[] AllModules =
    [
        "virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk", "scsi_mod", "sd_mod", "virtio_scsi", "sd_extra",
        "vmw_pvscsi", "failover", "net_failover", "virtio_net", "e1000", "odd_name",
    ];

    private GuestTree? _tree;

    public PhonyGuest()
    {
        Root.AddDirectory("/etc").AddDirectory("/usr/lib").AddDirectory("/boot").AddDirectory("/var/lib/systemd").AddDirectory("/etc/initramfs-tools")
            .AddDirectory("/etc/systemd/system").Add("/usr/sbin/update-initramfs", "#!/bin/sh\n", GuestMode.Program);
    }

    public MemoryFileSystem Root { get; } = new(uuid: RootUuid);

    public List<GuestMount> OtherMounts { get; } = [];

    public List<KernelInfo> Kernels { get; } = [NewKernel()];

    public List<NetworkInfo> Networks { get; } = [new("ens192", Mac, "ifupdown", "/etc/network/interfaces", "static", ["10.0.2.77/24"], "10.0.2.2", [])];

    public List<SourceNic> Nics { get; } = [new(Mac, "vmxnet3", "VM Network", NetworkType.Network)];

    public List<GuestToolInfo> Tools { get; } = [];

    public List<ApplicationInfo> Packages { get; } = [new("systemd", "252.39-1~deb12u1", "amd64", "")];

    public List<VolumeInfo> Volumes { get; } =
    [
        new("sda", 0, 0, 0, 3L << 30, null, null, null, null, null, null),
        new("sda1", 0, 1, 1 << 20, 2L << 30, "ext4", RootUuid, null, "5eed0001-01", null, "83"),
        new("sda5", 0, 5, 3L << 29, 256 << 20, "swap", SwapUuid, null, "5eed0001-05", null, "82"),
    ];

    public string Distro { get; set; } = "debian";

    public string PackageFormat { get; set; } = "deb";

    public IReadOnlyList<string> InitramfsTools { get; set; } = [];

    public BootLoaderInfo? BootLoader { get; set; } = new("grub2", "/boot/grub/grub.cfg", null);

    public Version Version { get; set; } = new(12, 0);

    public string InitSystem { get; set; } = "systemd";

    public FirmwareType Firmware { get; set; } = FirmwareType.Bios;

    public bool HasCloudInit { get; set; }

    public ConversionOptions Options { get; set; } = new();

    public List<string> Warnings { get; } = [];

    public GuestTree Tree => _tree ??= new GuestTree(new GuestMount("/", Root), OtherMounts);

    public static KernelInfo NewKernel() => new()
    {
        Version = Kernel,
        ImagePath = "/boot/vmlinuz-" + Kernel,
        InitramfsPath = "/boot/initrd.img-" + Kernel,
        InitramfsCompression = "zstd",
        ModulesPath = "/lib/modules/" + Kernel,
        InitramfsModulesPath = "usr/lib/modules/" + Kernel,
        InitramfsIsUsrMerged = true,
        Modules = AllModules,
        InitramfsModules = ["scsi_mod", "sd_mod", "vmw_pvscsi"],
        HasVirtioBlk = true,
        HasVirtioScsi = true,
        HasVirtioNet = true,
        IsDefault = true,
    };

    /// <summary>Puts the modules of the fixture into the guest.</summary>
    /// <param name="form">Folder in the fixture: <c>full</c>, <c>xz</c>, <c>zst</c>, <c>gz</c>.</param>
    public PhonyGuest AddModules(string form = "full")
    {
        foreach ((string path, byte[] content) in Fixture(form))
        {
            Root.Add("/" + path, content);
        }

        return this;
    }

    /// <summary>Files of a folder of the fixture, by their path below it.</summary>
    public static Dictionary<string, byte[]> Fixture(string form)
    {
        using ZipArchive archive = ZipFile.OpenRead(Path.Combine(Fixtures(), "conversion", "modules.zip"));
        return archive.Entries.Where(e => e.FullName.StartsWith(form + "/", StringComparison.Ordinal)).ToDictionary(e => e.FullName[(form.Length + 1)..], Read);

        static byte[] Read(ZipArchiveEntry entry)
        {
            using Stream stream = entry.Open();
            using var content = new MemoryStream();
            stream.CopyTo(content);
            return content.ToArray();
        }
    }

    private V2VSource Source => new()
    {
        Name = "phony",
        Path = "/nowhere/phony.ova",
        Hypervisor = "vmware",
        Nics = Nics,
        Firmware = Firmware,
        Disks = [new SourceDisk { Index = 0, Format = "vmdk", Controller = DiskController.Scsi }],
    };

    public V2VInspection Inspect() => new()
    {
        Source = Source,
        Nics = CardMacs.Complete(Source, [], new Dictionary<string, string>()),
        OsType = "linux",
        Distro = Distro,
        Version = Version,
        Architecture = "x86_64",
        PackageFormat = PackageFormat,
        PackageManager = "apt",
        InitSystem = InitSystem,
        Firmware = Firmware,
        RootDevice = "sda1",
        Volumes = Volumes,
        Kernels = Kernels,
        InitramfsTools = InitramfsTools,
        Networks = Networks,
        GuestTools = Tools,
        Applications = Packages,
        HasCloudInit = HasCloudInit,
        BootLoader = BootLoader,
        Mounts = [new MountInfo("/", "sda1", "ext4", "/dev/sda1", "")],
    };

    /// <summary>Applies steps, in their order, and gives what they share.</summary>
    public ConversionContext Apply(params ConversionStep[] steps)
    {
        var context = new ConversionContext(Inspect(), Options, Tree, SilentObserver.Instance);
        foreach (ConversionStep step in steps.OrderBy(s => s.Order))
        {
            context.Editor.Step = step.Name;
            step.Apply(context);
        }

        return context;
    }

    public string Text(string path) => Tree.ReadAllText(path);

    /// <summary>The folder tests/fixtures of the repository.</summary>
    public static string Fixtures()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string candidate = Path.Combine(directory.FullName, "tests", "fixtures");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        throw new DirectoryNotFoundException("tests/fixtures");
    }
}

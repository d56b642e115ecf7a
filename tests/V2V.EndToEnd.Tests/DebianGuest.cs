using V2V.Testing;

namespace V2V.EndToEnd;

/// <summary>
/// A Debian guest that debootstrap installs and that has once run under VMware's devices, packed as VMware would.
/// Built at the first use and kept for the run. In the split layout it has not run yet: a machine exported right after its installation.
/// </summary>
public sealed class DebianGuest : IDisposable
{
    private const string MacAddress = "52:54:00:12:34:56";
    private readonly TemporaryDirectory _directory = new();
    private readonly string _layout;
    private readonly string _suite;
    private bool _isBuilt;

    /// <param name="layout">The layout that build-debian.sh is to make.</param>
    /// <param name="suite">The release.</param>
    internal DebianGuest(string layout, string suite = "bookworm") => (_layout, _suite) = (layout, suite);

    private string Firmware => _layout == "bios" ? "bios" : "uefi";

    internal string Raw => _directory.File("guest.raw");

    internal string Ova => _directory.File("guest.ova");

    internal string OvaDigest { get; private set; } = "";

    internal GuestReport SourceReport { get; private set; } = null!;

    /// <summary>A qemu-guest-agent package for <c>-GuestAgentPackage</c>.</summary>
    internal string AgentPackage { get; private set; } = "";

    /// <summary>A package repository for the guest, where its layout has one.</summary>
    internal string Site => Raw + ".site";

    internal string File(string name) => _directory.File(name);

    internal void Build()
    {
        Tool.RequireRoot();
        Tool.Require("debootstrap", "mke2fs", "mkfs.fat", "mmd", "sfdisk", "qemu-system-x86_64", "qemu-img", "apt-get");
        if (_isBuilt)
        {
            return;
        }

        Tool.Run("bash", Repository.Script("build-debian.sh"), _layout, Raw, _suite);
        if (_layout != "split")
        {
            SourceReport = Boot(Raw, "raw", "pvscsi", "--write");
            Tool.Run("bash", "-c", $"cd {_directory.Path} && apt-get download -qq qemu-guest-agent");
            AgentPackage = Directory.GetFiles(_directory.Path, "qemu-guest-agent_*.deb").Single();
        }

        OvaPacker.Pack(Raw, Ova, "guest", Firmware, MacAddress);
        OvaDigest = OvaPacker.Digest(Ova);
        _isBuilt = true;
    }

    internal GuestReport Boot(string disk, string format, string bus, params string[] options)
    {
        string log = _directory.File($"{Path.GetFileName(disk)}-{bus}.log");
        string[] arguments = [Repository.Script("boot.sh"), Firmware, bus, disk, format, log, "--timeout", "900", .. options];
        Tool.TryRun("bash", arguments);
        return GuestReport.Read(log);
    }

    public void Dispose() => _directory.Dispose();
}

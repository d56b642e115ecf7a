using V2V.Testing;

namespace V2V.EndToEnd;

/// <summary>
/// A Debian guest that debootstrap installs and that has once run under VMware's devices, packed as VMware would.
/// Built at the first use and kept for the run.
/// </summary>
public sealed class DebianGuest : IDisposable
{
    private const string MacAddress = "52:54:00:12:34:56";
    private readonly TemporaryDirectory _directory = new();
    private readonly string _firmware;
    private bool _isBuilt;

    internal DebianGuest(string firmware) => _firmware = firmware;

    internal string Raw => _directory.File("guest.raw");

    internal string Ova => _directory.File("guest.ova");

    internal string OvaDigest { get; private set; } = "";

    internal GuestReport SourceReport { get; private set; } = null!;

    /// <summary>A qemu-guest-agent package for <c>-GuestAgentPackage</c>.</summary>
    internal string AgentPackage { get; private set; } = "";

    internal string File(string name) => _directory.File(name);

    internal void Build()
    {
        Tool.RequireRoot();
        Tool.Require("debootstrap", "mke2fs", "mkfs.fat", "mmd", "sfdisk", "qemu-system-x86_64", "qemu-img", "apt-get");
        if (_isBuilt)
        {
            return;
        }

        Tool.Run("bash", Repository.Script("build-debian.sh"), _firmware, Raw);
        SourceReport = Boot(Raw, "raw", "pvscsi", "--write");
        OvaPacker.Pack(Raw, Ova, "guest", _firmware, MacAddress);
        OvaDigest = OvaPacker.Digest(Ova);
        Tool.Run("bash", "-c", $"cd {_directory.Path} && apt-get download -qq qemu-guest-agent");
        AgentPackage = Directory.GetFiles(_directory.Path, "qemu-guest-agent_*.deb").Single();
        _isBuilt = true;
    }

    internal GuestReport Boot(string disk, string format, string bus, params string[] options)
    {
        string log = _directory.File($"{Path.GetFileName(disk)}-{bus}.log");
        string[] arguments = [Repository.Script("boot.sh"), _firmware, bus, disk, format, log, "--timeout", "900", .. options];
        Tool.TryRun("bash", arguments);
        return GuestReport.Read(log);
    }

    public void Dispose() => _directory.Dispose();
}

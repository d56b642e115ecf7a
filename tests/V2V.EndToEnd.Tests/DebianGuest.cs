using V2V.Testing;
using Xunit;

namespace V2V.EndToEnd;

/// <summary>
/// A Debian guest that has once run under VMware's devices, packed as VMware would. Made at the first use and kept for the run; its disks and
/// what it said under VMware's devices and, unconverted, under virtio come from guests/prepare.sh, which remembers them between runs.
/// </summary>
public sealed class DebianGuest : IDisposable
{
    private const string MacAddress = "52:54:00:12:34:56";
    private readonly TemporaryDirectory _directory = new();
    private readonly string _layout;
    private readonly string _suite;
    private readonly string _firmware;
    private bool _isBuilt;
    private string _prepared = "";

    /// <param name="layout">The layout that build-debian.sh or install-debian.sh is to make.</param>
    /// <param name="firmware">bios or uefi.</param>
    /// <param name="refusal">What the console says when the unconverted guest does not boot from virtio.</param>
    /// <param name="suite">The release.</param>
    internal DebianGuest(string layout, string firmware, string refusal, string suite = "bookworm") =>
        (_layout, _firmware, Refusal, _suite) = (layout, firmware, refusal, suite);

    internal string Refusal { get; }

    internal string Ova => _directory.File("guest.ova");

    internal string OvaDigest { get; private set; } = "";

    /// <summary>What the guest said under VMware's devices; null if its layout is not booted before the conversion.</summary>
    internal GuestReport? SourceReport { get; private set; }

    /// <summary>What the unconverted guest said under virtio.</summary>
    internal GuestReport RefusedReport { get; private set; } = null!;

    /// <summary>A package repository for the guest, where its layout has one.</summary>
    internal string Site => Path.Combine(_prepared, "site");

    internal string File(string name) => _directory.File(name);

    internal void Build()
    {
        Tool.RequireRoot();
        Tool.Require("debootstrap", "mke2fs", "mkfs.fat", "mmd", "sfdisk", "qemu-system-x86_64", "qemu-img", "apt-get", "busybox", "cpio", "modprobe", "xz");
        if (_isBuilt)
        {
            return;
        }

        _prepared = Tool.Run("bash", Repository.Script("prepare.sh"), _firmware, _layout, _suite, Refusal).Trim();
        string sourceLog = Path.Combine(_prepared, "source.log");
        if (System.IO.File.Exists(sourceLog))
        {
            SourceReport = GuestReport.Read(sourceLog);
        }

        RefusedReport = GuestReport.Read(Path.Combine(_prepared, "refused.log"));
        string[] disks = [.. Directory.GetFiles(_prepared, "disk?.raw").Order(StringComparer.Ordinal)];
        OvaPacker.Pack(disks, Ova, "guest", _firmware, MacAddress);
        OvaDigest = OvaPacker.Digest(Ova);
        _isBuilt = true;
    }

    /// <summary>Downloads a qemu-guest-agent package for <c>-GuestAgentPackage</c>, of the release that the tests run on.</summary>
    internal string DownloadAgent()
    {
        Tool.Run("bash", "-c", $"cd {_directory.Path} && apt-get download -qq qemu-guest-agent");
        return Directory.GetFiles(_directory.Path, "qemu-guest-agent_*.deb").Single();
    }

    /// <summary>Lets the file systems' own checkers judge disks, in the machine that installed the guest.</summary>
    internal string Check(IEnumerable<string> disks, string format)
    {
        string log = _directory.File("check.log");
        (int exitCode, string output) = Tool.TryRun("bash", [Repository.Script("run-machine.sh"), "check", Path.Combine(_prepared, "machine"), log, format, .. disks]);
        Assert.True(exitCode == 0, output);
        return System.IO.File.ReadAllText(log);
    }

    /// <summary>Boots disks, in this order, from a bus.</summary>
    internal GuestReport Boot(IEnumerable<string> disks, string format, string bus, params string[] options)
    {
        string log = _directory.File($"{Path.GetFileName(disks.First())}-{bus}.log");
        string[] arguments = [Repository.Script("boot.sh"), _firmware, bus, string.Join(',', disks), format, log, "--timeout", "2400", .. options];
        Tool.TryRun("bash", arguments);
        return GuestReport.Read(log);
    }

    public void Dispose() => _directory.Dispose();
}

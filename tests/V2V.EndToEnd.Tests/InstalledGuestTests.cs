using V2V.Testing;
using Xunit;

namespace V2V.EndToEnd;

/// <summary>
/// What install-debian.sh installs, on one disk or two, goes from VMware's devices to virtio. The guest knows VMware's drivers only, because its
/// initramfs was made by its own tools on a machine with VMware's devices.
/// </summary>
public abstract class InstalledGuestTests : IDisposable
{
    private readonly DebianGuest _guest;

    private protected InstalledGuestTests(string layout, string firmware, string refusal) => _guest = new DebianGuest(layout, firmware, refusal, "trixie");

    /// <summary>More parameters for Convert-V2VGuest.</summary>
    private protected virtual string Options => "";

    /// <summary>What is peculiar to the guest, in the report of a boot from disks named vda, vdb or sda, sdb.</summary>
    private protected abstract void CheckReport(GuestReport report, string diskName);

    [Fact]
    public void The_converted_guest_boots_from_virtio()
    {
        _guest.Build();
        GuestReport source = _guest.SourceReport!;
        Assert.True(source["state"] == "running" && source["failed"].Length == 0, source.ToString());
        Assert.Contains("nic=ens192 mac=52:54:00:12:34:56 driver=vmxnet3 addr=10.0.2.77/24", source.Text, StringComparison.Ordinal);
        CheckReport(source, "sd");
        Assert.Equal("", _guest.RefusedReport["state"]);
        Assert.Contains(_guest.Refusal, _guest.RefusedReport.Console, StringComparison.Ordinal);

        string output = _guest.File("converted");
        string log = V2VHost.Run(
            $"Import-V2VSource -Ova {V2VHost.Quote(_guest.Ova)} | Convert-V2VGuest {Options} | Export-V2VDisk -Local {V2VHost.Quote(output)}");
        Assert.Equal(_guest.OvaDigest, OvaPacker.Digest(_guest.Ova));
        IReadOnlyList<string> disks = V2VHost.DisksOf(output);
        foreach (string disk in disks)
        {
            Tool.Run("qemu-img", "check", disk);
        }

        _guest.Check(disks, "qcow2");
        GuestReport first = _guest.Boot(disks, "qcow2", "virtio-blk", "--write");
        CheckBoot(first, log);
        Assert.True(first["firstboot-ran"] == "yes", first + log);
        CheckReport(first, "vd");
        GuestReport second = _guest.Boot(disks, "qcow2", "virtio-scsi");
        CheckBoot(second, log);
        CheckReport(second, "sd");
    }

    public void Dispose()
    {
        _guest.Dispose();
        GC.SuppressFinalize(this);
    }

    private static void CheckBoot(GuestReport report, string log)
    {
        string all = report + log;
        Assert.True(report["state"] == "running" && report["state-after"] == "running" && report["failed"].Length == 0, all);
        Assert.True(report.Console.Contains("login:", StringComparison.Ordinal), all);
        Assert.True(report.Text.Contains("nic=ens192 mac=52:54:00:12:34:56 driver=virtio_net addr=10.0.2.77/24", StringComparison.Ordinal), all);
        Assert.True(report["firstboot-unit"] == "0" && report["firstboot-files"].Length == 0, all);
        Assert.False(report["open-vm-tools"].StartsWith("ii", StringComparison.Ordinal), all);
    }
}

using System.Globalization;
using V2V.Testing;
using Xunit;

namespace V2V.EndToEnd;

/// <summary>
/// Debian 13: compressed kernel modules, /boot of its own, netplan, a default entry by its identifier, and the guest agent from the guest's own
/// repository, which is away at the first boot.
/// </summary>
public sealed class SplitGuestTests(SplitGuestTests.Guest guest) : IClassFixture<SplitGuestTests.Guest>
{
    [Fact]
    public void A_Debian_13_boots_from_virtio_and_fetches_its_agent_when_it_can()
    {
        DebianGuest debian = guest.Debian;
        debian.Build();
        Assert.Contains(debian.Refusal, debian.RefusedReport.Console, StringComparison.Ordinal);

        string output = debian.File("converted");
        string log = V2VHost.Run($"Import-V2VSource -Ova {V2VHost.Quote(debian.Ova)} | Convert-V2VGuest | Export-V2VDisk -Local {V2VHost.Quote(output)}");
        Assert.Equal(debian.OvaDigest, OvaPacker.Digest(debian.Ova));
        string disk = Directory.GetFiles(output).Single(f => !f.EndsWith(".xml", StringComparison.Ordinal));
        Tool.Run("qemu-img", "check", disk);

        GuestReport first = debian.Boot([disk], "qcow2", "virtio-blk", "--write");
        Check(first, "vda", log);
        Assert.Equal("none", first["qemu-guest-agent"]);
        Assert.Contains("left to the next boot", first.Text, StringComparison.Ordinal);

        GuestReport second = debian.Boot([disk], "qcow2", "virtio-scsi", "--serve", debian.Site);
        Check(second, "sda", log);
        Assert.True(second["qemu-guest-agent"].StartsWith("ii", StringComparison.Ordinal), second.ToString());
        Assert.True(second["firstboot-unit"] == "0" && second["firstboot-files"].Length == 0, second.ToString());
    }

    private static void Check(GuestReport report, string disk, string log)
    {
        string all = report + log;
        Assert.True(report["state"] == "running" && report["state-after"] == "running" && report["failed"].Length == 0, all);
        Assert.DoesNotContain("cloud", report["kernel"], StringComparison.Ordinal);
        Assert.Equal($"/dev/{disk}3", report["root"]);
        Assert.Equal($"/dev/{disk}4", report["swap"]);
        Assert.Contains("nic=ens192 mac=52:54:00:12:34:56 driver=virtio_net addr=10.0.2.77/24", report.Text, StringComparison.Ordinal);
        Assert.True(report["firstboot-ran"] == "yes", all);
        Assert.False(report["open-vm-tools"].StartsWith("ii", StringComparison.Ordinal), all);
        // virtio_pci is compiled in.
        Assert.True(int.Parse(report["initramfs-virtio"], CultureInfo.InvariantCulture) == 2, all);
        Assert.True(report["update-grub"] == "same", all);
    }

    public sealed class Guest : IDisposable
    {
        public DebianGuest Debian { get; } = new("split", "uefi", "/dev/sda3 does not exist", "trixie");

        public void Dispose() => Debian.Dispose();
    }
}

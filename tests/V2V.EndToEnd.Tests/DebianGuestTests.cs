using System.Globalization;
using V2V.Testing;
using Xunit;

namespace V2V.EndToEnd;

/// <summary>An installed Debian goes from VMware's devices to virtio, and everything that can judge the result does.</summary>
/// <param name="guest">The guest.</param>
/// <param name="rootPartition">Number of its root partition.</param>
public abstract class DebianGuestTests(DebianGuest guest, int rootPartition)
{
    [Fact]
    public void The_source_boots_from_pvscsi_and_not_from_virtio()
    {
        guest.Build();
        GuestReport source = guest.SourceReport!;
        Assert.True(source["state"] == "running", source.ToString());
        Assert.Equal($"/dev/sda{rootPartition}", source["root"]);
        Assert.Contains("nic=ens192", source.Text, StringComparison.Ordinal);
        Assert.Equal("", guest.RefusedReport["state"]);
        Assert.Contains(guest.Refusal, guest.RefusedReport.Console + guest.RefusedReport.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_converted_guest_boots_from_virtio_blk_and_virtio_scsi()
    {
        guest.Build();
        string output = guest.File("converted");
        string disk = Convert(output, "qcow2", out string log);
        Tool.Run("qemu-img", "check", disk);
        Tool.Run("virt-xml-validate", Directory.GetFiles(output, "*.xml").Single(), "domain");

        // What the first boot does under virtio-blk stays; the second boot shows that it is done with and that the new initramfs is good.
        GuestReport first = guest.Boot([disk], "qcow2", "virtio-blk", "--write");
        Check(first, "vda", log);
        Assert.True(first["firstboot-ran"] == "yes", first + log);
        Assert.True(int.Parse(first["initramfs-virtio"], CultureInfo.InvariantCulture) >= 3, first + log);
        GuestReport second = guest.Boot([disk], "qcow2", "virtio-scsi");
        Check(second, "sda", log);
        Assert.Contains("V2V-LOG", second.Text, StringComparison.Ordinal);
    }

    private static void Check(GuestReport report, string disk, string log)
    {
        string all = report + log;
        Assert.True(report["state"] == "running", all);
        Assert.True(report["state-after"] == "running", all);
        Assert.True(report["failed"].Length == 0, all);
        Assert.Contains("login:", report.Console, StringComparison.Ordinal);
        Assert.Contains("nic=ens192 mac=52:54:00:12:34:56 driver=virtio_net addr=10.0.2.77/24", report.Text, StringComparison.Ordinal);
        Assert.StartsWith("/dev/" + disk, report["root"], StringComparison.Ordinal);
        Assert.StartsWith("/dev/" + disk, report["swap"], StringComparison.Ordinal);
        Assert.True(report["firstboot-unit"] == "0" && report["firstboot-files"].Length == 0, all);
        Assert.False(report["open-vm-tools"].StartsWith("ii", StringComparison.Ordinal), all);
        Assert.StartsWith("ii", report["qemu-guest-agent"], StringComparison.Ordinal);
    }

    [Fact]
    public void Every_checker_accepts_what_was_written()
    {
        guest.Build();
        string directory = guest.File("checked");
        Directory.CreateDirectory(directory);
        string work = Directory.CreateDirectory(guest.File("work")).FullName;
        string chain = Path.Combine(directory, "chain.raw");
        V2VHost.Run($$"""
            $overlay = Import-V2VSource -Ova {{V2VHost.Quote(guest.Ova)}} | Convert-V2VGuest -WorkingDirectory {{V2VHost.Quote(work)}}
            & qemu-img check $overlay.Disks[0].Path
            if ($LASTEXITCODE) { throw 'the overlay is not clean' }
            & qemu-img convert -O raw $overlay.Disks[0].Path {{V2VHost.Quote(chain)}}
            if ($LASTEXITCODE) { throw 'qemu-img cannot read the overlay' }
            $overlay | Export-V2VDisk -Local {{V2VHost.Quote(Path.Combine(directory, "qcow2"))}} -Format qcow2 -KeepOverlay
            $overlay | Export-V2VDisk -Local {{V2VHost.Quote(Path.Combine(directory, "packed"))}} -Format qcow2 -Compress -KeepOverlay
            $overlay | Export-V2VDisk -Local {{V2VHost.Quote(Path.Combine(directory, "raw"))}} -Format raw
            """);
        foreach (string export in new[] { "qcow2", "packed", "raw" })
        {
            string disk = DiskOf(Path.Combine(directory, export));
            Tool.Run("qemu-img", "compare", "-f", "raw", "-F", export == "raw" ? "raw" : "qcow2", chain, disk);
        }

        Tool.Run("qemu-img", "check", DiskOf(Path.Combine(directory, "packed")));
        long start = long.Parse(
            Tool.Run("bash", "-c", $"sfdisk -l -o Start {chain} | grep -E '^ *[0-9]+$' | sed -n {rootPartition}p"),
            CultureInfo.InvariantCulture);
        Tool.Run("e2fsck", "-fn", $"{chain}?offset={start * 512}");
        Assert.Equal(guest.OvaDigest, OvaPacker.Digest(guest.Ova));
        Assert.Empty(Directory.GetFileSystemEntries(work));
    }

    [Fact]
    public void What_if_shows_the_plan_and_leaves_nothing()
    {
        guest.Build();
        string work = Directory.CreateDirectory(guest.File("plan")).FullName;
        string output = V2VHost.Run($"Import-V2VSource -Ova {V2VHost.Quote(guest.Ova)} | Convert-V2VGuest -WhatIf -WorkingDirectory {V2VHost.Quote(work)}");
        Assert.Contains("/etc/fstab", output, StringComparison.Ordinal);
        Assert.Contains("/boot/initrd.img", output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(work));
        Assert.Equal(guest.OvaDigest, OvaPacker.Digest(guest.Ova));
    }

    /// <summary>Runs the main job and returns the path of the disk it wrote.</summary>
    private protected string Convert(string output, string format, out string log)
    {
        log = V2VHost.Run(
            $"Import-V2VSource -Ova {V2VHost.Quote(guest.Ova)} | Convert-V2VGuest -GuestAgentPackage {V2VHost.Quote(guest.DownloadAgent())} | Export-V2VDisk -Local {V2VHost.Quote(output)} -Format {format}");
        return DiskOf(output);
    }

    private static string DiskOf(string directory) => V2VHost.DisksOf(directory).Single();
}

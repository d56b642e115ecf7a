using System.Text.Json;
using V2V.Core.Conversion;
using V2V.Core.Inspection;
using V2V.Core.Tests.Inspection;
using V2V.Core.Tests.Inspection.Windows;
using V2V.Storage.Tests.Volumes.Ldm;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows;

/// <summary>A Windows whose C: is a volume of dynamic disks, simple or mirrored (Windows starts from no other); ldmtool, ntfsfix, ntfs-3g and hivex judge the result.</summary>
public sealed class DynamicWindowsTests
{
    private const int Sector = 512;
    private const int Sectors = PhonyWindows.SizeMebibytes * 2048;
    private const string Volume = "mapper/ldm_vol_HOST-Dg0_Volume1";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_system_on_dynamic_disks_is_converted(int copies)
    {
        Tool.Require("ldmtool", "ntfsfix", "qemu-img", "hivexget");
        using var directory = new TemporaryDirectory();
        (string[] disks, long start) = MakeDisks(directory, copies);
        V2VInspection found = OddWindows.Inspect(disks);
        Assert.Equal((Volume, "Windows 7 Ultimate", 0), (found.RootDevice, found.ProductName, found.BootDiskIndex));

        V2VOverlay overlay = GuestConverter.Convert(found, OddWindows.Options(directory, "w7", "x86"), SilentObserver.Instance);
        string[] converted = [.. disks.Select((_, i) => OddWindows.Raw(directory, overlay, i))];
        foreach (string disk in converted)
        {
            Assert.Equal(Sectors, ShownSectors(converted));
            OddWindows.Look(directory, Extract(directory, disk, start), root =>
            {
                Assert.StartsWith("driver of", File.ReadAllText(root + "/Windows/System32/drivers/viostor.sys"), StringComparison.Ordinal);
                Assert.True(File.Exists(root + "/Windows/V2V/firstboot.cmd"));
                Assert.Equal("0", Tool.Run("hivexget", root + "/Windows/System32/config/SYSTEM", @"ControlSet001\Services\viostor", "Start").Trim());
            });
        }

        // Outside the volume, the databases among it, nothing was touched; both halves of a mirror hold the same.
        Assert.Single(converted.Select(d => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Extract(directory, d, start))))).Distinct());
        foreach ((string before, string after) in disks.Zip(converted))
        {
            byte[] old = File.ReadAllBytes(before), now = File.ReadAllBytes(after);
            Assert.True(old.AsSpan(0, (int)start).SequenceEqual(now.AsSpan(0, (int)start)));
            Assert.True(old.AsSpan((int)start + (Sectors * Sector)).SequenceEqual(now.AsSpan((int)start + (Sectors * Sector))));
        }

        Assert.Empty(GuestConverter.Convert(OddWindows.Inspect(converted), OddWindows.Options(directory, "w7", "x86"), SilentObserver.Instance).Changes);
    }

    /// <summary>MBR disks whose one range begins with the volume, as on a disk that was made dynamic after the installation.</summary>
    private static (string[] Disks, long Start) MakeDisks(TemporaryDirectory directory, int copies)
    {
        byte[] volume = File.ReadAllBytes(OddWindows.Volume7(directory, change: root => File.WriteAllText(root + "/bootmgr", "the loader")));
        var writer = new LdmWriter { Sectors = Sectors + 8192 };
        for (int i = 0; i < copies; i++)
        {
            writer.AddDisk();
        }

        writer.AddVolume("Volume1", Sectors, [.. Enumerable.Range(0, copies).Select(i => new Copy(2, [new Piece(i, 0, Sectors)]))]);
        writer.Write();
        long start = writer.DataStart(0);
        var disks = new List<string>();
        foreach (byte[] image in writer.Images)
        {
            image[446] = 0x80;
            volume.CopyTo(image, start);
            disks.Add(directory.File(FormattableString.Invariant($"disk{disks.Count}.raw")));
            File.WriteAllBytes(disks[^1], image);
        }

        return ([.. disks], start);
    }

    private static string Extract(TemporaryDirectory directory, string disk, long start)
    {
        string volume = directory.File(Guid.NewGuid().ToString("N"));
        using FileStream source = File.OpenRead(disk), target = File.Create(volume);
        source.Position = start;
        var content = new byte[Sectors * Sector];
        source.ReadExactly(content);
        target.Write(content);
        return volume;
    }

    /// <summary>Length of the volume as ldmtool shows it, in sectors.</summary>
    private static long ShownSectors(string[] disks)
    {
        (int exitCode, string output) = Tool.TryRun("ldmtool", [.. disks.SelectMany(d => (string[])["-d", d]), "show", "volume", LdmWriter.GroupId.ToString("D"), "Volume1"]);
        int start = output.IndexOf('{', StringComparison.Ordinal), end = output.LastIndexOf('}');
        Assert.True(exitCode == 0 && start >= 0 && end > start, output);
        return JsonDocument.Parse(output[start..(end + 1)]).RootElement.GetProperty("size").GetInt64();
    }
}

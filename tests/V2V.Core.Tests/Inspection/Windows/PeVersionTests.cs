using V2V.Core.Inspection;
using V2V.Core.Inspection.Windows;
using V2V.Core.Tests.GuestConversion.Windows;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Inspection.Windows;

/// <summary>The version in the resources of programs: wine's kernel, which calls itself that of a Windows.</summary>
public sealed class PeVersionTests
{
    [Fact]
    public void The_kernel_of_wine_tells_its_version()
    {
        byte[] kernel = WineKernel();
        Version? version = PeVersion.Read(new MemoryStream(kernel));
        Assert.NotNull(version);
        Assert.InRange(version.Major, 5, 10);
        Assert.True(version.Build >= 2600, version.ToString());

        // The text in the same resource says the same.
        string text = System.Text.Encoding.Unicode.GetString(kernel) + System.Text.Encoding.Unicode.GetString(kernel.AsSpan(1));
        Assert.Contains(version.ToString(), text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_Windows_whose_SOFTWARE_hive_is_gone_is_still_told_by_its_kernel()
    {
        byte[] kernel = WineKernel();
        Version expected = PeVersion.Read(new MemoryStream(kernel))!;
        using var directory = new TemporaryDirectory();
        string volume = OddWindows.Volume10(directory, change: root =>
        {
            File.WriteAllBytes(root + "/Windows/System32/ntoskrnl.exe", kernel);
            File.WriteAllBytes(root + "/Windows/System32/config/SOFTWARE", new byte[8192]);
        });
        V2VInspection found = OddWindows.Inspect(TestDisk.Make(directory, (PhonyWindows.BasicData, PhonyWindows.SizeMebibytes, volume)));
        Assert.Equal(("windows", expected, "x86_64", "Client"), (found.OsType, found.Version, found.Architecture, found.Windows!.InstallationType));
        Assert.Contains(found.Warnings, w => w.Contains($"its kernel says {expected}", StringComparison.Ordinal));
        Assert.NotEmpty(found.HostName);
    }

    [Fact]
    public void Damaged_programs_tell_nothing_and_do_no_harm()
    {
        byte[] kernel = WineKernel();
        var random = new Random(11);
        for (int length = 0; length < kernel.Length; length += 1 + (kernel.Length / 300))
        {
            PeVersion.Read(new MemoryStream(kernel, 0, length));
        }

        for (int round = 0; round < 2000; round++)
        {
            byte[] changed = [.. kernel.AsSpan(0, Math.Min(kernel.Length, 4096))];
            for (int i = 0; i < 8; i++)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            PeVersion.Read(new MemoryStream([.. changed, .. kernel.AsSpan(changed.Length)]));
        }
    }

    private static byte[] WineKernel()
    {
        Tool.Require("wine64");
        string[] found = [.. ((string[])["/usr/lib/x86_64-linux-gnu/wine", "/usr/lib/wine", "/opt/wine-stable/lib64/wine"]).Select(f => f + "/x86_64-windows/ntoskrnl.exe").Where(File.Exists)];
        return found.Length > 0 ? File.ReadAllBytes(found[0]) : throw new InvalidOperationException("wine has no ntoskrnl.exe where it is looked for");
    }
}

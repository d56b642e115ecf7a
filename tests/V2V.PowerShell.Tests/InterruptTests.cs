using V2V.Testing;
using Xunit;

namespace V2V.PowerShell.Tests;

/// <summary>What a real <c>v2v</c> leaves when it is interrupted or killed in each stage.</summary>
public sealed class InterruptTests : IDisposable
{
    private const long DiskSize = 256L << 20;

    private readonly TemporaryDirectory _directory = new();

    public InterruptTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by a shell.");
        Directory.CreateDirectory(Temporary);
    }

    private string Temporary => _directory.File("tmp");

    private string Out => _directory.File("out");

    [Fact]
    public void AnImportThatVerifiesDigestsIsInterrupted()
    {
        string folder = Directory.CreateDirectory(_directory.File("huge")).FullName;
        using (FileStream disk = File.Create(Path.Combine(folder, "huge.raw")))
        {
            disk.SetLength(32L << 30);
        }

        File.WriteAllText(Path.Combine(folder, "huge.ovf"), PipelineTests.HugeOvf);
        File.WriteAllText(Path.Combine(folder, "huge.mf"), $"SHA256(huge.raw)= {new string('0', 64)}\n");
        using var shell = new ShellProcess($"Import-V2VSource -LiteralPath '{folder}'", Temporary);
        Interrupt(shell, () => shell.BytesRead > 100 << 20);
    }

    [Fact]
    public void AConversionIsInterrupted()
    {
        using var shell = new ShellProcess(
            $"$o = Import-V2VSource '{Repository.PhonyOva}' | Convert-V2VGuest; while ($true) {{ [Threading.Thread]::Sleep(10) }}", Temporary);
        Interrupt(shell, () => Directory.GetDirectories(Temporary, "v2v-*").Length > 0);
    }

    [Theory]
    [InlineData("-Compress")]
    [InlineData("-Format raw -ThrottleLimit 1")]
    public void AnExportIsInterrupted(string options)
    {
        using var shell = new ShellProcess(
            $"$o = Import-V2VSource '{Repository.PhonyOva}' | Convert-V2VGuest; while ($true) {{ Import-V2VSource -Disk '{MakeDisk()}' | Export-V2VDisk -Local '{Out}' -Force {options} }}",
            Temporary);
        Interrupt(shell, () => File.Exists(PartialDisk) && new FileInfo(PartialDisk).Length > 1 << 20);
        Assert.DoesNotContain(GetLeftOvers(Out), name => name is not ("disk-sda" or "disk.xml"));
    }

    [Fact]
    public void WhatAKilledProcessLeavesGoesWithTheNextStart()
    {
        using var shell = new ShellProcess(
            $"$o = Import-V2VSource '{Repository.PhonyOva}' | Convert-V2VGuest; Import-V2VSource -Disk '{MakeDisk()}' | Export-V2VDisk -Local '{Out}' -Compress", Temporary);
        Assert.True(shell.WaitUntil(() => File.Exists(PartialDisk) && new FileInfo(PartialDisk).Length > 1 << 20), "It ended before.");
        shell.Send("KILL");
        Assert.True(shell.WaitForExit());
        Assert.NotEmpty(Directory.GetDirectories(Temporary, "v2v-*"));
        Assert.True(File.Exists(PartialDisk));
        File.WriteAllText(Path.Combine(Out, "film.partial"), "somebody's download");

        using var next = new ShellProcess($"Import-V2VSource '{Repository.PhonyOva}' | Export-V2VDisk -Local '{Out}'", Temporary);
        Assert.True(next.WaitForExit());
        Assert.True(next.ExitCode == 0, next.Text);
        Assert.Empty(GetLeftOvers(Temporary));
        Assert.Equal(["film.partial", "phony-debian-sda", "phony-debian.xml"], GetLeftOvers(Out));
    }

    [Theory]
    [InlineData("Import-V2VSource $ova | Convert-V2VGuest | ForEach-Object { throw 'downstream' }", 1)]
    [InlineData("Import-V2VSource $ova | Convert-V2VGuest | Select-Object -First 1", 0)]
    [InlineData("$ErrorActionPreference = 'Stop'; Import-V2VSource $ova, nothing.ova | Convert-V2VGuest", 1)]
    [InlineData("$ErrorActionPreference = 'Stop'; Import-V2VSource $ova | Convert-V2VGuest | Export-V2VDisk -Local /proc/nowhere", 1)]
    [InlineData("Import-V2VSource $ova | Convert-V2VGuest | ForEach-Object { exit 3 }", 3)]
    [InlineData("Import-V2VSource $ova | Convert-V2VGuest; [Environment]::Exit(5)", 5)]
    public void HoweverAScriptEndsNothingIsLeft(string script, int exitCode)
    {
        using var shell = new ShellProcess($"$ova = '{Repository.PhonyOva}'; {script}", Temporary);
        Assert.True(shell.WaitForExit());
        Assert.True(shell.ExitCode == exitCode, shell.Text);
        Assert.Empty(GetLeftOvers(Temporary));
    }

    public void Dispose() => _directory.Dispose();

    private string PartialDisk => Path.Combine(Out, "disk-sda.partial");

    /// <summary>Data that no compression makes smaller, so that an export takes its time.</summary>
    private string MakeDisk()
    {
        string path = _directory.File("disk.raw");
        var random = new Random(5);
        var part = new byte[16 << 20];
        using FileStream disk = File.Create(path);
        for (long done = 0; done < DiskSize; done += part.Length)
        {
            random.NextBytes(part);
            disk.Write(part);
        }

        return path;
    }

    private void Interrupt(ShellProcess shell, Func<bool> isWorking)
    {
        Assert.True(shell.WaitUntil(isWorking), "It ended before.");
        shell.Send("INT");
        Assert.True(shell.WaitForExit(), "It did not stop.");
        Assert.True(shell.ExitCode == 130, shell.Text);
        Assert.Empty(GetLeftOvers(Temporary));
    }

    private static string[] GetLeftOvers(string directory) => !Directory.Exists(directory)
        ? []
        : [.. Directory.GetFileSystemEntries(directory).Select(p => Path.GetFileName(p)).Where(n => !n.StartsWith("CoreFxPipe_", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
}

using System.Management.Automation;
using System.Security.Cryptography;
using Xunit;

namespace V2V.PowerShell.Tests;

public class PipelineTests
{
    [Fact]
    public void TheWholeWayLeavesTheSourceAsItWasAndNoOverlay()
    {
        using var engine = new Engine();
        byte[] before = SHA256.HashData(File.ReadAllBytes(Repository.PhonyOva));
        PSObject export = Assert.Single(engine.Invoke("Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work | Export-V2VDisk -Local $out"));
        Assert.Empty(engine.Errors);
        Assert.Equal("phony-debian", export.Properties["Name"].Value);
        Assert.True(File.Exists(Path.Combine(engine.OutDirectory, "phony-debian-sda")));
        Assert.True(File.Exists((string)export.Properties["MetadataPath"].Value));
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
        Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(Repository.PhonyOva)));
    }

    [Fact]
    public void AnInspectionCanBeFilteredAndConverted()
    {
        using var engine = new Engine();
        PSObject overlay = Assert.Single(engine.Invoke(
            "Import-V2VSource $ova | Get-V2VInspection | Where-Object Distro -eq debian | Convert-V2VGuest -WorkingDirectory $work"));
        Assert.Empty(engine.Invoke("Import-V2VSource $ova | Get-V2VInspection | Where-Object Distro -eq fedora | Convert-V2VGuest -WorkingDirectory $work"));
        Assert.Contains("/etc/fstab", engine.Invoke("$args[0].Changes.Path", overlay).Select(p => (string)p.BaseObject));
        Assert.NotEmpty(Directory.GetDirectories(engine.WorkingDirectory));
        engine.Invoke("$args[0] | Remove-V2VOverlay; $args[0] | Remove-V2VOverlay", overlay);
        Assert.Empty(engine.Errors);
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
    }

    [Fact]
    public void WhatIfReturnsNothingAndLeavesNothing()
    {
        using var engine = new Engine();
        Assert.Empty(engine.Invoke("Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work -WhatIf"));
        Assert.Empty(engine.Invoke("$WhatIfPreference = $true; Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work"));
        Assert.Empty(engine.Invoke("Import-V2VSource $ova | Export-V2VDisk -Local $out -WhatIf"));
        Assert.Empty(engine.Errors);
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
        Assert.False(Directory.Exists(engine.OutDirectory));
    }

    [Theory]
    [InlineData("'00:50:56:5e:ed:01:ip:192.0.2.9,192.0.2.1,24,192.0.2.3,192.0.2.4'")]
    [InlineData("@{ MacAddress = '00:50:56:5e:ed:01'; Address = '192.0.2.9/24'; Gateway = '192.0.2.1'; DnsServers = '192.0.2.3', '192.0.2.4' }")]
    public void AStaticAddressIsATextOrADictionary(string address)
    {
        using var engine = new Engine();
        PSObject overlay = Assert.Single(engine.Invoke($"Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work -StaticAddress {address}"));
        Assert.Empty(engine.Errors);
        string after = string.Concat(engine.Invoke("$args[0].Changes | ForEach-Object { $_.After }", overlay));
        Assert.Contains("192.0.2.9", after, StringComparison.Ordinal);
        Assert.Contains("192.0.2.4", after, StringComparison.Ordinal);
        engine.Invoke("$args[0] | Remove-V2VOverlay", overlay);
    }

    [Fact]
    public void AFailedConversionIsOneErrorAndLeavesNothing()
    {
        using var engine = new Engine();
        Assert.Empty(engine.Invoke("Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work -GuestAgentPackage nothing.deb"));
        ErrorRecord error = Assert.Single(engine.Errors);
        Assert.StartsWith("GuestAgentPackageInvalid,", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal(ErrorCategory.ObjectNotFound, error.CategoryInfo.Category);
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
    }

    [Fact]
    public void AnExportRefusesToOverwriteAndCanBeRepeated()
    {
        using var engine = new Engine();
        engine.Invoke("$global:overlay = Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work; $overlay | Export-V2VDisk -Local $out -KeepOverlay");
        Assert.Empty(engine.Errors);
        Assert.Empty(engine.Invoke("$overlay | Export-V2VDisk -Local $out"));
        ErrorRecord error = Assert.Single(engine.Errors);
        Assert.StartsWith("ExportTargetExists,", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal(ErrorCategory.ResourceExists, error.CategoryInfo.Category);
        Assert.Single(engine.Invoke("$overlay | Export-V2VDisk -Local $out -Force -Format raw"));
        Assert.Empty(engine.Errors);
        Assert.Equal(64L << 20, new FileInfo(Path.Combine(engine.OutDirectory, "phony-debian-sda")).Length);
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
    }

    [Fact]
    public void TargetsAndOptionsBind()
    {
        using var engine = new Engine();
        engine.Invoke("$global:source = Import-V2VSource $ova");
        Assert.Equal("null", Assert.Single(engine.Invoke("$source | Export-V2VDisk -Null")).Properties["Target"].Value);
        Assert.Equal("qemu", Assert.Single(engine.Invoke("$source | Export-V2VDisk -Qemu $out -NewName web -Compress")).Properties["Target"].Value);
        Assert.True(File.Exists(Path.Combine(engine.OutDirectory, "web-sda")));
        Assert.Single(engine.Invoke("$source | Export-V2VDisk -Local $out -NetworkMap @{ 'VM Network' = 'bridge:br7' }"));
        Assert.Contains("br7", File.ReadAllText(Path.Combine(engine.OutDirectory, "phony-debian.xml")), StringComparison.Ordinal);
        Assert.Empty(engine.Errors);
        Assert.NotEmpty(engine.Warnings);
    }

    [Fact]
    public void SomethingElseIsNoMachine()
    {
        using var engine = new Engine();
        Assert.Empty(engine.Invoke("'text' | Export-V2VDisk -Null"));
        Assert.StartsWith("ExportInputUnknown,", Assert.Single(engine.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
    }

    [Fact]
    public void AWarningThatStopsThePipelineLeavesNothing()
    {
        using var engine = new Engine();
        Assert.ThrowsAny<RuntimeException>(() => engine.Invoke("Import-V2VSource $ova | Export-V2VDisk -Local $out -WarningAction Stop"));
        Assert.False(Directory.Exists(engine.OutDirectory) && Directory.GetFileSystemEntries(engine.OutDirectory).Length > 0);
    }

    [Fact]
    public void StoppingAnImportEndsItAndThePipeline()
    {
        using var engine = new Engine();
        string folder = Directory.CreateDirectory(engine.File("huge")).FullName;
        using (FileStream disk = File.Create(Path.Combine(folder, "huge.raw")))
        {
            disk.SetLength(32L << 30);
        }

        File.WriteAllText(Path.Combine(folder, "huge.ovf"), HugeOvf);
        File.WriteAllText(Path.Combine(folder, "huge.mf"), $"SHA256(huge.raw)= {new string('0', 64)}\n");
        using PowerShellRun run = engine.Start("Import-V2VSource -LiteralPath $args[0]", folder);
        using var isWorking = new ManualResetEventSlim();
        run.Shell.Streams.Progress.DataAdded += (_, _) => isWorking.Set();
        IAsyncResult running = run.Shell.BeginInvoke();
        WaitHandle.WaitAny([isWorking.WaitHandle, running.AsyncWaitHandle], TimeSpan.FromSeconds(60));
        Assert.False(running.IsCompleted);
        run.Shell.Stop();
        Assert.Equal(PSInvocationState.Stopped, run.Shell.InvocationStateInfo.State);
    }

    [Fact]
    public void StoppingThePipelineRemovesTheOverlaysItMade()
    {
        using var engine = new Engine();
        using PowerShellRun run = engine.Start("Import-V2VSource $ova | Convert-V2VGuest -WorkingDirectory $work | ForEach-Object { while ($true) { [Threading.Thread]::Sleep(10) } }");
        IAsyncResult running = run.Shell.BeginInvoke();
        while (Directory.GetDirectories(engine.WorkingDirectory).Length == 0 && !running.IsCompleted)
        {
            Thread.Sleep(10);
        }

        run.Shell.Stop();
        Assert.Equal(PSInvocationState.Stopped, run.Shell.InvocationStateInfo.State);
        Assert.Empty(Directory.GetFileSystemEntries(engine.WorkingDirectory));
    }

    internal const string HugeOvf = """
        <?xml version="1.0"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
          xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
          <References><File ovf:href="huge.raw" ovf:id="file1"/></References>
          <DiskSection><Info/><Disk ovf:capacity="34359738368" ovf:diskId="disk1" ovf:fileRef="file1" ovf:format="raw"/></DiskSection>
          <VirtualSystem ovf:id="huge"><Info/><Name>huge</Name>
            <VirtualHardwareSection><Info/>
              <Item><rasd:Address>0</rasd:Address><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType></Item>
              <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:HostResource>ovf:/disk/disk1</rasd:HostResource><rasd:InstanceID>2</rasd:InstanceID>
                <rasd:Parent>1</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
            </VirtualHardwareSection>
          </VirtualSystem>
        </Envelope>
        """;
}

using System.Runtime.Versioning;
using System.Text;
using V2V.Core.Conversion;
using V2V.Core.Export;
using V2V.Core.Export.Machine;
using V2V.Core.Export.Qemu;
using V2V.Core.Sources;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Export;

/// <summary>Scripts as the shell and QEMU itself judge them.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class QemuScriptTests
{
    [Fact]
    public void The_shell_reads_back_the_name_whatever_it_holds()
    {
        Tool.Require("sh");
        foreach (string name in new[] { "plain", "it's $HOME `id` \\ !", "Übung,日本 😀", "a,b", "-n" })
        {
            using var directory = new TemporaryDirectory();
            string odd = Directory.CreateDirectory(directory.File("it's, a dir")).FullName;
            V2VSource source = Named(name);
            V2VExport result = Machines.Export(source, new ExportOptions { Directory = odd, Target = ExportTarget.Qemu }, new RecordingObserver(), new PatternDevice(4096));
            string arguments = RunWithFakeQemu(directory, result.MetadataPath!, "-extra", "two words");
            string safe = ExportName.ToFileName(name).Replace(",", ",,", StringComparison.Ordinal);
            Assert.Contains($"\nguest={name.Replace(",", ",,", StringComparison.Ordinal)}\n", arguments, StringComparison.Ordinal);
            Assert.Contains($"\nfile={odd.Replace(",", ",,", StringComparison.Ordinal)}/{safe}-sda,format=qcow2,if=none,id=disk0,discard=unmap\n", arguments, StringComparison.Ordinal);
            Assert.EndsWith("\n-extra\ntwo words\n", arguments, StringComparison.Ordinal);
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute,
                File.GetUnixFileMode(result.MetadataPath!));
        }
    }

    /// <summary>QEMU builds every machine of the matrix: each option and property is one that it knows.</summary>
    [Fact]
    public void QEMU_accepts_every_PC()
    {
        Tool.Require("qemu-system-x86_64", "sh");
        using var directory = new TemporaryDirectory();
        var random = new Random(7);
        foreach (string machine in new[] { "q35", "pc" })
        {
            foreach (BlockBus bus in Enum.GetValues<BlockBus>())
            {
                for (int variant = 1; variant < 6; variant++)
                {
                    bool Flip() => random.Next(2) == 0;
                    V2VSource source = LibvirtDomainTests.RichSource(variant, Flip);
                    var capabilities = new GuestCapabilities
                    {
                        Machine = machine,
                        BlockBus = bus,
                        NetModel = new[] { "virtio", "e1000", "rtl8139" }[variant % 3],
                        VirtioRng = Flip(),
                        VirtioBalloon = Flip(),
                        PvPanic = Flip(),
                        VirtioVsock = Flip(),
                        RtcUtc = Flip(),
                    };
                    string[] paths = [.. source.Disks.Select(d => directory.File($"guest-sd{ExportName.DiskLetters(d.Index)}"))];
                    foreach (string path in paths.Where(p => !File.Exists(p)))
                    {
                        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", path, "1M");
                    }

                    TargetMachine target = TargetMachineBuilder.Build(source, Machines.Overlay(source, capabilities), "guest", new ExportOptions(), [.. paths.Select((p, i) => new DiskFile(p, i % 2 == 0 ? 512 : 4096))], []);
                    File.WriteAllBytes(directory.File("guest.sh"), QemuScript.Write(target));

                    // -S stops before the first instruction; the monitor's quit on stdin ends it.
                    (int exitCode, string output) = Tool.TryRun(
                        "sh", "-c", "cd \"$1\" && echo quit | MEMORY=64 CPU=qemu64 SERIAL=none timeout 60 sh ./guest.sh -S -monitor stdio", "sh", directory.Path);
                    Assert.True(exitCode == 0, $"{machine} {bus} {variant}: {output}\n{File.ReadAllText(directory.File("guest.sh"))}");
                }
            }
        }
    }

    [Fact]
    public void UEFI_firmware_is_found_and_its_variables_are_kept_beside_the_disks()
    {
        Tool.Require("sh");
        if (!File.Exists("/usr/share/OVMF/OVMF_CODE_4M.fd"))
        {
            Tool.Missing("OVMF is not installed");
        }

        using var directory = new TemporaryDirectory();
        foreach (bool secure in new[] { false, true })
        {
            V2VSource source = Machines.Source(secure ? "secure" : "plain");
            TargetMachine machine = TargetMachineBuilder.Build(
                source,
                Machines.Overlay(source, new GuestCapabilities { Firmware = FirmwareType.Uefi, SecureBoot = secure }),
                source.Name,
                new ExportOptions(),
                [new DiskFile(directory.File("x-sda"))],
                []);
            string script = directory.File(source.Name + ".sh");
            File.WriteAllBytes(script, QemuScript.Write(machine));
            string arguments = RunWithFakeQemu(directory, script);
            Assert.Contains(secure ? "file=/usr/share/OVMF/OVMF_CODE_4M.ms.fd" : "file=/usr/share/OVMF/OVMF_CODE_4M.fd", arguments, StringComparison.Ordinal);
            Assert.Contains($"if=pflash,format=raw,file={directory.File(source.Name)}-vars.fd", arguments, StringComparison.Ordinal);
            Assert.Equal(secure, arguments.Contains("smm=on", StringComparison.Ordinal));
            string store = directory.File(source.Name + "-vars.fd");
            File.WriteAllText(store, "the guest's own");
            RunWithFakeQemu(directory, script);
            Assert.Equal("the guest's own", File.ReadAllText(store));
        }
    }

    [Fact]
    public void The_boot_index_is_on_the_device()
    {
        V2VSource source = Machines.Source(disks: 2);
        string script = Encoding.UTF8.GetString(QemuScript.Write(LibvirtDomainTests.Build(source, Machines.Overlay(source, bootDisk: 1))));
        Assert.Contains("-device virtio-blk-pci,drive=disk1,serial=v2v-disk1,bootindex=1", script, StringComparison.Ordinal);
        Assert.All(script.Split('\n').Where(l => l.Contains("-drive", StringComparison.Ordinal)), l => Assert.DoesNotContain("bootindex", l, StringComparison.Ordinal));
    }

    private static V2VSource Named(string name)
    {
        V2VSource source = Machines.Source();
        source.Name = name;
        return source;
    }

    /// <summary>Runs a script with a QEMU that prints its arguments, one a line.</summary>
    private static string RunWithFakeQemu(TemporaryDirectory directory, string script, params string[] arguments)
    {
        string fake = directory.File("fake-qemu");
        File.WriteAllText(fake, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
        File.SetUnixFileMode(fake, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        return Tool.Run("env", ["QEMU=" + fake, "sh", script, .. arguments]);
    }
}

using System.Globalization;
using System.Text;
using V2V.Core.Export.Machine;

namespace V2V.Core.Export.Qemu;

/// <summary>
/// Spells a machine out as a POSIX shell script that boots it with QEMU. The script finds its disks beside itself, so the
/// directory can be moved; it runs without KVM too, and hands its own arguments to QEMU after all others.
/// </summary>
internal sealed class QemuScript
{
    private readonly TargetMachine _machine;
    private readonly StringBuilder _text = new();

    private QemuScript(TargetMachine machine) => _machine = machine;

    /// <summary>The script as UTF-8.</summary>
    public static byte[] Write(TargetMachine machine)
    {
        var script = new QemuScript(machine);
        script.WriteHead();
        if (machine.IsUefi)
        {
            script._text.Append(QemuFirmware.Write(machine));
        }

        script.WriteOptionalDevices();
        script.WriteCommand();
        return Encoding.UTF8.GetBytes(script._text.ToString());
    }

    private void WriteHead()
    {
        string name = ExportName.ToFileName(_machine.Name);
        Version? version = typeof(QemuScript).Assembly.GetName().Version;
        Line("#!/bin/sh");
        Line($"# Boots {name}. Written by V2V {version?.ToString(3)}.");
        Line("# Arguments are appended to QEMU's. MACHINE, ACCEL, CPU, MEMORY (MiB), SERIAL and QEMU can be set in the environment.");
        Line("set -eu");
        Line("here=$(CDPATH='' cd -- \"$(dirname -- \"$0\")\" && pwd)");
        Line("# QEMU reads a comma in a value as two.");
        Line("base=$(printf '%s' \"$here\" | sed 's/,/,,/g')");
        Line($"name={ShellText.Quote(name)}");
        Line($"QEMU=${{QEMU:-qemu-system-{_machine.Architecture}}}");
        Line($"MACHINE=${{MACHINE:-{_machine.Capabilities.Machine}}}");
        Line("ACCEL=${ACCEL:-kvm:tcg}");
        Line("CPU=${CPU:-max}");
        Line("SERIAL=${SERIAL:-mon:stdio}");
        Line(string.Create(CultureInfo.InvariantCulture, $"MEMORY=${{MEMORY:-{Math.Max(1, _machine.MemoryKiB / 1024)}}}"));
    }

    /// <summary>What depends on the host: a window, vsock, the TPM emulator.</summary>
    private void WriteOptionalDevices()
    {
        Line("if [ -n \"${DISPLAY:-}${WAYLAND_DISPLAY:-}\" ]; then :; else");
        Line("  set -- -display none \"$@\"");
        Line("fi");
        if (_machine.Capabilities.VirtioVsock)
        {
            Line("if [ -w /dev/vhost-vsock ]; then");
            Line("  set -- -device \"vhost-vsock-pci,guest-cid=$$\" \"$@\"");
            Line("fi");
        }

        if (_machine.Source.HasTpm)
        {
            string model = _machine.IsX86 ? _machine.IsUefi ? "tpm-crb" : "tpm-tis" : "tpm-tis-device";
            Line("if command -v swtpm >/dev/null 2>&1; then");
            Line("  tpm=$here/$name-tpm");
            Line("  mkdir -p -- \"$tpm\"");
            Line("  swtpm socket --tpm2 --daemon --terminate --tpmstate \"dir=$tpm\" --ctrl \"type=unixio,path=$tpm/socket\"");
            Line($"  set -- -chardev \"socket,id=tpm,path=$base/$(printf '%s' \"$name\" | sed 's/,/,,/g')-tpm/socket\" -tpmdev emulator,id=tpm0,chardev=tpm -device {model},tpmdev=tpm0 \"$@\"");
            Line("else");
            Line("  echo \"$name: swtpm is not installed, the guest starts without its TPM.\" >&2");
            Line("fi");
        }
    }

    private void WriteCommand()
    {
        Line("exec \"$QEMU\" \\");
        Option("-no-user-config -nodefaults");
        Option($"-name {ShellText.Quote("guest=" + ShellText.Value(PlainText.Clean(_machine.Name)))}");
        string secure = _machine.HasSecureBoot ? ",smm=on" : "";
        Option($"-machine \"$MACHINE,accel=$ACCEL{secure}\"");
        if (_machine.IsUefi)
        {
            if (_machine.HasSecureBoot)
            {
                Option("-global driver=cfi.pflash01,property=secure,value=on");
            }

            Option("-drive \"if=pflash,format=$firmware_format,readonly=on,file=$firmware_code\"");
            Option("-drive \"if=pflash,format=$firmware_format,file=$firmware_vars\"");
        }

        Option("-cpu \"$CPU\"");
        Option(string.Create(CultureInfo.InvariantCulture, $"-smp {_machine.Processors}{Topology()}"));
        Option("-m \"$MEMORY\"");
        Option($"-rtc base={(_machine.Capabilities.RtcUtc ? "utc" : "localtime")},driftfix=slew", _machine.IsX86);
        Option($"-rtc base={(_machine.Capabilities.RtcUtc ? "utc" : "localtime")}", !_machine.IsX86);
        Option($"-device vmgenid,guid={_machine.GenerationId:D}", _machine.GenerationId is not null && _machine.IsX86);
        Option("-device qemu-xhci -device usb-tablet");
        Option("-device usb-kbd", !_machine.IsX86);
        Option(_machine.IsX86 ? "-vga std" : "-device virtio-gpu-pci");
        QemuDisks.Write(_machine, line => Option(line));
        for (int i = 0; i < _machine.Nics.Count; i++)
        {
            Option(Nic(_machine.Nics[i], i));
        }

        Option(Sound(), _machine.Sound is not null);
        Option("-object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-pci,rng=rng0", _machine.Capabilities.VirtioRng);
        Option("-device virtio-balloon-pci", _machine.Capabilities.VirtioBalloon);
        Option("-device pvpanic,ioport=0x505", _machine.Capabilities.PvPanic && _machine.IsX86);
        Option("-serial \"$SERIAL\"");
        Line("  \"$@\"");
    }

    private string Topology() => _machine.Topology is { } t
        ? string.Create(CultureInfo.InvariantCulture, $",sockets={t.Sockets},cores={t.Cores},threads={t.Threads}")
        : "";

    private static string Nic(TargetNic nic, int index)
    {
        string device = nic.Model == "virtio" ? "virtio-net-pci" : nic.Model;
        string mac = nic.MacAddress is { } address ? ",mac=" + address : "";
        return string.Create(CultureInfo.InvariantCulture, $"-netdev user,id=net{index} -device {device},netdev=net{index}{mac}");
    }

    private string Sound()
    {
        string device = _machine.Sound switch
        {
            "ac97" => "-device AC97,audiodev=audio0",
            "es1370" => "-device ES1370,audiodev=audio0",
            "ich6" => "-device intel-hda -device hda-duplex,audiodev=audio0",
            "ich9" => "-device ich9-intel-hda -device hda-duplex,audiodev=audio0",
            "sb16" => "-device sb16,audiodev=audio0",
            "usb" => "-device usb-audio,audiodev=audio0",
            _ => "-machine pcspk-audiodev=audio0",
        };
        return "-audiodev \"${AUDIO:-none},id=audio0\" " + device;
    }

    private void Option(string text, bool isWanted = true)
    {
        if (isWanted)
        {
            Line("  " + text + " \\");
        }
    }

    private void Line(string text) => _text.Append(text).Append('\n');
}

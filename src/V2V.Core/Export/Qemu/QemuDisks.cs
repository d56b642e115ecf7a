using System.Globalization;
using V2V.Core.Export.Machine;

namespace V2V.Core.Export.Qemu;

/// <summary>Disks and drives of a machine as QEMU options. The boot index is a property of the device, not of the drive.</summary>
internal static class QemuDisks
{
    private const int PortsOfAhci = 6;

    public static void Write(TargetMachine machine, Action<string> option)
    {
        bool hasSata = machine.Disks.Any(d => d.Bus == TargetBus.Sata) || machine.CdRoms.Any(d => d.Bus == TargetBus.Sata);
        if (hasSata)
        {
            int ports = machine.Disks.Where(d => d.Bus == TargetBus.Sata).Select(d => d.Slot)
                .Concat(machine.CdRoms.Where(d => d.Bus == TargetBus.Sata).Select(d => d.Slot)).Max() + 1;

            // Q35 brings the first controller, on the bus named ide.
            for (int i = machine.Capabilities.Machine == "q35" ? 1 : 0; i * PortsOfAhci < ports; i++)
            {
                option(string.Create(CultureInfo.InvariantCulture, $"-device ahci,id=ahci{i}"));
            }
        }

        if (machine.HasScsi)
        {
            option("-device virtio-scsi-pci,id=scsi0");
        }

        foreach (TargetDisk disk in machine.Disks)
        {
            string file = ShellText.Quote(ShellText.Value(Path.GetFileName(disk.Path)));
            string discard = machine.Discard ? ",discard=unmap" : "";
            string sectors = disk.SectorSize != 512 && (disk.Bus is TargetBus.Virtio or TargetBus.Scsi)
                ? string.Create(CultureInfo.InvariantCulture, $",logical_block_size={disk.SectorSize},physical_block_size={disk.SectorSize}")
                : "";
            string boot = string.Create(CultureInfo.InvariantCulture, $"serial={disk.Serial},bootindex={disk.BootOrder}{sectors}");
            option(string.Create(CultureInfo.InvariantCulture, $"-drive \"file=$base/\"{file}\",format={machine.Format},if=none,id=disk{disk.Index}{discard}\""));
            option(string.Create(CultureInfo.InvariantCulture, $"-device {Device(machine, disk.Bus, disk.Slot, "hd")},drive=disk{disk.Index},{boot}"));
        }

        foreach (TargetDrive drive in machine.CdRoms)
        {
            option($"-device {Device(machine, drive.Bus, drive.Slot, "cd")}");
        }

        if (machine.Floppies.Count > 0 && machine.Capabilities.Machine == "q35")
        {
            option("-device isa-fdc,id=fdc0");
        }

        foreach (TargetDrive drive in machine.Floppies)
        {
            option(string.Create(CultureInfo.InvariantCulture, $"-device floppy,unit={drive.Slot}"));
        }
    }

    private static string Device(TargetMachine machine, TargetBus bus, int slot, string kind) => bus switch
    {
        TargetBus.Virtio => "virtio-blk-pci",
        TargetBus.Scsi => string.Create(CultureInfo.InvariantCulture, $"scsi-{kind},bus=scsi0.0,channel=0,scsi-id={slot},lun=0"),
        TargetBus.Ide => string.Create(CultureInfo.InvariantCulture, $"ide-{kind},bus=ide.{slot / 2},unit={slot % 2}"),
        _ when machine.Capabilities.Machine == "q35" && slot < PortsOfAhci => string.Create(CultureInfo.InvariantCulture, $"ide-{kind},bus=ide.{slot}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"ide-{kind},bus=ahci{slot / PortsOfAhci}.{slot % PortsOfAhci}"),
    };
}

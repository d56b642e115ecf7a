using System.Text;
using V2V.Core.Export.Machine;

namespace V2V.Core.Export.Qemu;

/// <summary>
/// The part of a script that finds UEFI firmware when the machine is started: distributions put it in different places.
/// The variable store is copied beside the disks once, so that the guest's boot entries survive.
/// </summary>
internal static class QemuFirmware
{
    /// <summary>Code and variables on Debian, Fedora, SUSE and Arch; <c>format:code:variables</c>.</summary>
    private static readonly string[] s_plain =
    [
        "raw:/usr/share/OVMF/OVMF_CODE_4M.fd:/usr/share/OVMF/OVMF_VARS_4M.fd",
        "qcow2:/usr/share/edk2/ovmf/OVMF_CODE_4M.qcow2:/usr/share/edk2/ovmf/OVMF_VARS_4M.qcow2",
        "raw:/usr/share/edk2/ovmf/OVMF_CODE.fd:/usr/share/edk2/ovmf/OVMF_VARS.fd",
        "raw:/usr/share/OVMF/OVMF_CODE.fd:/usr/share/OVMF/OVMF_VARS.fd",
        "raw:/usr/share/qemu/ovmf-x86_64-4m-code.bin:/usr/share/qemu/ovmf-x86_64-4m-vars.bin",
        "raw:/usr/share/qemu/ovmf-x86_64-code.bin:/usr/share/qemu/ovmf-x86_64-vars.bin",
        "raw:/usr/share/edk2/x64/OVMF_CODE.4m.fd:/usr/share/edk2/x64/OVMF_VARS.4m.fd",
        "raw:/usr/share/edk2-ovmf/x64/OVMF_CODE.fd:/usr/share/edk2-ovmf/x64/OVMF_VARS.fd",
    ];

    private static readonly string[] s_secure =
    [
        "raw:/usr/share/OVMF/OVMF_CODE_4M.ms.fd:/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
        "qcow2:/usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.qcow2:/usr/share/edk2/ovmf/OVMF_VARS_4M.secboot.qcow2",
        "raw:/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd:/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd",
        "raw:/usr/share/OVMF/OVMF_CODE.secboot.fd:/usr/share/OVMF/OVMF_VARS.ms.fd",
        "raw:/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin:/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin",
    ];

    private static readonly string[] s_arm =
    [
        "raw:/usr/share/AAVMF/AAVMF_CODE.fd:/usr/share/AAVMF/AAVMF_VARS.fd",
        "qcow2:/usr/share/edk2/aarch64/QEMU_EFI-pflash.qcow2:/usr/share/edk2/aarch64/vars-template-pflash.qcow2",
        "raw:/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw:/usr/share/edk2/aarch64/vars-template-pflash.raw",
        "raw:/usr/share/qemu/aavmf-aarch64-code.bin:/usr/share/qemu/aavmf-aarch64-vars.bin",
    ];

    public static string Write(TargetMachine machine)
    {
        string[] places = !machine.IsX86 ? s_arm : machine.HasSecureBoot ? s_secure : s_plain;
        var text = new StringBuilder();
        text.Append("firmware_code=''\n");
        text.Append("for firmware in \\\n");
        foreach (string place in places)
        {
            text.Append("  ").Append(place).Append(" \\\n");
        }

        text.Append("""
            ; do
              firmware_format=${firmware%%:*}
              firmware=${firmware#*:}
              if [ -r "${firmware%%:*}" ] && [ -r "${firmware#*:}" ]; then
                firmware_code=${firmware%%:*}
                break
              fi
            done
            if [ -z "$firmware_code" ]; then
              echo "$name: no UEFI firmware was found; install your distribution's OVMF or AAVMF package." >&2
              exit 1
            fi
            if [ ! -e "$here/$name-vars.fd" ]; then
              cp -- "${firmware#*:}" "$here/$name-vars.fd"
              chmod u+w -- "$here/$name-vars.fd"
            fi
            firmware_vars=$base/$(printf '%s' "$name" | sed 's/,/,,/g')-vars.fd

            """.ReplaceLineEndings("\n"));
        return text.ToString();
    }
}

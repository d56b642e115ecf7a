namespace V2V.Core.Conversion.Windows.GuestAdditions;

/// <summary>
/// How the guest additions of a hypervisor are known. Drivers that come with Windows, Hyper-V's among them, are in none of the lists: they only start
/// where their hardware is.
/// </summary>
/// <param name="Name">Name of the product.</param>
/// <param name="Programs">What the names in the list of installed programs contain.</param>
/// <param name="Providers">Who signs its driver packages for: the INF's Provider.</param>
/// <param name="Services">Its services and drivers, by the names of their keys.</param>
/// <param name="DeviceFilters">
/// Drivers that its packages put over mice which KVM has too: PnP would add them to the new mouse again, and a filter that may not start takes the mouse with it.
/// They pass everything on where their hypervisor is missing, so they are left to the first boot, which deletes the packages.
/// </param>
/// <param name="Folders">Where its programs are, below a drive, and what a service's or autostart entry's command contains.</param>
/// <param name="Autostarts">Files that its autostart entries run, where they may be elsewhere.</param>
/// <param name="NetworkProviders">Its shared folders' names in the order of network providers.</param>
internal sealed record AdditionsProduct(
    string Name, string[] Programs, string[] Providers, string[] Services, string[] DeviceFilters, string[] Folders, string[] Autostarts, string[] NetworkProviders)
{
    /// <summary>Every product that is known.</summary>
    internal static IReadOnlyList<AdditionsProduct> All { get; } =
    [
        new("VMware Tools", ["VMware Tools"], ["VMware, Inc.", "VMware"],
            [
                "VMTools", "VMwareService", "VMUpgradeHelper", "VGAuthService", "vmvss", "VMware Physical Disk Helper Service", "TPAutoConnSvc", "TPVCGateway",
                "VMwareCAFCommAmqpListener", "VMwareCAFManagementAgentHost", "GISvc", "vm3dservice", "VMMemCtl", "VMRawDsk", "vmhgfs", "vmdebug", "vmdesched", "vmci", "vsock",
                "vmxnet", "vmxnet2", "vmxnet3", "vmxnet3ndis6", "pvscsi", "vmscsi", "vmx_svga", "vm3dmp", "vm3dmp-debug", "vm3dmp-stats", "vm3dmp_loader", "vmaudio", "vmwefifw",
                "vsepflt", "vnetflt", "vnetWFP", "glxgi", "giappdef",
            ],
            ["vmmouse", "vmusbmouse"], [@"\Program Files\VMware\VMware Tools", @"\Program Files (x86)\VMware\VMware Tools", @"\Program Files\Common Files\VMware\Drivers"],
            ["VMwareTray.exe", "VMwareUser.exe", "vmtoolsd.exe", "vm3dservice.exe", "TPAutoConnect.exe"], ["vmhgfs"]),
        new("VirtualBox Guest Additions", ["VirtualBox Guest Additions"], ["Oracle Corporation", "Oracle and/or its affiliates", "innotek GmbH", "Sun Microsystems, Inc."],
            ["VBoxService", "VBoxGuest", "VBoxSF", "VBoxVideo", "VBoxVideoW8", "VBoxWddm"],
            ["VBoxMouse"], [@"\Program Files\Oracle\VirtualBox Guest Additions", @"\Program Files\Sun\VirtualBox Guest Additions"], ["VBoxTray.exe"], ["VBoxSF", "VBoxSharedFolders"]),
        new("Parallels Tools", ["Parallels Tools", "Virtuozzo Tools"], ["Parallels", "Parallels Software International Inc.", "Parallels International GmbH", "Parallels IP Holdings GmbH", "Virtuozzo"],
            [
                "prl_boot", "prl_dd", "prl_eth5", "prl_fs", "prl_memdev", "prl_mouf", "prl_pv32", "prl_pv64", "prl_scsi", "prl_sound", "prl_strg", "prl_tg", "prl_time", "prl_uprof", "prl_va",
                "Parallels Tools Service", "prl_tools_service", "Parallels Coherence Service", "vz_guest_agent",
            ],
            [], [@"\Program Files\Parallels\Parallels Tools", @"\Program Files (x86)\Parallels\Parallels Tools", @"\Program Files\Virtuozzo\Virtuozzo Tools"], ["prl_tools.exe", "prl_cc.exe", "SharedIntApp.exe"], ["prl_fs", "PrlNP"]),
        new("Xen drivers",
            ["Citrix XenServer", "Citrix Hypervisor", "XenServer VM Tools", "XenServer Tools", "XCP-ng Windows", "XCP-ng Client", "Red Hat Paravirtualized Xen", "Novell Xen", "Xen Project", "AWS PV Drivers", "GPLPV"],
            [
                "Citrix Systems, Inc.", "Citrix", "XenServer", "Cloud Software Group, Inc.", "Cloud Software Group", "Xen Project", "Xen", "XCP-ng", "Vates",
                "Amazon Inc.", "Amazon.com", "James Harper",
            ],
            [
                "rhelscsi", "rhelnet", "rhelfltr", "rhelsvc", "xenbus", "xenbus_monitor", "xenvbd", "xendisk", "xencrsh", "xenfilt", "xeniface", "xenvif", "xennet", "xenhid", "xenvkbd", "xenvusb", "xenpci",
                "xenblk", "xenscsi", "xenhide", "xenevtchn", "xenlite", "xenutil", "xeninp", "xensvc", "xenagent", "XenGuestAgent", "xenvss", "CitrixXenGuestAgent", "XenServerXenGuestAgent", "AWSPVDriverUpdater",
            ],
            [], [@"\Program Files\Citrix\XenTools", @"\Program Files (x86)\Citrix\XenTools", @"\Program Files\XenServer\XenTools", @"\Program Files\Xen PV Drivers"], ["XenDPriv.exe", "xenclient.exe"], []),
    ];

    /// <summary>True if a command runs one of the product's programs.</summary>
    internal bool Runs(string command) =>
        Folders.Any(f => command.Contains(f + '\\', StringComparison.OrdinalIgnoreCase)) || Autostarts.Any(p => EndsPath(command, p));

    /// <summary>True if a command names a program, with or without a folder.</summary>
    private static bool EndsPath(string command, string program)
    {
        int at = command.IndexOf(program, StringComparison.OrdinalIgnoreCase);
        return at == 0 || (at > 0 && command[at - 1] is '\\' or '"' or '/');
    }
}

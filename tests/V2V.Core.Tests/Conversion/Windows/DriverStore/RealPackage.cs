namespace V2V.Core.Tests.GuestConversion.Windows.DriverStore;

/// <summary>
/// INF files written from what the database of a real Windows 10 says of two packages of third parties: importing them again must give what is there.
/// </summary>
internal static class RealPackage
{
    /// <summary>A package that is in use: <c>vmci.inf_amd64_5e38a278d114b813</c>, oem2.inf.</summary>
    public const string Vmci = """
        [Version]
        Signature="$Windows NT$"
        Class=System
        ClassGuid={4d36e97d-e325-11ce-bfc1-08002be10318}
        Provider=%loc.VMwareManufacturer%
        CatalogFile=vmci.cat
        DriverVer=07/11/2019,9.8.16.0
        [Manufacturer]
        %loc.VMwareManufacturer%=VMware,NTamd64
        [VMware.NTamd64]
        %loc.VMwareBusDeviceDesc%=vmci.install.x64,PCI\VEN_15AD&DEV_0740&SUBSYS_074015AD,PCI\VEN_15AD&DEV_0740
        %loc.VMwareHostDeviceDesc%=vmci.install.x64,ROOT\VMWVMCIHOSTDEV
        [vmci.install.x64.NT]
        CopyFiles=vmci.files
        [vmci.files]
        vmci.sys
        [vmci.install.x64.NT.HW]
        AddReg=vmci.msi
        [vmci.msi]
        HKR,"Interrupt Management",0x00000010
        HKR,"Interrupt Management\MessageSignaledInterruptProperties",0x00000010
        HKR,"Interrupt Management\MessageSignaledInterruptProperties",MSISupported,0x00010001,1
        HKR,"Interrupt Management\MessageSignaledInterruptProperties",MessageNumberLimit,0x00010001,2
        [vmci.install.x64.NT.Services]
        AddService=vmci,2,vmci.service,vmci.log
        [vmci.service]
        DisplayName=%loc.vmciServiceDisplayName%
        ServiceType=1
        StartType=0
        ErrorControl=0
        ServiceBinary=%12%\vmci.sys
        LoadOrderGroup=System Bus Extender
        AddReg=vmci.installers
        [vmci.installers]
        HKR,,vwdk.installers,0x00010002,"Windows"
        [vmci.log]
        AddReg=vmci.log.values
        [vmci.log.values]
        HKR,,EventMessageFile,0x00020000,"%%SystemRoot%%\System32\drivers\vmci.sys"
        HKR,,TypesSupported,0x00010001,7
        [DestinationDirs]
        DefaultDestDir=12
        [Strings]
        loc.VMwareManufacturer="VMware, Inc."
        loc.VMwareBusDeviceDesc="VMware VMCI Bus Device"
        loc.VMwareHostDeviceDesc="VMware VMCI Host Device"
        loc.vmciServiceDisplayName="VMware VMCI Bus Driver"
        """;

    /// <summary>A package that was imported, but has no device: <c>pvscsi.inf_amd64_b0d59727d712523f</c>, oem4.inf.</summary>
    public const string Pvscsi = """
        [Version]
        Signature="$Windows NT$"
        Class=SCSIAdapter
        ClassGuid={4d36e97b-e325-11ce-bfc1-08002be10318}
        Provider="VMware, Inc."
        CatalogFile=pvscsi.cat
        DriverVer=08/02/2019,1.3.15.0
        [Manufacturer]
        "VMware, Inc."=VMware,NTamd64
        [VMware.NTamd64]
        "VMware PVSCSI Controller"=pvscsi.install,PCI\VEN_15AD&DEV_07C0
        [pvscsi.install]
        Include=machine.inf
        Needs=pci
        CopyFiles=@pvscsi.sys
        [DestinationDirs]
        DefaultDestDir=12
        """;
}

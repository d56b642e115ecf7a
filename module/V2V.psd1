@{
    RootModule           = 'V2V.PowerShell.dll'
    NestedModules        = @('V2V.Loader.dll')
    ModuleVersion        = '0.1.0'
    GUID                 = '6f7b9a3e-52c4-4f0e-9d2b-1a7c5e8d4b60'
    Author               = 'The V2V authors'
    CompanyName          = 'V2V'
    Copyright            = '(c) 2026 The V2V authors. MIT licence.'
    Description          = 'Converts virtual machines made for VMware, Xen or Hyper-V so that they boot and run well on KVM. No appliance, no mounts, no elevation.'
    PowerShellVersion    = '7.6'
    CompatiblePSEditions = @('Core')
    FormatsToProcess     = @('V2V.Format.ps1xml')
    FunctionsToExport    = @()
    CmdletsToExport      = @('Import-V2VSource', 'Get-V2VInspection', 'Convert-V2VGuest', 'Export-V2VDisk', 'Remove-V2VOverlay')
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags       = @('KVM', 'VMware', 'OVA', 'VMDK', 'qcow2', 'V2V', 'Migration', 'libvirt')
            LicenseUri = 'https://opensource.org/license/mit'
        }
    }
}

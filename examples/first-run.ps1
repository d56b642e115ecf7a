# The main job: an OVA in, a guest for KVM out. Without an OVA it takes the phony guest that the repository carries.
#
#   dotnet run -c Release --project src/V2V.Shell -- -File examples/first-run.ps1 [guest.ova] [-Out folder]
param(
    [string] $Ova = [IO.Path]::Combine($PSScriptRoot, '..', 'tests', 'fixtures', 'guests', 'phony-debian.ova'),
    [string] $Out = 'out'
)

$ErrorActionPreference = 'Stop'
$source = Import-V2VSource -LiteralPath $Ova
$source | Format-Table

$inspection = $source | Get-V2VInspection
$inspection | Format-Table

$overlay = $inspection | Convert-V2VGuest
$overlay.Changes | Format-Table

$export = $overlay | Export-V2VDisk -Local $Out -Force
$export | Format-List

# Runs the module's tests in pwsh and PSScriptAnalyzer over all scripts of the repository, after 'dotnet build -c Release'.
# Needs PowerShell 7.6 with the modules Pester 5 and PSScriptAnalyzer. The exit code is 0 if all is well.
#
#   pwsh -NoProfile -File tests/pester/run.ps1
[CmdletBinding()]
param(
    # Pester's output: None, Normal, Detailed, Diagnostic.
    [string] $Verbosity = 'Normal'
)

$ErrorActionPreference = 'Stop'
Import-Module Pester -MinimumVersion 5.0 -MaximumVersion 5.999
Import-Module PSScriptAnalyzer
$root = [IO.Path]::GetFullPath("$PSScriptRoot/../..")
if (-not (Test-Path "$root/artifacts/module/V2V/V2V.psd1")) {
    throw "There is no module in $root/artifacts: run 'dotnet build -c Release' first."
}

$scripts = Get-ChildItem $root -Recurse -File |
    Where-Object { $_.Extension -in '.ps1', '.psd1', '.psm1' -and [IO.Path]::GetRelativePath($root, $_.FullName) -notmatch '(^|[\\/])(obj|bin|artifacts)[\\/]' }
$findings = @($scripts | ForEach-Object { Invoke-ScriptAnalyzer -Path $_.FullName -Settings "$PSScriptRoot/PSScriptAnalyzerSettings.psd1" })
$findings | Format-Table ScriptName, Line, Severity, RuleName, Message -Wrap | Out-String -Width 160 | Write-Output

$configuration = New-PesterConfiguration
$configuration.Run.Path = $PSScriptRoot
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = $Verbosity
$result = Invoke-Pester -Configuration $configuration

"$($scripts.Count) scripts analyzed, $($findings.Count) findings; $($result.PassedCount) tests passed, $($result.FailedCount + $result.FailedBlocksCount) failed"
exit [int]($findings.Count -gt 0 -or $result.Result -ne 'Passed')

# Builds everything, stages the module in artifacts/module/V2V (a folder that can be copied to any machine with PowerShell 7.6) and packs it as
# artifacts/V2V-<version>.zip and artifacts/V2V.<version>.nupkg. Runs in pwsh and in v2v, which has the language but few of pwsh's commands; hence .NET calls.
#
#   pwsh build.ps1 [-Test] [-Publish win-x64] [-ReadyToRun win-x64, linux-x64]
#   dotnet run -c Release --project src/V2V.Shell -- -File build.ps1
[CmdletBinding()]
param(
    # Runs the tests too.
    [switch] $Test,

    # Runtime identifiers to publish v2v for, self-contained: win-x64, linux-x64, linux-arm64.
    [string[]] $Publish = @(),

    # Runtime identifiers to compile the module's libraries for ahead of time. None: the module starts slower, and is smaller.
    [string[]] $ReadyToRun = @('win-x64', 'linux-x64')
)

$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
$artifacts = [IO.Path]::Combine($root, 'artifacts')
$module = [IO.Path]::Combine($artifacts, 'module', 'V2V')

function Invoke-DotNet {
    param([string[]] $Arguments)
    & dotnet @Arguments
    if ($LASTEXITCODE -ne 0) { throw "dotnet $Arguments failed with exit code $LASTEXITCODE." }
}

# Libraries compiled ahead of time start in half the time. The module takes those of its runtime, lib/<runtime>, or else lib, which runs everywhere.
function Publish-ReadyToRun {
    param([string] $Runtime)
    $library = [IO.Path]::Combine($root, 'src', 'V2V.PowerShell', 'bin', 'Release', 'net10.0', 'module', 'V2V', 'lib', $Runtime)
    Invoke-DotNet publish, ([IO.Path]::Combine($root, 'src', 'V2V.Core')), -c, Release, -r, $Runtime, --no-self-contained, '-p:PublishReadyToRun=true', "-p:ReadyToRunStage=$Runtime", -o, $library, -v, q, -nologo
    foreach ($file in [IO.Directory]::GetFiles($library)) {
        if (-not $file.EndsWith('.dll')) { [IO.File]::Delete($file) }
    }
}

# A build run by v2v cannot replace the running v2v: the module is built, and everything else only where pwsh runs this script.
Invoke-DotNet build, ([IO.Path]::Combine($root, 'src', 'V2V.PowerShell')), -c, Release, -v, q, -nologo
foreach ($runtime in $ReadyToRun) { Publish-ReadyToRun $runtime }
Invoke-DotNet build, ([IO.Path]::Combine($root, 'src', 'V2V.PowerShell')), -c, Release, -v, q, -nologo
if ($Host.Name -ne 'V2V.Shell') {
    Invoke-DotNet build, ([IO.Path]::Combine($root, 'V2V.PowerShell.sln')), -c, Release, -v, q, -nologo
}

if ($Test) { Invoke-DotNet test, ([IO.Path]::Combine($root, 'V2V.PowerShell.sln')) }

foreach ($runtime in $Publish) {
    $target = [IO.Path]::Combine($artifacts, 'v2v', $runtime)
    Invoke-DotNet publish, ([IO.Path]::Combine($root, 'src', 'V2V.Shell')), -c, Release, -r, $runtime, --self-contained, '-p:PublishReadyToRun=true', -o, $target, -v, q, -nologo
}

$manifest = [IO.File]::ReadAllText([IO.Path]::Combine($module, 'V2V.psd1'))
$version = [regex]::Match($manifest, "ModuleVersion\s*=\s*'([^']+)'").Groups[1].Value
$zip = [IO.Path]::Combine($artifacts, "V2V-$version.zip")
if ([IO.File]::Exists($zip)) { [IO.File]::Delete($zip) }
[IO.Compression.ZipFile]::CreateFromDirectory($module, $zip, 'Optimal', $true)

# A package for a PowerShell repository: the module's files and a nuspec, by the Open Packaging Conventions.
$package = [IO.Path]::Combine($artifacts, "V2V.$version.nupkg")
if ([IO.File]::Exists($package)) { [IO.File]::Delete($package) }
[IO.Compression.ZipFile]::CreateFromDirectory($module, $package, 'Optimal', $false)
$description = [Security.SecurityElement]::Escape([regex]::Match($manifest, "Description\s*=\s*'([^']+)'").Groups[1].Value)
$entries = @{
    'V2V.nuspec' = @"
<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2011/08/nuspec.xsd">
  <metadata>
    <id>V2V</id>
    <version>$version</version>
    <authors>The V2V authors</authors>
    <license type="expression">MIT</license>
    <description>$description</description>
    <tags>PSModule PSEdition_Core KVM VMware OVA VMDK qcow2 V2V</tags>
  </metadata>
</package>
"@
    '_rels/.rels' = @"
<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/V2V.nuspec" Id="nuspec" />
</Relationships>
"@
    '[Content_Types].xml' = @"
<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="dll" ContentType="application/octet" />
  <Default Extension="pdb" ContentType="application/octet" />
  <Default Extension="psd1" ContentType="application/octet" />
  <Default Extension="ps1xml" ContentType="application/octet" />
  <Default Extension="xml" ContentType="application/octet" />
  <Default Extension="txt" ContentType="application/octet" />
  <Override PartName="/LICENSE" ContentType="application/octet" />
</Types>
"@
}
$archive = [IO.Compression.ZipFile]::Open($package, 'Update')
try {
    foreach ($name in $entries.Keys) {
        $writer = [IO.StreamWriter]::new($archive.CreateEntry($name).Open())
        try { $writer.Write($entries[$name]) } finally { $writer.Dispose() }
    }
}
finally {
    $archive.Dispose()
}

"Module:  $module"
"Packed:  $zip"
"Package: $package"

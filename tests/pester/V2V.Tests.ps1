# What a user types, in a real pwsh: run.ps1 runs it. The phony guest is all that it needs.
BeforeDiscovery {
    $cmdlets = 'Import-V2VSource', 'Get-V2VInspection', 'Convert-V2VGuest', 'Export-V2VDisk', 'Remove-V2VOverlay' | ForEach-Object { @{ Name = $_ } }
    $manifests = @{ Manifest = 'V2V.psd1' }, @{ Manifest = 'artifacts/module/V2V/V2V.psd1' }
}

BeforeAll {
    $root = [IO.Path]::GetFullPath("$PSScriptRoot/../..")
    $module = "$root/artifacts/module/V2V/V2V.psd1"
    $ova = "$root/tests/fixtures/guests/phony-debian.ova"
    Import-Module $module
    $source = Import-V2VSource $ova
}

AfterAll { Remove-Module V2V -ErrorAction Ignore }

Describe 'The module' {
    It 'is valid: <Manifest>' -ForEach $manifests {
        (Test-ModuleManifest "$root/$Manifest").ExportedCmdlets.Count | Should -Be 5
    }

    It 'imports, works and goes in a process of its own: <Manifest>' -ForEach $manifests {
        $script = "Import-Module '$root/$Manifest'; (Import-V2VSource '$ova').Name; Remove-Module V2V; @(Get-Command -Module V2V).Count"
        & (Get-Process -Id $PID).Path -NoProfile -NonInteractive -Command $script | Should -Be 'phony-debian', '0'
        $LASTEXITCODE | Should -Be 0
    }

    It 'exports approved verbs and nothing else' {
        $approved = (Get-Verb).Verb
        (Get-Command -Module V2V).Count | Should -Be 5
        Get-Command -Module V2V | ForEach-Object { $_.Verb | Should -BeIn $approved }
    }
}

Describe 'Help' {
    It 'is complete: <Name>' -ForEach $cmdlets {
        $help = Get-Help $Name -Full
        $help.Synopsis | Should -Not -Match '\[-'
        $help.description.Text | Should -Not -BeNullOrEmpty
        @($help.examples.example).Count | Should -BeGreaterThan 0
        $common = [Management.Automation.PSCmdlet]::CommonParameters
        foreach ($parameter in (Get-Command $Name).Parameters.Keys.Where{ $_ -notin $common }) {
            (Get-Help $Name -Parameter $parameter).description.Text | Should -Not -BeNullOrEmpty -Because "-$parameter of $Name is documented"
        }
    }

    It 'has about_V2V' { Get-Help about_V2V | Out-String | Should -Match 'V2VOverlay' }
}

Describe 'The main job' {
    It 'goes from OVA to disks and XML and leaves the source as it was' {
        $before = (Get-FileHash $ova).Hash
        $export = Import-V2VSource -Ova $ova | Convert-V2VGuest -WorkingDirectory $TestDrive | Export-V2VDisk -Local "$TestDrive/out" -WarningAction Ignore
        $export.Name | Should -Be 'phony-debian'
        $export.MetadataPath | Should -Exist
        ([xml](Get-Content $export.MetadataPath -Raw)).domain.name | Should -Be 'phony-debian'
        (Get-ChildItem "$TestDrive/out").Name | Should -Be 'phony-debian-sda', 'phony-debian.xml'
        (Get-FileHash $ova).Hash | Should -Be $before
    }

    It 'can be filtered' {
        $source | Get-V2VInspection | Where-Object Distro -EQ debian | Should -HaveCount 1
        $source | Get-V2VInspection | Where-Object Distro -EQ fedora | Should -HaveCount 0
    }

    It 'keeps an overlay until it is removed' {
        $work = (New-Item "$TestDrive/kept" -ItemType Directory).FullName
        $overlay = $source | Convert-V2VGuest -WorkingDirectory $work
        $overlay.Changes.Path | Should -Contain '/etc/fstab'
        Get-ChildItem $work -Force | Should -Not -BeNullOrEmpty
        $overlay | Remove-V2VOverlay
        Get-ChildItem $work -Force | Should -BeNullOrEmpty
    }

    It 'shows what it would do with -WhatIf and leaves nothing' {
        $work = (New-Item "$TestDrive/whatif" -ItemType Directory).FullName
        $script = "Import-Module '$module'; Import-V2VSource '$ova' | Convert-V2VGuest -WorkingDirectory '$work' -WhatIf"
        & (Get-Process -Id $PID).Path -NoProfile -NonInteractive -Command $script | Out-String | Should -Match 'phony-debian:/etc/fstab'
        Get-ChildItem $work -Force | Should -BeNullOrEmpty
    }

    It 'runs examples/first-run.ps1' {
        & "$root/examples/first-run.ps1" -Out "$TestDrive/first" 3>$null | Out-Null
        "$TestDrive/first/phony-debian.xml" | Should -Exist
    }
}

Describe 'The pipeline' {
    It 'takes files from Get-ChildItem' { (Get-ChildItem $ova | Import-V2VSource).Name | Should -Be 'phony-debian' }

    It 'takes paths by property name' { ([pscustomobject]@{ LiteralPath = $ova } | Import-V2VSource).Name | Should -Be 'phony-debian' }

    It 'takes wildcards and relative paths' {
        Push-Location (Split-Path $ova)
        try { (Import-V2VSource ./phony-deb*.ova).Name | Should -Be 'phony-debian' } finally { Pop-Location }
    }

    It 'runs in parallel' {
        $distros = 1..3 | ForEach-Object -Parallel { Import-Module $using:module; (Import-V2VSource $using:ova | Get-V2VInspection).Distro }
        $distros | Should -Be 'debian', 'debian', 'debian'
    }

    It 'goes on after a machine that fails' {
        $found = Import-V2VSource "$TestDrive/none.ova", $ova -ErrorAction SilentlyContinue -ErrorVariable failed
        $found.Name | Should -Be 'phony-debian'
        $failed | Should -HaveCount 1
    }
}

Describe 'Errors' {
    It 'say what, why and what to do: a path that is not there' {
        Import-V2VSource "$TestDrive/none.ova" -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -Be 'SourceNotFound,V2V.PowerShell.ImportV2VSourceCommand'
        $failed[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failed[0].TargetObject | Should -Be "$TestDrive/none.ova"
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'say what, why and what to do: a file that is no OVA' {
        Set-Content "$TestDrive/text.ova" 'text'
        Import-V2VSource "$TestDrive/text.ova" -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'Ova*,V2V.PowerShell.ImportV2VSourceCommand'
        $failed[0].TargetObject | Should -Not -BeNullOrEmpty
        $failed[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'stop a script that asks for it' { { Import-V2VSource "$TestDrive/none.ova" -ErrorAction Stop } | Should -Throw -ErrorId 'SourceNotFound,*' }

    It 'guard files that exist' {
        $source | Export-V2VDisk -Local "$TestDrive/twice" -WarningAction Ignore
        $source | Export-V2VDisk -Local "$TestDrive/twice" -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'ExportTargetExists,*'
        $failed[0].CategoryInfo.Category | Should -Be 'ResourceExists'
    }
}

Describe 'Views' {
    It 'shows a table of <Heading>' -ForEach @(
        @{ Heading = 'Hypervisor'; Script = { $source } }
        @{ Heading = 'Distro'; Script = { $source | Get-V2VInspection } }
        @{ Heading = 'Controller'; Script = { $source.Disks } }
        @{ Heading = 'MacAddress'; Script = { $source.Nics } }
    ) {
        & $Script | Out-String -Width 200 | Should -Match "(?m)^.*\b$Heading\b.*\r?\n.*----"
    }

    It 'shows a list' { $source | Get-V2VInspection | Format-List | Out-String | Should -Match '(?m)^Kernels\s+:' }

    It 'becomes JSON' { ($source | Select-Object Name, Hypervisor | ConvertTo-Json | ConvertFrom-Json).Name | Should -Be 'phony-debian' }
}

Describe 'The Tab key' {
    It 'proposes <Expected> after <Line>' -ForEach @(
        @{ Line = 'Import-V2VSo'; Expected = 'Import-V2VSource' }
        @{ Line = 'Import-V2VSource $ova -Name '; Expected = 'phony-debian' }
        @{ Line = 'Export-V2VDisk -Format q'; Expected = 'Qcow2' }
        @{ Line = 'Convert-V2VGuest -BlockBus Virtio'; Expected = 'VirtioBlk' }
        @{ Line = '$source | Export-V2VDisk -NetworkMap '; Expected = "@{ 'VM Network' = 'default' }" }
        @{ Line = 'Convert-V2VGuest $source -InterfaceName '; Expected = "@{ '00:50:56:5e:ed:01' = 'eth0' }" }
    ) {
        (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches.CompletionText | Should -Contain $Expected
    }
}

Describe 'Stopping' {
    It 'ends the pipeline and removes the overlays' {
        $work = (New-Item "$TestDrive/stopped" -ItemType Directory).FullName
        $shell = [powershell]::Create()
        $null = $shell.AddScript("Import-Module '$module'; Import-V2VSource '$ova' | Convert-V2VGuest -WorkingDirectory '$work' | ForEach-Object { while (`$true) { Start-Sleep -Milliseconds 20 } }")
        $running = $shell.BeginInvoke()
        while (-not $running.IsCompleted -and -not (Get-ChildItem $work -Force)) { Start-Sleep -Milliseconds 20 }
        $running.IsCompleted | Should -BeFalse
        $shell.Stop()
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $shell.Dispose()
        Get-ChildItem $work -Force | Should -BeNullOrEmpty
    }
}

Describe 'The help pages by PlatyPS' -Skip:(-not (Get-Module Microsoft.PowerShell.PlatyPS -ListAvailable)) {
    It '<_> follows the schema and describes every parameter as it is' -ForEach @('Import-V2VSource', 'Get-V2VInspection', 'Convert-V2VGuest', 'Export-V2VDisk', 'Remove-V2VOverlay') {
        Import-Module Microsoft.PowerShell.PlatyPS
        $path = "$PSScriptRoot/../../docs/$_.md"
        Test-MarkdownCommandHelp $path | Should -BeTrue
        $page = Import-MarkdownCommandHelp $path
        $page.Diagnostics.Messages | Where-Object { $_.Source -eq 'Parameter' -and $_.Severity -ne 'Information' } | Should -BeNullOrEmpty
        $command = New-CommandHelp (Get-Command $_)
        $page.Parameters.Name | Sort-Object | Should -Be ($command.Parameters.Name | Sort-Object)
        foreach ($parameter in $command.Parameters) {
            $documented = $page.Parameters | Where-Object { $_.Name -eq $parameter.Name }
            "$($documented.Aliases)", $documented.SupportsWildcards | Should -Be @("$($parameter.Aliases)", $parameter.SupportsWildcards) -Because $parameter.Name
            foreach ($set in $parameter.ParameterSets) {
                $inSet = $documented.ParameterSets | Where-Object { $_.Name -in $set.Name, '(All)' } | Select-Object -First 1
                foreach ($fact in 'Position', 'IsRequired', 'ValueFromPipeline', 'ValueFromPipelineByPropertyName') {
                    "$($inSet.$fact)" | Should -Be "$($set.$fact)" -Because "$($parameter.Name), $($set.Name), $fact"
                }
            }
        }
    }
}

# Every rule of PSScriptAnalyzer, and those that are off by default and that we follow.
@{
    IncludeDefaultRules = $true
    Severity            = @('Error', 'Warning', 'Information', 'ParseError')
    ExcludeRules        = @(
        # Pester's blocks share variables in a way that the rule does not see.
        'PSUseDeclaredVarsMoreThanAssignments'
    )
    Rules               = @{
        PSUseConsistentIndentation = @{ Enable = $true; IndentationSize = 4; Kind = 'space'; PipelineIndentation = 'IncreaseIndentationForFirstPipeline' }
        PSUseConsistentWhitespace  = @{ Enable = $true; CheckOperator = $false }
        PSPlaceOpenBrace           = @{ Enable = $true; OnSameLine = $true; NewLineAfter = $false; IgnoreOneLineBlock = $true }
        PSUseCorrectCasing         = @{ Enable = $true }
        PSAvoidExclaimOperator     = @{ Enable = $true }
    }
}

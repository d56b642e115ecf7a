using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Net.NetworkInformation;
using V2V.Core.Sources;

namespace V2V.PowerShell.Completion;

/// <summary>-Root: the two words that stand for a choice.</summary>
public sealed class RootCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Values(["first", "single"], wordToComplete);
}

/// <summary>-InterfaceName: a table with the MAC addresses of the machine's network cards.</summary>
public sealed class InterfaceNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        IEnumerable<string> macs = Completions.Machine(fakeBoundParameters, commandAst)?.Nics.Select(n => n.MacAddress).OfType<string>() ?? [];
        return Completions.Expressions(macs.Select(mac => ($"@{{ '{mac}' = 'eth0' }}", "The name that the guest gives this card.")), wordToComplete);
    }
}

/// <summary>-StaticAddress: the beginning of an address for each of the machine's network cards.</summary>
public sealed class StaticAddressCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        IEnumerable<string> macs = Completions.Machine(fakeBoundParameters, commandAst)?.Nics.Select(n => n.MacAddress).OfType<string>() ?? [];
        return Completions.Expressions(macs.Select(mac => (Completions.Literal($"{mac}:ip:192.0.2.7,192.0.2.1,24,192.0.2.3"), "Address, gateway, length of the prefix, name servers.")), wordToComplete);
    }
}

/// <summary>-NetworkMap: tables that connect the machine's networks, or all, to libvirt's default network or to a bridge of this host.</summary>
public sealed class NetworkMapCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        V2VSource? machine = Completions.Machine(fakeBoundParameters, commandAst);
        string[] networks = [.. (machine?.Nics.Select(n => n.NetworkName).OfType<string>() ?? []).Where(n => n.Length > 0), "*"];
        string[] targets = ["default", .. Bridges().Select(b => "bridge:" + b)];
        return Completions.Expressions(
            networks.SelectMany(_ => targets, (network, target) => ($"@{{ {Completions.Literal(network)} = {Completions.Literal(target)} }}", $"{network} is connected to {target}.")),
            wordToComplete);
    }

    private static IEnumerable<string> Bridges() =>
        OperatingSystem.IsLinux() ? NetworkInterface.GetAllNetworkInterfaces().Select(i => i.Name).Where(n => Directory.Exists($"/sys/class/net/{n}/bridge")) : [];
}

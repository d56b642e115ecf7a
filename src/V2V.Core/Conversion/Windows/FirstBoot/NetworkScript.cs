using System.Globalization;
using System.Text;
using V2V.Core.Inspection.Windows.Network;

namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>
/// Gives the connections of the new cards the settings that the old ones had, card by card as the MAC says, by getmac and netsh: both are in every
/// edition that a server or a professional uses, and neither needs PowerShell.
/// </summary>
internal static class NetworkScript
{
    /// <summary>Seconds to wait for a card whose driver is just being installed.</summary>
    private const int Patience = 300;

    /// <summary>Windows XP Home has no getmac: the log says so, and nobody waits.</summary>
    private const string NoGetmac = """
        set MISSING=
        if not exist "%SystemRoot%\System32\getmac.exe" echo there is no getmac.exe
        if not exist "%SystemRoot%\System32\getmac.exe" exit /b 1
        """;

    /// <summary>The script; null if every connection is as Windows makes it.</summary>
    /// <param name="networks">The old connections.</param>
    /// <param name="isOld">True for Windows XP and 2003, whose netsh has other words.</param>
    internal static FirstBootScript? Make(IReadOnlyList<NetworkSettings> networks, bool isOld)
    {
        List<NetworkSettings> wanted = [.. networks.Where(n => n.MacAddress is not null && (n.HasSettings || BatchText.IsPlain(n.Name)))];
        if (wanted.Count == 0)
        {
            return null;
        }

        var text = new StringBuilder($$"""
            @echo off
            setlocal EnableExtensions DisableDelayedExpansion
            {{(isOld ? NoGetmac : "set MISSING=")}}

            """);
        foreach (NetworkSettings network in wanted)
        {
            text.Append(CultureInfo.InvariantCulture, $"call :find {Dashes(network.MacAddress!)}\nif defined NAME call :set{Label(network)}\nif not defined NAME set MISSING=yes\n");
        }

        text.Append($$"""
            if defined MISSING exit /b {{FirstBootScript.Again}}
            exit /b 0

            :find
            set /a LEFT={{Patience / 5}}
            :look
            set "NAME="
            set "GUID="
            for /f "usebackq tokens=1,3,4 delims=," %%a in (`getmac /v /fo csv /nh`) do call :card %1 %%a %%b %%c
            if defined NAME exit /b 0
            set /a LEFT=LEFT-1
            if %LEFT% leq 0 (
              echo no card has the address %1
              exit /b 1
            )
            ping -n 6 127.0.0.1 >nul
            goto :look

            :card
            if /i not "%~3"=="%1" exit /b 0
            set "NAME=%~2"
            for /f "tokens=2 delims={}" %%g in ("%~4") do set "GUID={%%g}"
            exit /b 0

            """);
        foreach (NetworkSettings network in wanted)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n:set{Label(network)}\necho {Dashes(network.MacAddress!)} is %NAME%\n");
            foreach (string line in isOld ? OldCommands(network) : Commands(network))
            {
                text.Append(line).Append('\n');
            }

            // netsh has its own opinion on what is an error (an address that is there already); the log shows what it said.
            text.Append("exit /b 0\n");
        }

        return new FirstBootScript(2000, "network", text.ToString());
    }

    private static IEnumerable<string> Commands(NetworkSettings network)
    {
        if (Rename(network) is { } rename)
        {
            yield return rename;
        }

        if (!network.IsDhcp)
        {
            for (int i = 0; i < network.Addresses.Count; i++)
            {
                string gateway = i == 0 && network.Gateways.Count > 0 ? Gateway(network.Gateways[0]) : "";
                yield return i == 0
                    ? $"netsh interface ipv4 set address name=\"%NAME%\" source=static address={network.Addresses[0].Address} mask={network.Addresses[0].Mask}{gateway}"
                    : $"netsh interface ipv4 add address name=\"%NAME%\" address={network.Addresses[i].Address} mask={network.Addresses[i].Mask}";
            }

            foreach (NetworkGateway gateway in network.Gateways.Skip(1))
            {
                yield return $"netsh interface ipv4 add address name=\"%NAME%\"{Gateway(gateway)}";
            }
        }

        for (int i = 0; i < network.DnsServers.Count; i++)
        {
            yield return i == 0
                ? $"netsh interface ipv4 set dnsservers name=\"%NAME%\" source=static address={network.DnsServers[0]} validate=no"
                : FormattableString.Invariant($"netsh interface ipv4 add dnsservers name=\"%NAME%\" address={network.DnsServers[i]} index={i + 1} validate=no");
        }

        for (int i = 0; i < network.WinsServers.Count; i++)
        {
            yield return i == 0
                ? $"netsh interface ipv4 set winsservers name=\"%NAME%\" source=static address={network.WinsServers[0]}"
                : FormattableString.Invariant($"netsh interface ipv4 add winsservers name=\"%NAME%\" address={network.WinsServers[i]} index={i + 1}");
        }

        foreach (NetworkAddress address in network.AddressesV6)
        {
            yield return $"netsh interface ipv6 add address interface=\"%NAME%\" address={address}";
        }

        foreach (NetworkGateway gateway in network.GatewaysV6)
        {
            yield return $"netsh interface ipv6 add route prefix=::/0 interface=\"%NAME%\" nexthop={gateway.Address}{(gateway.Metric == 0 ? "" : FormattableString.Invariant($" metric={gateway.Metric}"))}";
        }

        for (int i = 0; i < network.DnsServersV6.Count; i++)
        {
            yield return FormattableString.Invariant($"netsh interface ipv6 add dnsservers name=\"%NAME%\" address={network.DnsServersV6[i]} index={i + 1} validate=no");
        }

        if (network.Metric is { } metric)
        {
            yield return FormattableString.Invariant($"netsh interface ipv4 set interface interface=\"%NAME%\" metric={metric}");
        }

        if (network.Mtu is { } mtu)
        {
            yield return FormattableString.Invariant($"netsh interface ipv4 set subinterface interface=\"%NAME%\" mtu={mtu} store=persistent");
        }

        foreach (string line in RegistryCommands(network))
        {
            yield return line;
        }
    }

    private static IEnumerable<string> OldCommands(NetworkSettings network)
    {
        if (Rename(network) is { } rename)
        {
            yield return rename;
        }

        if (!network.IsDhcp)
        {
            for (int i = 0; i < network.Addresses.Count; i++)
            {
                yield return i == 0
                    ? $"netsh interface ip set address name=\"%NAME%\" source=static addr={network.Addresses[0].Address} mask={network.Addresses[0].Mask}"
                    : $"netsh interface ip add address name=\"%NAME%\" addr={network.Addresses[i].Address} mask={network.Addresses[i].Mask}";
            }

            foreach (NetworkGateway gateway in network.Gateways)
            {
                yield return FormattableString.Invariant($"netsh interface ip add address name=\"%NAME%\" gateway={gateway.Address} gwmetric={Math.Max(1, gateway.Metric)}");
            }
        }

        for (int i = 0; i < network.DnsServers.Count; i++)
        {
            yield return i == 0
                ? $"netsh interface ip set dns name=\"%NAME%\" source=static addr={network.DnsServers[0]}"
                : FormattableString.Invariant($"netsh interface ip add dns name=\"%NAME%\" addr={network.DnsServers[i]} index={i + 1}");
        }

        for (int i = 0; i < network.WinsServers.Count; i++)
        {
            yield return i == 0
                ? $"netsh interface ip set wins name=\"%NAME%\" source=static addr={network.WinsServers[0]}"
                : FormattableString.Invariant($"netsh interface ip add wins name=\"%NAME%\" addr={network.WinsServers[i]} index={i + 1}");
        }

        foreach (string line in RegistryCommands(network))
        {
            yield return line;
        }
    }

    /// <summary>What netsh has no words for on every Windows.</summary>
    private static IEnumerable<string> RegistryCommands(NetworkSettings network)
    {
        const string Services = @"HKLM\SYSTEM\CurrentControlSet\Services";
        if (network.DnsSuffix.Length > 0)
        {
            yield return $@"if defined GUID reg add ""{Services}\Tcpip\Parameters\Interfaces\%GUID%"" /v Domain /t REG_SZ /d {network.DnsSuffix} /f";
        }

        if (!network.RegistersAddresses)
        {
            yield return $@"if defined GUID reg add ""{Services}\Tcpip\Parameters\Interfaces\%GUID%"" /v RegistrationEnabled /t REG_DWORD /d 0 /f";
        }

        if (network.NetBios != 0)
        {
            yield return FormattableString.Invariant($@"if defined GUID reg add ""{Services}\NetBT\Parameters\Interfaces\Tcpip_%GUID%"" /v NetbiosOptions /t REG_DWORD /d {network.NetBios} /f");
        }
    }

    /// <summary>
    /// A name that the guest's code page may not have stays with the old connection. Windows names new cards in the order in which it finds them, so another card may
    /// have the name until its own turn: it makes way.
    /// </summary>
    private static string? Rename(NetworkSettings network) =>
        !BatchText.IsPlain(network.Name) ? null : $"""
            if /i "%NAME%"=={BatchText.Quote(network.Name)} goto :named{Label(network)}
            netsh interface set interface name="%NAME%" newname={BatchText.Quote(network.Name)}
            if not errorlevel 1 goto :taken{Label(network)}
            netsh interface set interface name={BatchText.Quote(network.Name)} newname="V2V {Dashes(network.MacAddress!)}"
            netsh interface set interface name="%NAME%" newname={BatchText.Quote(network.Name)}
            if errorlevel 1 goto :named{Label(network)}
            :taken{Label(network)}
            set "NAME={BatchText.Quote(network.Name)[1..]}
            :named{Label(network)}
            """;

    private static string Gateway(NetworkGateway gateway) =>
        $" gateway={gateway.Address}" + (gateway.Metric == 0 ? "" : FormattableString.Invariant($" gwmetric={gateway.Metric}"));

    private static string Dashes(string mac) => mac.Replace(':', '-').ToUpperInvariant();

    private static string Label(NetworkSettings network) => network.MacAddress!.Replace(":", "", StringComparison.Ordinal);
}

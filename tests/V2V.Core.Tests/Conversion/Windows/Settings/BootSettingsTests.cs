using V2V.Core.Conversion;
using V2V.Core.Conversion.Windows.Settings;
using V2V.Registry;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.Settings;

/// <summary>Buses to fall back to, data disks, clock and drive letters.</summary>
public class BootSettingsTests
{
    [Fact]
    public void Windows_10_also_boots_from_other_buses()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Run(new FallbackBusesStep());
        foreach (string driver in (string[])["storahci", "stornvme", "pciide", "intelide", "atapi"])
        {
            Assert.Equal("0", guest.ByHivex(directory, "SYSTEM", @"ControlSet001\Services\" + driver, "Start"));
            Assert.Empty(guest.Hive("SYSTEM").Find($@"ControlSet001\Services\{driver}\StartOverride")?.Values ?? []);
        }

        Assert.Null(guest.Hive("SYSTEM").Find(@"ControlSet001\Services\msahci"));
        Assert.Empty(guest.Run(new FallbackBusesStep()).Editor.Changes);
    }

    [Fact]
    public void Windows_7_also_boots_from_SATA_in_every_control_set()
    {
        using HiveGuest guest = new(HiveGuest.Windows7, new Version(6, 1, 7601)) { Architecture = "i386" };
        guest.Root.Add("/Windows/System32/drivers/msahci.sys", "MZ").Add("/Windows/System32/drivers/pciide.sys", "MZ");
        guest.Edit("SYSTEM", h => h.Get(@"ControlSet001\Control\CriticalDeviceDatabase").Delete("PCI#CC_0101"));
        ConversionContext context = guest.Run(new FallbackBusesStep());
        foreach (string set in context.Windows.ControlSets)
        {
            RegistryHive after = guest.Hive("SYSTEM");
            Assert.Equal(0ul, after.Get(set + @"\services\msahci").GetNumber("Start"));
            Assert.Equal("pciide", after.Get(set + @"\Control\CriticalDeviceDatabase\PCI#CC_0101").GetText("Service"), ignoreCase: true);
            Assert.Equal("msahci", after.Get(set + @"\Control\CriticalDeviceDatabase\PCI#CC_010601").GetText("Service"), ignoreCase: true);
        }

        Assert.Empty(guest.Run(new FallbackBusesStep()).Editor.Changes);
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(3u)]
    [InlineData(null)]
    public void New_disks_come_online_and_the_old_policy_is_handed_on(uint? policy)
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Edit("SYSTEM", hive =>
        {
            RegistryKey key = hive.Get(@"ControlSet001\" + SanPolicy.Key);
            key.DeleteValue(SanPolicy.Value);
            if (policy is { } number)
            {
                key.SetNumber(SanPolicy.Value, number);
            }
        });
        ConversionContext context = guest.Run(new SanPolicyStep());
        Assert.Equal(SanPolicy.OnlineAll, guest.Hive("SYSTEM").Get(@"ControlSet001\" + SanPolicy.Key).GetNumber(SanPolicy.Value));
        Assert.Equal(new SanPolicy(policy), context.Windows.SanPolicy);
        Assert.Null(guest.Run(new SanPolicyStep()).Windows.SanPolicy);
    }

    [Fact]
    public void A_client_takes_new_disks_online_anyway()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        ConversionContext context = guest.Run(new SanPolicyStep());
        Assert.Empty(context.Editor.Changes);
        Assert.Null(context.Windows.SanPolicy);
    }

    [Fact]
    public void Drive_letters_stay_with_their_volumes()
    {
        using var directory = new TemporaryDirectory();
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        ConversionContext context = guest.Run(new FallbackBusesStep(), new SanPolicyStep(), new NetworkSettingsStep());
        Assert.Equal(
            HiveGuest.Export(directory, guest.System, "MountedDevices"), HiveGuest.Export(directory, context.Tree.ReadAllBytes("/Windows/System32/config/SYSTEM"), "MountedDevices"));
    }

    [Theory]
    [InlineData(null, "", false)]
    [InlineData(RegistryValueType.DWord, "01000000", true)]
    [InlineData(RegistryValueType.DWord, "00000000", false)]
    [InlineData(RegistryValueType.QWord, "0100000000000000", true)]
    [InlineData(RegistryValueType.None, "", false)]
    [InlineData(RegistryValueType.String, "31000000", true)]
    public void The_clock_is_told(RegistryValueType? type, string data, bool isUtc)
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Edit("SYSTEM", hive =>
        {
            if (type is { } known)
            {
                hive.Get(@"ControlSet001\Control\TimeZoneInformation").SetValue("RealTimeIsUniversal", known, Convert.FromHexString(data));
            }
        });
        Assert.Equal(isUtc, guest.Run(new ClockStep()).Capabilities.RtcUtc);
        Assert.Equal(type == RegistryValueType.String, guest.Warnings.Count == 1);
    }
}

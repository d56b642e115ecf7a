using V2V.Core.Conversion.Windows.DriverStore;
using V2V.Core.Conversion.Windows.GuestAdditions;
using V2V.Core.Conversion.Windows.Settings;
using V2V.Registry;
using V2V.Storage;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.Settings;

/// <summary>Hives whose values are not what Windows writes.</summary>
public class HostileHiveTests
{
    private static readonly string[] s_keys =
    [
        @"ControlSet001\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}\0002", @"ControlSet001\Enum\PCI\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\000C29FFFFF3FFDE00",
        @"ControlSet001\Control\NetworkSetup2\Interfaces\{5F3F359E-9D52-4566-9BEC-37EFDFB25ABE}\Kernel", @"ControlSet001\Services\Tcpip\Parameters\Interfaces\{5F3F359E-9D52-4566-9BEC-37EFDFB25ABE}",
        @"ControlSet001\Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}\{5F3F359E-9D52-4566-9BEC-37EFDFB25ABE}\Connection", @"ControlSet001\Services\vmci", @"ControlSet001\Services\partmgr\Parameters",
        "DriverDatabase", @"DriverDatabase\DriverInfFiles\oem2.inf", @"ControlSet001\Control\TimeZoneInformation", "Select", @"ControlSet001\Services\storahci",
        @"ControlSet001\Control\Class\{71a27cdd-812a-11d0-bec7-08002be2092f}",
    ];

    private static readonly string[] s_texts = ["", @"PCI\\", @"PCI\a\b", @"\\\", @"PCI\\x", "{5F3F359E-9D52-4566-9BEC-37EFDFB25ABE}", "255.255.255.255", "::", "\uD800", new string('A', 4000), "1 & del", "-1", "99999999999"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Values_of_any_form_end_in_a_conversion_or_an_error_of_ours(int seed)
    {
        var random = new Random(seed);
        for (int run = 0; run < 8; run++)
        {
            using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
            guest.Edit("SYSTEM", hive => Spoil(hive, random));
            try
            {
                guest.Run(new ClockStep(), new GuestAdditionsStep(), new FallbackBusesStep(), new SanPolicyStep(), new NetworkSettingsStep());
                new OemNumbers(guest.Context, [@"SYSTEM\DriverDatabase"]).Take();
            }
            catch (V2VException e)
            {
                Assert.NotEmpty(e.ErrorId);
            }
        }
    }

    [Fact]
    public void Numbers_may_run_out()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        byte[] map = new byte[9000];
        map.AsSpan().Fill(0xFF);
        guest.Edit("SYSTEM", hive => hive.Get("DriverDatabase").SetValue("OemInfMap", RegistryValueType.Binary, map));
        guest.Run();
        Assert.Equal("DriverNumbersExhausted", Assert.Throws<V2VException>(() => new OemNumbers(guest.Context, [@"SYSTEM\DriverDatabase"]).Take()).ErrorId);
    }

    [Fact]
    public void A_device_without_a_name_takes_no_other_with_it()
    {
        using HiveGuest guest = new(HiveGuest.Windows10, new Version(10, 0, 16299));
        guest.Edit("SYSTEM", hive => hive.Get(s_keys[0]).SetText("DeviceInstanceID", @"PCI\\VEN_1000&DEV_0054&SUBSYS_197615AD&REV_01"));
        guest.Run(new NetworkSettingsStep());
        Assert.NotNull(guest.Hive("SYSTEM").Find(@"ControlSet001\Enum\PCI\VEN_1000&DEV_0054&SUBSYS_197615AD&REV_01"));
    }

    private static void Spoil(RegistryHive hive, Random random)
    {
        for (int i = 0; i < 30; i++)
        {
            RegistryKey key = hive.Get(s_keys[random.Next(s_keys.Length)]);
            RegistryValue[] values = [.. key.Values];
            if (values.Length == 0)
            {
                continue;
            }

            string name = values[random.Next(values.Length)].Name;
            byte[] data = random.Next(3) switch
            {
                0 => RegistryValue.Encode(s_texts[random.Next(s_texts.Length)]),
                1 => RegistryValue.Encode(s_texts.Where(t => t.Length > 0)),
                _ => [],
            };
            if (data.Length == 0)
            {
                data = new byte[random.Next(40)];
                random.NextBytes(data);
            }

            key.SetValue(name, (RegistryValueType)random.Next(13), data);
        }
    }
}

using V2V.Core.Conversion.Windows.Boot;
using V2V.Core.Conversion.Windows.DriverStore;
using V2V.Core.Conversion.Windows.FirstBoot;
using V2V.Core.Conversion.Windows.GuestAdditions;
using V2V.Core.Conversion.Windows.Settings;

namespace V2V.Core.Conversion.Windows;

/// <summary>The conversion of a Windows guest: its steps, in the order in which they run. Start here.</summary>
internal static class WindowsConversion
{
    internal static IReadOnlyList<ConversionStep> Steps { get; } =
    [
        .. ((ConversionStep[])
        [
            new SystemCheckStep(),
            new ClockStep(),
            new GuestAdditionsStep(),
            new ChooseDriversStep(),
            new DriverStoreStep(),
            new FallbackBusesStep(),
            new SanPolicyStep(),
            new NetworkSettingsStep(),
            new EfiFallbackStep(),
            new BootConfigurationStep(),
            new NtfsHeadsStep(),
            new WindowsFirstBootStep(),
            new RegistrySaveStep(),
        ]).OrderBy(s => s.Order),
    ];
}

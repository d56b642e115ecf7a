using V2V.Core.Conversion.Linux.Devices;
using V2V.Core.Conversion.Linux.FirstBoot;
using V2V.Core.Conversion.Linux.Network;

namespace V2V.Core.Conversion.Linux;

/// <summary>The conversion of a Linux guest: its steps, in the order in which they run. Start here.</summary>
internal static class LinuxConversion
{
    internal static IReadOnlyList<ConversionStep> Steps { get; } =
    [
        .. ((ConversionStep[])
        [
            new SpaceStep(), new GuestToolsStep(), new DeviceNamesStep(), new StorageSettingsStep(), new DefaultKernelStep(), new ConsoleStep(), new DisplayStep(), new ModuleAliasesStep(),
            new StaticAddressesStep(), new NetworkNamesStep(), new UefiLoaderStep(), new InitramfsStep(), new CachesStep(), new IdentityStep(), new FirstBootStep(),
            new SeLinuxLabelsStep(),
        ]).OrderBy(s => s.Order),
    ];
}

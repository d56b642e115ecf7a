using V2V.Registry;

namespace V2V.Core.Conversion.Windows.Settings;

/// <summary>Tells whether the guest takes the machine's clock for UTC: TimeZoneInformation\RealTimeIsUniversal is 1. Otherwise it is local time.</summary>
internal sealed class ClockStep : ConversionStep
{
    internal override string Name => "Clock";

    internal override int Order => 110;

    internal override void Apply(ConversionContext context)
    {
        RegistryValue? value = context.Windows.Registry.Find($@"SYSTEM\{context.Windows.Info.ControlSet}\Control\TimeZoneInformation")?.GetValue("RealTimeIsUniversal");
        if (value is not null and not { Type: RegistryValueType.None or RegistryValueType.DWord or RegistryValueType.QWord })
        {
            context.Warn($"RealTimeIsUniversal has the type {value.Type}, which Windows does not read; the clock is taken for UTC.");
        }

        context.Capabilities = context.Capabilities with
        {
            RtcUtc = value switch
            {
                null or { Type: RegistryValueType.None } => false,
                { Type: RegistryValueType.DWord or RegistryValueType.QWord } => value.Number == 1,
                _ => true,
            },
        };
    }
}

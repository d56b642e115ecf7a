namespace V2V.Core.Conversion.Windows;

/// <summary>Writes the changed hives into the guest, after every step that changes them.</summary>
internal sealed class RegistrySaveStep : ConversionStep
{
    internal override string Name => "Registry";

    internal override int Order => 9000;

    internal override void Apply(ConversionContext context) => context.Windows.Registry.Save();
}

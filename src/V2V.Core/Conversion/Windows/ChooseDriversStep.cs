using V2V.Core.Conversion.Windows.Drivers;
using V2V.Core.Conversion.Windows.Drivers.Choice;
using V2V.Core.Conversion.Windows.Drivers.Library;

namespace V2V.Core.Conversion.Windows;

/// <summary>Chooses the virtio drivers that the guest gets; the steps after it install them.</summary>
internal sealed class ChooseDriversStep : ConversionStep
{
    internal override string Name => "ChooseDrivers";

    internal override int Order => 310;

    internal override void Apply(ConversionContext context)
    {
        if (context.Options.VirtioWin is not { } path)
        {
            context.Warn("No virtio drivers were given (-VirtioWin): the guest gets emulated disks and network cards, which are slow.");
            return;
        }

        WindowsGuest windows = context.Windows;
        DriverLibrary library = DriverLibrary.Open(path);
        try
        {
            var target = TargetSystem.Of(context.Inspection, windows.Registry.System);
            DriverSelection drivers = DriverSelector.Select(
                library, target, InstalledDrivers.Read(context.Tree, windows.Info.SystemRoot, target), Sha2Support.Has(target, windows.Registry.Software));
            foreach (string warning in drivers.Warnings)
            {
                context.Warn(warning);
            }

            windows.Use(drivers, library);
            context.Capabilities = WindowsCapabilityRules.With(context.Capabilities, drivers, context.Options.PreferredBus);
        }
        catch
        {
            library.Dispose();
            throw;
        }
    }
}

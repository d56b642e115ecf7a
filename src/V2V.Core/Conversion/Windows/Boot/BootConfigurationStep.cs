using V2V.Registry.Bcd;
using V2V.Storage;

namespace V2V.Core.Conversion.Windows.Boot;

/// <summary>Lets the boot menu of a UEFI guest use graphics: some hypervisors' installers switch it off, and KVM's firmware has no text mode to fall back on.</summary>
internal sealed class BootConfigurationStep : ConversionStep
{
    internal override string Name => "BootConfiguration";

    internal override int Order => 520;

    internal override void Apply(ConversionContext context)
    {
        if (!EfiPartition.IsIn(context.Tree) || !context.Tree.FileExists(EfiPartition.Store))
        {
            return;
        }

        try
        {
            using Stream file = context.Tree.OpenRead(EfiPartition.Store);
            List<Stream> logs = [.. ((string[])[".LOG", ".LOG1", ".LOG2"]).Select(l => EfiPartition.Store + l).Where(context.Tree.FileExists).Select(context.Tree.OpenRead)];
            try
            {
                var store = BcdStore.Open(file, EfiPartition.Store, logs);
                if (store.Default?.Delete(BcdNames.GraphicsModeDisabled) != true)
                {
                    return;
                }

                using var content = new MemoryStream();
                file.Position = 0;
                file.CopyTo(content);
                store.Save(content);
                context.Editor.WriteBytes(EfiPartition.Store, content.ToArray(), "The boot manager may use graphics, which KVM's firmware has.");
            }
            finally
            {
                logs.ForEach(l => l.Dispose());
            }
        }
        catch (V2VException e)
        {
            context.Warn($"The boot configuration was left as it is: {e.Message}");
        }
    }
}

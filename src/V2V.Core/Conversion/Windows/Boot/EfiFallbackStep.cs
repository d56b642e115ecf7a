namespace V2V.Core.Conversion.Windows.Boot;

/// <summary>
/// Puts Windows' loader where firmware without boot entries looks for it (UEFI 3.5.1.1): the new machine's variables are empty. Only that file is
/// touched; what was there in its stead is kept beside it.
/// </summary>
internal sealed class EfiFallbackStep : ConversionStep
{
    private const int MaxLoader = 16 << 20;

    internal override string Name => "EfiFallback";

    internal override int Order => 510;

    internal override void Apply(ConversionContext context)
    {
        if (context.Inspection.Architecture is not { } architecture || FileName(architecture) is not { } name || !EfiPartition.IsIn(context.Tree) || !context.Tree.FileExists(EfiPartition.Loader))
        {
            return;
        }

        string path = $"{EfiPartition.MountPoint}/EFI/Boot/{name}.efi";
        byte[] loader = context.Tree.ReadAllBytes(EfiPartition.Loader, MaxLoader);
        if (context.Tree.FileExists(path))
        {
            if (context.Tree.ReadAllBytes(path, MaxLoader).AsSpan().SequenceEqual(loader))
            {
                return;
            }

            string kept = $"{EfiPartition.MountPoint}/EFI/Boot/{name}.old";
            if (!context.Tree.FileExists(kept))
            {
                context.Editor.Copy(path, kept, "What the firmware's fallback was is kept.");
            }
        }

        context.Editor.WriteBytes(path, loader, "The new machine's firmware has no boot entries; it starts what lies here.");
    }

    private static string? FileName(string architecture) => architecture switch
    {
        "x86_64" => "BOOTX64",
        "i386" => "BOOTIA32",
        "aarch64" => "BOOTAA64",
        _ => null,
    };
}

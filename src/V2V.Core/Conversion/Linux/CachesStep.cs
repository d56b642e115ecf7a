namespace V2V.Core.Conversion.Linux;

/// <summary>Deletes what the guest remembers of its old devices.</summary>
internal sealed class CachesStep : ConversionStep
{
    private static readonly string[] s_caches =
        ["/etc/blkid/blkid.tab", "/etc/blkid.tab", "/run/blkid/blkid.tab", "/dev/.blkid.tab", "/etc/lvm/cache/.cache"];

    internal override string Name => "Caches";

    internal override int Order => 850;

    internal override void Apply(ConversionContext context)
    {
        foreach (string path in s_caches.Where(context.Tree.FileExists))
        {
            context.Editor.Delete(context.Tree.ResolvePath(path)!, "A list of the old machine's devices.");
        }
    }
}

using V2V.Core.Conversion.Linux.SeLinux;
using V2V.Core.Guest;
using V2V.FileSystems;

namespace V2V.Core.Conversion.Linux;

/// <summary>
/// Labels what the conversion created as the guest's own policy would, so that SELinux neither denies the new files nor has to relabel
/// all others at boot. Files that were edited keep the labels that they have.
/// </summary>
internal sealed class SeLinuxLabelsStep : ConversionStep
{
    private const string Config = "/etc/selinux/config";
    private const string Attribute = "security.selinux";
    private const string Relabel = "/.autorelabel";

    internal override string Name => "SELinuxLabels";

    internal override int Order => 950;

    internal override void Apply(ConversionContext context)
    {
        if (context.Editor.ReadText(Config) is not { } config || Setting(config, "SELINUX") is not ("enforcing" or "permissive"))
        {
            return;
        }

        GuestChange[] created = [.. context.Editor.Changes.Where(c => c.Kind is GuestChangeKind.Create or GuestChangeKind.Link).DistinctBy(c => c.Path)];
        string policy = $"/etc/selinux/{Setting(config, "SELINUXTYPE") ?? "targeted"}/contexts/files/file_contexts";
        if (FileContexts.Load(context.Tree, policy) is not { } contexts)
        {
            context.Warn($"SELinux is on, but {policy} is missing: the guest relabels all its files at its first boot, which takes minutes and ends with a reboot.");
            context.Editor.WriteText(Relabel, "", "The policy's file_contexts is missing, so that new files could not be labelled.");
            return;
        }

        foreach (GuestChange change in created)
        {
            // FAT keeps no labels: its files have the mount's.
            if (context.Tree.TryGetEntry(change.Path, followLinks: false) is not { } entry || context.Tree.Locate(change.Path, followLinks: false).FileSystem.Type == "vfat")
            {
                continue;
            }

            string parent = context.Tree.ResolvePath(GuestPath.GetParent(change.Path)) ?? GuestPath.GetParent(change.Path);
            if (contexts.Find(GuestPath.Combine(parent, GuestPath.GetName(change.Path)), entry.Type) is { } label)
            {
                context.Editor.SetAttribute(change.Path, Attribute, label, "SELinux asks for a label.");
            }
        }
    }

    /// <summary>The value of a setting: the last line that sets it.</summary>
    private static string? Setting(string config, string name) =>
        GuestText.SplitLines(config).Select(l => l.Trim()).Where(l => l.StartsWith(name + "=", StringComparison.Ordinal))
            .Select(l => l[(name.Length + 1)..].Trim().Trim('"').ToLowerInvariant()).LastOrDefault(v => v.Length > 0);
}

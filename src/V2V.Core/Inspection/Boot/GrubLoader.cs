using V2V.Core.Guest;
using V2V.Storage;

namespace V2V.Core.Inspection.Boot;

/// <summary>Finds GRUB's configuration and reads its menu.</summary>
internal static class GrubLoader
{
    private const int MaxConfigBytes = 4 << 20;

    private static readonly string[] s_grub2Paths = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];

    internal static BootSetup? FindGrub2(InspectionContext context, bool isUefi)
    {
        foreach (string candidate in isUefi ? EfiSystem.FindConfigs(context, "grub.cfg").Concat(s_grub2Paths) : s_grub2Paths)
        {
            string path = candidate;
            if (context.ReadText(path, MaxConfigBytes) is not { } text)
            {
                continue;
            }

            GrubScript script = Run(context, text, path, isUefi);
            List<BootEntry> entries = script.Menu.Flatten();
            if (entries.Count == 0 && RealConfig(context, script, path) is { } real)
            {
                path = real;
                script = Run(context, context.ReadText(real, MaxConfigBytes) ?? "", real, isUefi);
                entries = script.Menu.Flatten();
            }

            return new BootSetup(new BootLoaderInfo("grub2", context.Tree.ResolvePath(path) ?? path, null), new BootMenu(entries, script.Menu.Find(script.Default)));
        }

        return null;
    }

    internal static BootSetup? FindGrub1(InspectionContext context)
    {
        string[] paths = ["/boot/grub/menu.lst", "/boot/grub/grub.conf", "/etc/grub.conf", .. EfiSystem.FindConfigs(context, "grub.conf")];
        foreach (string path in paths)
        {
            if (context.ReadText(path) is { } text)
            {
                return new BootSetup(
                    new BootLoaderInfo("grub1", context.Tree.ResolvePath(path) ?? path, null),
                    Grub1Config.Parse(GuestText.SplitLines(text), context.ReadText("/boot/grub/default", 4096)));
            }
        }

        return null;
    }

    private static GrubScript Run(InspectionContext context, string text, string path, bool isUefi)
    {
        string directory = GuestPath.GetParent(path);
        string? environment = (string?[])[directory + "/grubenv", "/boot/grub2/grubenv", "/boot/grub/grubenv"] is var places
            ? places.Select(p => context.ReadText(p!, GrubEnvironment.MaxBytes)).FirstOrDefault(t => t is not null)
            : null;
        Dictionary<string, string> variables = environment is null ? [] : GrubEnvironment.Parse(environment);
        try
        {
            return GrubScript.Run(text, variables, () => BlsEntries.Read(context, "/boot/loader/entries"), isUefi);
        }
        catch (V2VException e)
        {
            context.Warn($"{path} was not read: {e.Message}");
            return GrubScript.Run("", variables, () => [], isUefi);
        }
    }

    /// <summary>The configuration that the one on the ESP hands over to, found by its path below any file system's root.</summary>
    private static string? RealConfig(InspectionContext context, GrubScript script, string path)
    {
        foreach (string target in script.ConfigFiles)
        {
            if (BootSetup.FindFile(context.Tree, target) is { } found && found != context.Tree.ResolvePath(path))
            {
                return found;
            }
        }

        return script.ConfigFiles.Count > 0 ? s_grub2Paths.FirstOrDefault(p => context.Tree.FileExists(p) && context.Tree.ResolvePath(p) != context.Tree.ResolvePath(path)) : null;
    }
}

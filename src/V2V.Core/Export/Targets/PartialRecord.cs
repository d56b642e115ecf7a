using System.Security.Cryptography;
using V2V.Core.Working;

namespace V2V.Core.Export.Targets;

/// <summary>
/// A hidden file beside an export's partial files that says whose they are: <c>.v2v-export-&lt;random&gt;</c> with the owning process and their
/// names. It goes with the export. The one that a killed export left lets the next export to the folder remove that one's partial files,
/// and theirs only: a partial file that no record lists belongs to somebody else.
/// </summary>
internal sealed class PartialRecord
{
    private const string Prefix = ".v2v-export-";
    private const int MaximumLength = 1 << 20;

    private readonly string _path;

    private PartialRecord(string path) => _path = path;

    /// <summary>Writes the record of an export that is about to create files.</summary>
    /// <param name="directory">Folder of the files.</param>
    /// <param name="names">Their partial names.</param>
    public static PartialRecord Create(string directory, IEnumerable<string> names)
    {
        string path = Path.Combine(directory, Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12)));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var record = new PartialRecord(path);
        try
        {
            using (var writer = new StreamWriter(path, options))
            {
                writer.Write(WorkAreaOwner.Current.ToText());
                writer.Write(string.Concat(names.Select(name => name + "\n")));
            }

            if (OperatingSystem.IsWindows())
            {
                File.SetAttributes(path, File.GetAttributes(path) | FileAttributes.Hidden);
            }

            return record;
        }
        catch
        {
            record.Delete();
            throw;
        }
    }

    /// <summary>Removes what killed exports of this user left in a folder. Never throws for what it cannot remove.</summary>
    public static void Sweep(string directory)
    {
        try
        {
            foreach (string path in Directory.EnumerateFiles(directory, Prefix + "*"))
            {
                if (Abandoned(path) is { } names && names.All(name => TryDeletePartial(directory, name)))
                {
                    File.Delete(path);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder cannot be listed, or another export sweeps it too.
        }
    }

    /// <summary>Removes the record; the files it lists have their names, or are gone.</summary>
    public void Delete()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next export to this folder tries again.
        }
    }

    /// <summary>The names in a record whose owner is gone; null for any other file.</summary>
    private static string[]? Abandoned(string path)
    {
        if (new FileInfo(path) is not { LinkTarget: null, Length: <= MaximumLength } || !HostOwnership.IsPrivate(path))
        {
            return null;
        }

        string text = File.ReadAllText(path);
        return WorkAreaOwner.Parse(text) is { } owner && owner.IsGone() ? text.Split('\n')[WorkAreaOwner.LineCount..^1] : null;
    }

    private static bool TryDeletePartial(string directory, string name)
    {
        if (!name.EndsWith(TargetDirectory.PartialSuffix, StringComparison.Ordinal) || Path.GetFileName(name) != name)
        {
            return false;
        }

        string path = Path.Combine(directory, name);
        var file = new FileInfo(path);
        if (!file.Exists || file.LinkTarget is not null)
        {
            return true;
        }

        if (TargetFile.IsInUse(path))
        {
            return false;
        }

        File.Delete(path);
        return true;
    }
}

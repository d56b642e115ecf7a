using V2V.Storage;
using V2V.Storage.Images;

namespace V2V.Core.Sources.Containers;

/// <summary>The files that belong to an OVF: a folder or an archive, with every file at hand as a range of a host file.</summary>
internal abstract class OvaContainer
{
    /// <param name="path">Absolute path of the folder or archive, as the user named it.</param>
    protected OvaContainer(string path)
    {
        Path = path;
    }

    /// <summary>Absolute path of the folder or archive, as the user named it.</summary>
    public string Path { get; }

    /// <summary>What was odd.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Names of files whose extension is one of those given (with dot, any case), nearest to the top first.</summary>
    public abstract IReadOnlyList<string> FindByExtension(string extension);

    /// <summary>The file with exactly this name, or null.</summary>
    /// <exception cref="V2VException">The name leads outside the container, or to what is no plain file.</exception>
    public abstract StoredFile? Find(string name);

    /// <summary>Names of all files directly in a folder of the container.</summary>
    public abstract IEnumerable<string> List(string folder);

    /// <summary>Opens files that an image refers to.</summary>
    /// <param name="imageName">Name of the image in the container.</param>
    public abstract IImageFileResolver GetResolver(string imageName);

    /// <summary>The file that a reference leads to: exactly, then percent-decoded, then in another case (with a warning); null if there is none.</summary>
    public StoredFile? FindReference(string name)
    {
        if (Find(name) is { } exact)
        {
            return exact;
        }

        string decoded = MemberName.Normalize(MemberName.Decode(name));
        if (decoded != name && Find(decoded) is { } plain)
        {
            return plain;
        }

        string[] similar = [.. List(MemberName.Folder(name)).Where(n => n.Equals(name, StringComparison.OrdinalIgnoreCase) || n.Equals(decoded, StringComparison.OrdinalIgnoreCase))];
        if (similar.Length != 1)
        {
            return null;
        }

        Warnings.Add($"'{name}' is not there; '{similar[0]}', which differs in upper and lower case only, is taken for it.");
        return Find(similar[0]);
    }
}

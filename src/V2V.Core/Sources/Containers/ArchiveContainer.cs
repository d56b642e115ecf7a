using V2V.Storage;
using V2V.Storage.Images;

namespace V2V.Core.Sources.Containers;

/// <summary>An archive whose index has been read. A name is only ever looked up in the index, so none can lead out of it.</summary>
internal sealed class ArchiveContainer : OvaContainer
{
    private readonly Dictionary<string, ArchiveMember> _members = new(StringComparer.Ordinal);
    private readonly Func<ArchiveMember, StoredFile> _resolve;

    /// <param name="path">Absolute path of the archive as the user named it.</param>
    /// <param name="members">Its index; of members with one name the last counts.</param>
    /// <param name="resolve">Tells where a member's bytes are; unpacks it first if need be.</param>
    public ArchiveContainer(string path, IEnumerable<ArchiveMember> members, Func<ArchiveMember, StoredFile> resolve)
        : base(path)
    {
        _resolve = resolve;
        foreach (ArchiveMember member in members)
        {
            string name = MemberName.Normalize(member.Name);
            if (name.Length == 0)
            {
                continue;
            }

            if (!_members.TryAdd(name, member))
            {
                Warnings.Add($"The archive holds '{name}' more than once; the last one is taken.");
                _members[name] = member;
            }
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> FindByExtension(string extension) =>
        [.. _members.Keys
            .Where(n => n.EndsWith(extension, StringComparison.OrdinalIgnoreCase) && !MemberName.FileName(n).StartsWith("._", StringComparison.Ordinal))
            .OrderBy(n => n.Count(c => c == '/'))
            .ThenBy(n => n, StringComparer.Ordinal)];

    /// <inheritdoc/>
    public override StoredFile? Find(string name)
    {
        if (!_members.TryGetValue(name, out ArchiveMember? member))
        {
            return null;
        }

        return member.Problem is null ? _resolve(member) : throw V2VException.Unsupported(
            "OvaMemberUnsupported", $"'{name}' in the archive is {member.Problem}, which is not supported.", Path, "Unpack the archive and import the folder.");
    }

    /// <inheritdoc/>
    public override IEnumerable<string> List(string folder) => _members.Keys.Where(n => MemberName.Folder(n) == folder);

    /// <inheritdoc/>
    public override IImageFileResolver GetResolver(string imageName)
    {
        string folder = MemberName.Folder(imageName);
        return new MemberResolver(Path, name => OpenReference(folder, name));
    }

    private BlockDevice? OpenReference(string folder, string name)
    {
        // Hypervisors write absolute names of parents into disks; only the last part can mean something here.
        string relative = MemberName.Normalize(name.Replace('\\', '/'));
        return (Find(MemberName.Combine(folder, relative)) ?? Find(MemberName.Combine(folder, MemberName.FileName(relative))))?.Open();
    }
}

/// <summary>An entry of an archive's index.</summary>
/// <param name="Name">Name as stored.</param>
/// <param name="Offset">Where its bytes, or the header before them, begin.</param>
/// <param name="StoredLength">Bytes in the archive.</param>
/// <param name="Length">Bytes when unpacked.</param>
/// <param name="Compression">Zip's method; 0 for bytes that are stored as they are.</param>
/// <param name="Problem">What it is, if it is no plain file that can be read.</param>
internal sealed record ArchiveMember(string Name, long Offset, long StoredLength, long Length, int Compression = 0, string? Problem = null);

using V2V.Core.Guest;
using V2V.FileSystems;
using V2V.Storage;

namespace V2V.Core.Conversion;

/// <summary>
/// The only way in which a conversion changes a guest: each operation changes the tree and notes a <see cref="GuestChange"/>, so the list
/// of changes is complete by construction. What would change nothing is not done and not noted.
/// </summary>
internal sealed class GuestEditor(GuestTree tree)
{
    /// <summary>Longest text, in characters, that a change quotes.</summary>
    internal const int MaxQuotedText = 16384;

    private const int MaxTextBytes = 4 << 20;
    private const int CopyBufferLength = 256 << 10;

    private readonly List<GuestChange> _changes = [];

    /// <summary>The guest's files, for reading.</summary>
    internal GuestTree Tree { get; } = tree;

    /// <summary>Name of the running step.</summary>
    internal string Step { get; set; } = "";

    /// <summary>Every change so far, in order.</summary>
    internal IReadOnlyList<GuestChange> Changes => _changes;

    /// <summary>The text of a regular file, or null if there is none.</summary>
    internal string? ReadText(string path) => Tree.FileExists(path) ? Tree.ReadAllText(path, MaxTextBytes) : null;

    /// <summary>Changes the text of a file that exists.</summary>
    /// <param name="path">The file; nothing happens if it is not there.</param>
    /// <param name="edit">Gives the new text.</param>
    /// <param name="reason">Why, in a sentence.</param>
    /// <returns>True if the text changed.</returns>
    internal bool EditText(string path, Func<string, string> edit, string reason)
    {
        if (ReadText(path) is not { } before || edit(before) is not { } after || after == before)
        {
            return false;
        }

        string real = Tree.ResolvePath(path) ?? path;
        Tree.WriteAllText(real, after, default);
        Note(real, GuestChangeKind.Edit, reason, before, after);
        return true;
    }

    /// <summary>Changes lines of a file that exists: <paramref name="edit"/> gives the new line, or null to drop it. Line ends are kept.</summary>
    internal bool EditLines(string path, Func<string, string?> edit, string reason) => EditText(path, text => TextLines.Edit(text, edit), reason);

    /// <summary>Makes a file have a text: creates it, with the directories above it, or replaces what it holds.</summary>
    internal void WriteText(string path, string text, string reason, int mode = GuestMode.File)
    {
        if (Tree.FileExists(path))
        {
            EditText(path, _ => text, reason);
            return;
        }

        CreateParents(path);
        Tree.WriteAllText(path, text, new FileMetadata(mode));
        Note(path, GuestChangeKind.Create, reason, null, text);
    }

    /// <summary>Makes a file hold bytes that are of no interest as text.</summary>
    internal void WriteBytes(string path, ReadOnlySpan<byte> content, string reason, int mode = GuestMode.File)
    {
        bool exists = Tree.FileExists(path);
        if (exists && Tree.TryGetEntry(path)!.Length == content.Length && Tree.ReadAllBytes(path, content.Length).AsSpan().SequenceEqual(content))
        {
            return;
        }

        CreateParents(path);
        Tree.WriteAllBytes(path, content, new FileMetadata(mode));
        Note(path, exists ? GuestChangeKind.Edit : GuestChangeKind.Create, reason);
    }

    /// <summary>Appends bytes to a file that exists.</summary>
    internal void Append(string path, ReadOnlySpan<byte> content, string reason)
    {
        using (Stream stream = Tree.OpenWrite(path))
        {
            stream.Position = stream.Length;
            stream.Write(content);
        }

        Note(Tree.ResolvePath(path) ?? path, GuestChangeKind.Append, reason);
    }

    /// <summary>Copies a file within the guest; an existing target is replaced.</summary>
    internal void Copy(string fromPath, string toPath, string reason)
    {
        using Stream source = Tree.OpenRead(fromPath);
        CopyFrom(source, toPath, reason, GuestMode.File);
    }

    /// <summary>Copies a stream, which must be seekable, into a file of the guest, which is created or replaced.</summary>
    internal void CopyFrom(Stream source, string toPath, string reason, int mode)
    {
        bool exists = Tree.FileExists(toPath);
        if (exists && IsSame(source, toPath))
        {
            return;
        }

        CreateParents(toPath);
        if (!exists)
        {
            Tree.CreateFile(toPath, new FileMetadata(mode));
        }

        using (Stream target = Tree.OpenWrite(toPath))
        {
            target.SetLength(0);
            source.CopyTo(target, CopyBufferLength);
        }

        Note(toPath, exists ? GuestChangeKind.Edit : GuestChangeKind.Create, reason);
    }

    /// <summary>Deletes a file, a link itself, or an empty directory; nothing happens if it is not there.</summary>
    internal void Delete(string path, string reason)
    {
        if (Tree.TryGetEntry(path, followLinks: false) is { } entry)
        {
            string? before = entry.Type == GuestFileType.File && entry.Length <= MaxQuotedText && IsText(path) ? ReadText(path) : null;
            Tree.Delete(path);
            Note(path, GuestChangeKind.Delete, reason, before);
        }
    }

    /// <summary>Creates a symbolic link unless the name is taken.</summary>
    internal void Link(string path, string target, string reason)
    {
        if (Tree.TryGetEntry(path, followLinks: false) is null)
        {
            CreateParents(path);
            Tree.CreateSymbolicLink(path, target, new FileMetadata(GuestMode.Link));
            Note(path, GuestChangeKind.Link, reason, null, target);
        }
    }

    /// <summary>Sets an extended attribute, of a link itself too, to a text that ends in a null byte.</summary>
    internal void SetAttribute(string path, string name, string value, string reason) => SetAttribute(path, name, [.. GuestText.Encode(value), 0], reason, value);

    /// <summary>Sets an extended attribute to bytes.</summary>
    internal void SetAttribute(string path, string name, ReadOnlySpan<byte> value, string reason, string? shown = null)
    {
        if (Tree.GetExtendedAttribute(path, name, followLinks: false) is { } before && before.AsSpan().SequenceEqual(value))
        {
            return;
        }

        Tree.SetExtendedAttribute(path, name, value, followLinks: false);
        Note(path, GuestChangeKind.Metadata, reason, null, shown);
    }

    /// <summary>Makes a directory, with those above it; nothing happens if it is there.</summary>
    internal void CreateDirectory(string path)
    {
        CreateParents(path);
        if (!Tree.Exists(path))
        {
            Tree.CreateDirectory(path, new FileMetadata(GuestMode.Directory));
            Note(path, GuestChangeKind.Create, "A directory for what the conversion adds.");
        }
    }

    /// <summary>Notes a change of the registry, which the caller has made: <c>HKLM\SYSTEM\ControlSet001\Services\viostor\Start</c>.</summary>
    internal void NoteRegistry(string path, GuestChangeKind kind, string reason, string? before, string? after) => Note(path, kind, reason, before, after);

    /// <summary>Notes a change of a volume's boot sector, which the caller has made.</summary>
    internal void NoteBootSector(string device, string reason) => Note(device, GuestChangeKind.Metadata, reason);

    private bool IsSame(Stream source, string path)
    {
        if (Tree.TryGetEntry(path)!.Length != source.Length)
        {
            return false;
        }

        byte[] left = new byte[CopyBufferLength], right = new byte[CopyBufferLength];
        using Stream target = Tree.OpenRead(path);
        int length;
        do
        {
            length = source.ReadAtLeast(left, left.Length, throwOnEndOfStream: false);
            if (target.ReadAtLeast(right, length, throwOnEndOfStream: false) < length || !left.AsSpan(0, length).SequenceEqual(right.AsSpan(0, length)))
            {
                source.Position = 0;
                return false;
            }
        }
        while (length == left.Length);
        return true;
    }

    private void CreateParents(string path)
    {
        string at = "";
        foreach (string part in GuestPath.GetParent(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            at += "/" + part;
            if (Tree.TryGetEntry(at) is not { } entry)
            {
                Tree.CreateDirectory(at, new FileMetadata(GuestMode.Directory));
                Note(at, GuestChangeKind.Create, "The directory holds " + GuestPath.GetName(path) + ".");
            }
            else if (!entry.IsDirectory)
            {
                throw new V2VException("GuestNotDirectory", V2VErrorKind.InvalidState, $"The guest's path {at} is not a directory.", at);
            }
        }
    }

    private bool IsText(string path) => Tree.ReadAllBytes(path, MaxQuotedText).AsSpan().IndexOf((byte)0) < 0;

    private void Note(string path, GuestChangeKind kind, string reason, string? before = null, string? after = null) =>
        _changes.Add(new GuestChange(Step, path, kind, reason, Quote(before), Quote(after)));

    private static string? Quote(string? text) => text?.Length > MaxQuotedText ? null : text;
}

/// <summary>Permission bits of the files that a conversion creates.</summary>
internal static class GuestMode
{
    /// <summary>rw-r--r--</summary>
    internal const int File = 0x1A4;

    /// <summary>rw-------</summary>
    internal const int Private = 0x180;

    /// <summary>rwxr-xr-x</summary>
    internal const int Program = 0x1ED;

    /// <summary>rwxr-xr-x</summary>
    internal const int Directory = 0x1ED;

    /// <summary>rwxrwxrwx</summary>
    internal const int Link = 0x1FF;
}

using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace V2V.Core.Conversion.Linux.Initramfs;

/// <summary>
/// Writes a cpio archive in the "newc" form (Documentation/driver-api/early-userspace/buffer-format.rst): 6 bytes magic, 13 fields of 8
/// hexadecimal digits, the name with its NUL, the content, each padded to 4 bytes. Owner is root and times are 0, so that equal input
/// gives equal bytes. Parents come before what they hold.
/// </summary>
internal sealed class CpioWriter
{
    private const int HeaderLength = 110;
    private const uint DirectoryMode = 0x41ED;
    private const uint RegularFile = 0x8000;

    private readonly ArrayBufferWriter<byte> _buffer = new(1 << 20);
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal);
    private uint _inode = 0x56325600;

    /// <summary>Declares a directory, and those above it, to exist already: no entry is written that could replace a link on the way.</summary>
    internal void Assume(string directory)
    {
        for (string at = directory; at.Length > 0; at = Parent(at))
        {
            _directories.Add(at);
        }
    }

    /// <summary>Adds a file, and the directories above it that are not there yet.</summary>
    /// <param name="path">Path without a leading slash.</param>
    /// <param name="content">Its content.</param>
    /// <param name="mode">Permission bits.</param>
    internal void AddFile(string path, ReadOnlySpan<byte> content, uint mode = 0x1A4)
    {
        AddDirectories(Parent(path));
        AddEntry(path, RegularFile | (mode & 0xFFF), 1, content);
    }

    /// <summary>Ends the archive and gives its bytes; their number is a multiple of 4.</summary>
    internal ReadOnlyMemory<byte> Finish()
    {
        _inode = 0;
        AddEntry("TRAILER!!!", 0, 1, []);
        return _buffer.WrittenMemory;
    }

    private void AddDirectories(string path)
    {
        if (path.Length == 0 || _directories.Contains(path))
        {
            return;
        }

        for (int slash = path.IndexOf('/', StringComparison.Ordinal); ; slash = path.IndexOf('/', slash + 1))
        {
            string at = slash < 0 ? path : path[..slash];
            if (_directories.Add(at))
            {
                AddEntry(at, DirectoryMode, 2, []);
            }

            if (slash < 0)
            {
                return;
            }
        }
    }

    private void AddEntry(string path, uint mode, uint links, ReadOnlySpan<byte> content)
    {
        int nameLength = Encoding.UTF8.GetByteCount(path) + 1;
        Span<byte> header = _buffer.GetSpan(HeaderLength + nameLength);
        "070701"u8.CopyTo(header);
        ReadOnlySpan<uint> fields = [_inode == 0 ? 0 : _inode++, mode, 0, 0, links, 0, (uint)content.Length, 0, 0, 0, 0, (uint)nameLength, 0];
        for (int i = 0; i < fields.Length; i++)
        {
            Utf8Formatter.TryFormat(fields[i], header[(6 + (i * 8))..], out _, new StandardFormat('X', 8));
        }

        Encoding.UTF8.GetBytes(path, header[HeaderLength..]);
        header[HeaderLength + nameLength - 1] = 0;
        _buffer.Advance(HeaderLength + nameLength);
        Pad();
        _buffer.Write(content);
        Pad();
    }

    private void Pad()
    {
        int missing = -_buffer.WrittenCount & 3;
        _buffer.GetSpan(4)[..missing].Clear();
        _buffer.Advance(missing);
    }

    private static string Parent(string path) => path.LastIndexOf('/') is > 0 and int slash ? path[..slash] : "";
}

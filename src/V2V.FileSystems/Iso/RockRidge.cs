using System.Text;

namespace V2V.FileSystems.Iso;

/// <summary>What Rock Ridge says of a file (RRIP, IEEE P1282 draft 1.12, 4.1).</summary>
internal sealed class RockRidge
{
    private const int MaxText = 64 << 10;
    private const byte Continues = 0x1;
    private const byte Current = 0x2;
    private const byte Parent = 0x4;
    private const byte Root = 0x8;
    private const byte TimeLong = 0x80;

    private readonly List<byte> _name = [];
    private readonly StringBuilder _link = new();
    private bool _isComponentOpen;

    private RockRidge()
    {
    }

    /// <summary>Type and permission bits as stat(2) has them; null if there is no PX.</summary>
    public uint? Mode { get; private set; }

    public uint Links { get; private set; } = 1;

    public uint Uid { get; private set; }

    public uint Gid { get; private set; }

    /// <summary>Serial number of the file; 0 before RRIP 1.12.</summary>
    public uint Serial { get; private set; }

    public uint DeviceHigh { get; private set; }

    public uint DeviceLow { get; private set; }

    public DateTimeOffset? Modified { get; private set; }

    public DateTimeOffset? Accessed { get; private set; }

    public DateTimeOffset? Changed { get; private set; }

    /// <summary>Block of the directory that was moved elsewhere because it was too deep; null for anything else.</summary>
    public long? Child { get; private set; }

    /// <summary>True for the place to which a directory was moved: it is listed where it was.</summary>
    public bool IsRelocated { get; private set; }

    /// <summary>True if the content is compressed by zisofs.</summary>
    public bool IsCompressed { get; private set; }

    /// <summary>The name; null if there is no NM.</summary>
    public byte[]? Name { get; private set; }

    /// <summary>Target of a symbolic link; null if there is no SL.</summary>
    public string? Link { get; private set; }

    /// <summary>Reads the entries of a record.</summary>
    public static RockRidge Read(IsoVolume volume, IsoRecord record)
    {
        var result = new RockRidge();
        foreach (SystemUseEntry entry in volume.SystemUse.Entries(volume, record))
        {
            result.Add(entry);
        }

        return result;
    }

    private void Add(SystemUseEntry entry)
    {
        ReadOnlySpan<byte> data = entry.Data.Span;
        if (entry.Is("PX"u8) && data.Length >= 32)
        {
            (Mode, Links, Uid, Gid) = (Le.U32(data, 0), Le.U32(data, 8), Le.U32(data, 16), Le.U32(data, 24));
            Serial = data.Length >= 40 ? Le.U32(data, 32) : 0;
        }
        else if (entry.Is("PN"u8) && data.Length >= 16)
        {
            (DeviceHigh, DeviceLow) = (Le.U32(data, 0), Le.U32(data, 8));
        }
        else if (entry.Is("NM"u8) && data.Length >= 1)
        {
            if ((data[0] & (Current | Parent)) == 0 && _name.Count < MaxText)
            {
                _name.AddRange(data[1..]);
                Name = [.. _name];
            }
        }
        else if (entry.Is("SL"u8) && data.Length >= 1)
        {
            AddComponents(data[1..]);
            Link = _link.ToString();
        }
        else if (entry.Is("TF"u8) && data.Length >= 1)
        {
            AddTimes(data[0], data[1..]);
        }
        else if (entry.Is("CL"u8) && data.Length >= 8)
        {
            Child = Le.U32(data, 0);
        }
        else if (entry.Is("RE"u8))
        {
            IsRelocated = true;
        }
        else if (entry.Is("ZF"u8))
        {
            IsCompressed = true;
        }
    }

    /// <summary>Components of a link's target (4.1.3.1): a slash goes between them unless one continues the last.</summary>
    private void AddComponents(ReadOnlySpan<byte> data)
    {
        while (data.Length >= 2 && data[1] <= data.Length - 2 && _link.Length < MaxText)
        {
            byte flags = data[0];
            if (!_isComponentOpen && _link.Length > 0 && _link[^1] != '/')
            {
                _link.Append('/');
            }

            _link.Append((flags & Root) != 0 ? "/" : (flags & Parent) != 0 ? ".." : (flags & Current) != 0 ? "." : GuestName.Decode(data.Slice(2, data[1])));
            _isComponentOpen = (flags & Continues) != 0;
            data = data[(2 + data[1])..];
        }
    }

    /// <summary>Times in the order of their bits (4.1.6): creation, modification, access, attributes, …</summary>
    private void AddTimes(byte flags, ReadOnlySpan<byte> data)
    {
        int size = (flags & TimeLong) != 0 ? 17 : 7;
        for (int bit = 0; bit < 7 && data.Length >= size; bit++)
        {
            if ((flags & (1 << bit)) == 0)
            {
                continue;
            }

            DateTimeOffset time = size == 7 ? IsoTime.Short(data[..7]) : IsoTime.Long(data[..17]);
            data = data[size..];
            switch (bit)
            {
                case 1:
                    Modified = time;
                    break;
                case 2:
                    Accessed = time;
                    break;
                case 3:
                    Changed = time;
                    break;
            }
        }
    }
}

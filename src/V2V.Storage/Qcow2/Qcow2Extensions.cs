using System.Buffers.Binary;
using System.Text;

namespace V2V.Storage.Qcow2;

/// <summary>The extensions behind a header: type, length and data, padded to eight bytes; type 0 ends them.</summary>
internal sealed class Qcow2Extensions
{
    private const int FeatureNameSize = 48;

    /// <summary>Type, bit and name of the features that our images name for other readers.</summary>
    private static readonly (byte Type, byte Bit, string Name)[] s_features =
    [
        (0, 0, "dirty bit"), (0, 1, "corrupt bit"), (0, 2, "external data file"), (0, 3, "compression type"), (0, 4, "extended L2 entries"),
        (1, 0, "lazy refcounts"),
        (2, 0, "bitmaps"), (2, 1, "raw external data"),
    ];

    private readonly Dictionary<int, string> _incompatibleNames = [];

    public string? BackingFormat { get; private set; }

    public string? DataFile { get; private set; }

    /// <summary>Names of incompatible features by bit.</summary>
    public IReadOnlyDictionary<int, string> IncompatibleNames => _incompatibleNames;

    public static Qcow2Extensions Parse(ReadOnlySpan<byte> cluster, int start, string name)
    {
        var extensions = new Qcow2Extensions();
        int at = start;
        while (at + 8 <= cluster.Length)
        {
            uint type = BinaryPrimitives.ReadUInt32BigEndian(cluster[at..]);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(cluster[(at + 4)..]);
            at += 8;
            if (type == Qcow2Format.ExtensionEnd)
            {
                break;
            }

            if (length > cluster.Length - at)
            {
                throw V2VException.Corrupt("Qcow2HeaderInvalid", "A header extension of the qcow2 image reaches past the first cluster.", name);
            }

            extensions.Add(type, cluster.Slice(at, (int)length));
            at += ((int)length + 7) & ~7;
        }

        return extensions;
    }

    public static byte[] Serialize(Qcow2Header header)
    {
        using var stream = new MemoryStream();
        if (header.BackingFormat is not null)
        {
            Write(stream, Qcow2Format.ExtensionBackingFormat, Encoding.UTF8.GetBytes(header.BackingFormat));
        }

        // The smallest clusters have no room for it beside a long reference.
        if (header.Version >= 3 && header.ClusterSize >= 4096)
        {
            var names = new byte[s_features.Length * FeatureNameSize];
            for (int i = 0; i < s_features.Length; i++)
            {
                names[i * FeatureNameSize] = s_features[i].Type;
                names[(i * FeatureNameSize) + 1] = s_features[i].Bit;
                Encoding.ASCII.GetBytes(s_features[i].Name, names.AsSpan((i * FeatureNameSize) + 2));
            }

            Write(stream, Qcow2Format.ExtensionFeatureNames, names);
        }

        Write(stream, Qcow2Format.ExtensionEnd, []);
        return stream.ToArray();
    }

    private static void Write(MemoryStream stream, uint type, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(head, type);
        BinaryPrimitives.WriteInt32BigEndian(head[4..], data.Length);
        stream.Write(head);
        stream.Write(data);
        head.Clear();
        stream.Write(head[..(-data.Length & 7)]);
    }

    private void Add(uint type, ReadOnlySpan<byte> data)
    {
        switch (type)
        {
            case Qcow2Format.ExtensionBackingFormat:
                BackingFormat = Encoding.UTF8.GetString(data);
                break;
            case Qcow2Format.ExtensionDataFile:
                DataFile = Encoding.UTF8.GetString(data);
                break;
            case Qcow2Format.ExtensionFeatureNames:
                for (int at = 0; at + FeatureNameSize <= data.Length; at += FeatureNameSize)
                {
                    if (data[at] == 0)
                    {
                        string feature = Encoding.UTF8.GetString(data.Slice(at + 2, FeatureNameSize - 2)).TrimEnd('\0');
                        _incompatibleNames.TryAdd(data[at + 1], string.Concat(feature.Where(c => !char.IsControl(c))));
                    }
                }

                break;
        }
    }
}

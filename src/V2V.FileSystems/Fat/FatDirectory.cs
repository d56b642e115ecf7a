using V2V.Storage;


namespace V2V.FileSystems.Fat;

/// <summary>
/// A directory read into memory; writes go through to the volume. It is a chain of clusters, or the fixed area in front of the
/// data that is the root directory of FAT12 and FAT16.
/// </summary>
internal sealed class FatDirectory
{
    /// <summary>Bytes of an entry.</summary>
    public const int SlotSize = 32;

    public const byte AttributeReadOnly = 0x01;
    public const byte AttributeLabel = 0x08;
    public const byte AttributeDirectory = 0x10;
    public const byte AttributeArchive = 0x20;
    public const byte AttributeLongName = 0x0F;

    private const int MaximumSlots = 65536;
    private const int MaximumLongSlots = 20;
    private const byte Deleted = 0xE5;

    private readonly FatVolume _volume;
    private readonly string _path;
    private readonly List<FatRun> _runs;
    private byte[] _bytes;

    private FatDirectory(FatVolume volume, string path, uint firstCluster)
    {
        _volume = volume;
        _path = path;
        FirstCluster = firstCluster;
        if (firstCluster == 0)
        {
            _runs = [];
            _bytes = new byte[volume.Geometry.RootEntries * SlotSize];
            volume.Device.Read(volume.Geometry.RootStart, _bytes);
            return;
        }

        long maximum = ((MaximumSlots * SlotSize) + volume.Geometry.ClusterSize - 1) / volume.Geometry.ClusterSize;
        _runs = volume.Table.ReadChain(firstCluster, maximum + 1);
        long clusters = _runs.Count == 0 ? 0 : _runs[^1].Index + _runs[^1].Count;
        if (clusters > maximum)
        {
            throw FatErrors.Directory(path, "it is larger than 2 MiB");
        }

        _bytes = new byte[clusters * volume.Geometry.ClusterSize];
        foreach (FatRun run in _runs)
        {
            int length = (int)run.Count * volume.Geometry.ClusterSize;
            volume.Device.Read(volume.Geometry.ClusterOffset(run.Start), _bytes.AsSpan((int)(run.Index * volume.Geometry.ClusterSize), length));
        }
    }

    /// <summary>First cluster; 0 for the fixed root directory.</summary>
    public uint FirstCluster { get; }

    /// <summary>Opens a directory.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="path">Path for errors.</param>
    /// <param name="firstCluster">First cluster, or 0 for the root directory.</param>
    public static FatDirectory Open(FatVolume volume, string path, uint firstCluster) =>
        new(volume, path, firstCluster == 0 ? volume.Geometry.RootCluster : firstCluster);

    /// <summary>The files in the directory, in stored order.</summary>
    public IEnumerable<FatNode> Nodes()
    {
        var name = new char[MaximumLongSlots * FatName.CharactersPerSlot];
        int longSlots = 0;
        int expected = 0;
        byte checksum = 0;
        for (int slot = 0; slot < SlotCount && _bytes[slot * SlotSize] != 0; slot++)
        {
            ReadOnlySpan<byte> raw = _bytes.AsSpan(slot * SlotSize, SlotSize);
            if (raw[0] == Deleted)
            {
                longSlots = 0;
                continue;
            }

            if ((raw[11] & 0x3F) == AttributeLongName)
            {
                int order = raw[0] & 0x1F;
                if ((raw[0] & 0x40) != 0 && order is > 0 and <= MaximumLongSlots)
                {
                    (longSlots, expected, checksum) = (order, order, raw[13]);
                }

                if (longSlots == 0 || order != expected || raw[13] != checksum)
                {
                    longSlots = 0;
                    continue;
                }

                FatName.ReadSlot(raw, name.AsSpan((order - 1) * FatName.CharactersPerSlot));
                expected--;
                continue;
            }

            int used = longSlots > 0 && expected == 0 && checksum == FatName.Checksum(raw) ? longSlots : 0;
            longSlots = 0;
            if ((raw[11] & AttributeLabel) == 0 && !raw.StartsWith(".          "u8) && !raw.StartsWith("..         "u8))
            {
                yield return MakeNode(slot, used, name);
            }
        }
    }

    /// <summary>Finds a file by its long name or its alias, in any case.</summary>
    public FatNode? Find(string name)
    {
        FatNode? byAlias = null;
        foreach (FatNode node in Nodes())
        {
            if (node.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return node;
            }

            byAlias ??= node.Alias.Equals(name, StringComparison.OrdinalIgnoreCase) ? node : null;
        }

        return byAlias;
    }

    /// <summary>Adds a file.</summary>
    /// <param name="name">The name, checked already and not in use.</param>
    /// <param name="template">A short entry; its name and case flags are filled in here.</param>
    public FatNode Add(string name, ReadOnlySpan<byte> template)
    {
        Span<byte> shortEntry = stackalloc byte[SlotSize];
        template.CopyTo(shortEntry);
        shortEntry[12] = 0;
        HashSet<string> taken = Names();
        int longSlots = 0;
        if (FatName.TryEncodeShort(name, shortEntry[..11], out byte flags) && !taken.Contains(name))
        {
            shortEntry[12] = flags;
        }
        else
        {
            FatName.MakeAlias(name, taken.Contains, shortEntry);
            longSlots = (name.Length + FatName.CharactersPerSlot - 1) / FatName.CharactersPerSlot;
        }

        int first = Reserve(longSlots + 1);
        Span<byte> slots = stackalloc byte[(MaximumLongSlots + 1) * SlotSize];
        slots = slots[..((longSlots + 1) * SlotSize)];
        FatName.WriteSlots(name, FatName.Checksum(shortEntry), slots[..(longSlots * SlotSize)]);
        shortEntry.CopyTo(slots[(longSlots * SlotSize)..]);
        Write(first, slots);
        return MakeNode(first + longSlots, longSlots, name.AsSpan());
    }

    /// <summary>Removes a file's entries; its clusters stay as they are.</summary>
    public void Remove(FatNode node)
    {
        for (int slot = node.Slot - node.LongSlots; slot <= node.Slot; slot++)
        {
            _bytes[slot * SlotSize] = Deleted;
            Write(slot, _bytes.AsSpan(slot * SlotSize, SlotSize));
        }
    }

    /// <summary>Gives a file another name in the same directory. Either the old name or the new one stands afterwards.</summary>
    public void Rename(FatNode node, string name)
    {
        int first = node.Slot - node.LongSlots;
        byte[] saved = _bytes.AsSpan(first * SlotSize, (node.LongSlots + 1) * SlotSize).ToArray();
        Remove(node);
        try
        {
            Add(name, node.Raw);
        }
        catch (V2VException)
        {
            Write(first, saved);
            throw;
        }
    }

    /// <summary>Puts another file in the place of one, under its name.</summary>
    public void Replace(FatNode existing, FatNode replacement)
    {
        byte[] raw = replacement.Raw.AsSpan().ToArray();
        existing.Raw.AsSpan(0, 11).CopyTo(raw);
        raw[12] = existing.Raw[12];
        Write(existing.Slot, raw);
    }

    /// <summary>Sets where <c>..</c> leads.</summary>
    public void SetParent(uint cluster)
    {
        if (SlotCount < 2 || !_bytes.AsSpan(SlotSize).StartsWith("..         "u8))
        {
            throw FatErrors.Directory(_path, "it has no entry '..'");
        }

        FatNode.SetCluster(_bytes.AsSpan(SlotSize), cluster);
        Write(1, _bytes.AsSpan(SlotSize, SlotSize));
    }

    private int SlotCount => _bytes.Length / SlotSize;

    private FatNode MakeNode(int slot, int longSlots, ReadOnlySpan<char> longName)
    {
        ReadOnlySpan<byte> raw = _bytes.AsSpan(slot * SlotSize, SlotSize);
        string alias = FatName.DecodeShort(raw);
        string name = alias;
        if (longSlots > 0)
        {
            ReadOnlySpan<char> characters = longName[..Math.Min(longName.Length, longSlots * FatName.CharactersPerSlot)];
            int end = characters.IndexOf('\0');
            string text = new(end < 0 ? characters : characters[..end]);
            name = FatName.IsUsable(text) ? text : alias;
        }

        return new FatNode(name, alias, slot, longSlots, SlotOffset(slot), raw.ToArray());
    }

    private HashSet<string> Names()
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (FatNode node in Nodes())
        {
            names.Add(node.Name);
            names.Add(node.Alias);
        }

        return names;
    }

    /// <summary>Finds consecutive free slots, growing the directory where it has none.</summary>
    private int Reserve(int count)
    {
        int run = 0;
        bool ended = false;
        int slot = 0;
        for (; slot < SlotCount && run < count; slot++)
        {
            ended |= _bytes[slot * SlotSize] == 0;
            run = ended || _bytes[slot * SlotSize] == Deleted ? run + 1 : 0;
        }

        int first = slot - run;
        if (run < count)
        {
            Grow(first + count - SlotCount);
        }

        // What lies behind the end mark may be anything: the mark has to move along.
        int next = first + count;
        if (ended && next < SlotCount)
        {
            _bytes.AsSpan(next * SlotSize, SlotSize).Clear();
            Write(next, _bytes.AsSpan(next * SlotSize, SlotSize));
        }

        return first;
    }

    private void Grow(int slots)
    {
        if (FirstCluster == 0)
        {
            throw FatErrors.RootFull();
        }

        if (SlotCount + slots > MaximumSlots)
        {
            throw FatErrors.DirectoryFull(_path);
        }

        int clusterSize = _volume.Geometry.ClusterSize;
        int clusters = ((slots * SlotSize) + clusterSize - 1) / clusterSize;
        FatRun last = _runs[^1];
        foreach (FatRun run in _volume.Table.Allocate(clusters, last.Start + last.Count - 1, last.Index + last.Count))
        {
            _volume.Device.WriteZeroes(_volume.Geometry.ClusterOffset(run.Start), (long)run.Count * clusterSize);
            _runs.Add(run);
        }

        Array.Resize(ref _bytes, _bytes.Length + (clusters * clusterSize));
    }

    private void Write(int slot, ReadOnlySpan<byte> slots)
    {
        slots.CopyTo(_bytes.AsSpan(slot * SlotSize));
        for (int i = 0; i < slots.Length; i += SlotSize)
        {
            _volume.Device.Write(SlotOffset(slot + (i / SlotSize)), slots.Slice(i, SlotSize));
        }
    }

    private long SlotOffset(int slot)
    {
        long offset = (long)slot * SlotSize;
        if (FirstCluster == 0)
        {
            return _volume.Geometry.RootStart + offset;
        }

        int clusterSize = _volume.Geometry.ClusterSize;
        long index = offset / clusterSize;
        FatRun run = _runs.FindLast(r => r.Index <= index);
        return _volume.Geometry.ClusterOffset(run.Start + (uint)(index - run.Index)) + (offset % clusterSize);
    }
}

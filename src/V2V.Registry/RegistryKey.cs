using V2V.Registry.Cells;

namespace V2V.Registry;

/// <summary>A key of a hive. Names are compared without regard to case, and kept as they were first written.</summary>
public sealed class RegistryKey
{
    private const int MaxKeyName = 255;
    private const int MaxValueName = 16383;

    /// <summary>Windows allows 512 levels.</summary>
    private const int MaxDepth = 512;

    private readonly RegistryHive _hive;
    private readonly uint _cell;

    internal RegistryKey(RegistryHive hive, uint cell) => (_hive, _cell) = (hive, cell);

    /// <summary>The key's name.</summary>
    public string Name => Node.Name;

    /// <summary>When it was last changed.</summary>
    public DateTime LastWritten
    {
        get
        {
            long time = Node.Written;
            return time is > 0 and < 2650467743990000000 ? DateTime.FromFileTimeUtc(time) : DateTime.FromFileTimeUtc(0);
        }
    }

    /// <summary>The key's class; empty for most.</summary>
    public string Class
    {
        get
        {
            KeyNode node = Node;
            if (node.Class == CellStore.None || node.ClassLength == 0)
            {
                return "";
            }

            byte[] text = new byte[node.ClassLength & ~1];
            Cells.Read(node.Class, 0, text);
            return CellText.Utf16(text);
        }
    }

    /// <summary>The subkeys, in the order of their names.</summary>
    public IEnumerable<RegistryKey> Subkeys => SubkeyList.Enumerate(Cells, Node).Select(c => new RegistryKey(_hive, c));

    /// <summary>The values, in the order in which they were made.</summary>
    public IEnumerable<RegistryValue> Values => Records().Select(Read);

    /// <summary>The security descriptor, self-relative as Windows stores it ([MS-DTYP] 2.4.6).</summary>
    public byte[] Security => SecurityRecord.Read(Cells, Node.Security);

    private CellStore Cells => _hive.Cells;

    private KeyNode Node => KeyNode.Read(Cells, _cell);

    /// <summary>A subkey; null if it is not there.</summary>
    public RegistryKey? Open(string name) => SubkeyList.Find(Cells, Node, name) is { } cell ? new RegistryKey(_hive, cell) : null;

    /// <summary>A subkey, made if it is not there; it has this key's security.</summary>
    public RegistryKey Create(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Open(name) is { } existing)
        {
            return existing;
        }

        _hive.RequireWritable();
        if (name.Length > MaxKeyName || name.Contains('\\', StringComparison.Ordinal))
        {
            throw HiveErrors.NameTooLong(name, _hive.Name);
        }

        KeyNode node = Node;
        SecurityRecord.AddUser(Cells, node.Security);
        uint cell = KeyNode.Create(Cells, name, _cell, node.Security, _hive.Now.ToFileTimeUtc());
        SubkeyList.Insert(Cells, node, cell, name, _hive.MinorVersion);
        Raise(KeyNode.LongestSubkeyAt, 2 * name.Length, ushort.MaxValue);
        Touch();
        return new RegistryKey(_hive, cell);
    }

    /// <summary>Deletes a subkey with all that is in it; false if it is not there.</summary>
    public bool Delete(string name)
    {
        KeyNode node = Node;
        if (SubkeyList.Find(Cells, node, name) is not { } cell)
        {
            return false;
        }

        _hive.RequireWritable();
        new RegistryKey(_hive, cell).Free(depth: 0);
        SubkeyList.Remove(Cells, node, cell);
        Cells.Free(cell);
        Touch();
        return true;
    }

    /// <summary>A value; null if it is not there.</summary>
    /// <param name="name">Its name; "" is the default value.</param>
    public RegistryValue? GetValue(string name)
    {
        ValueRecord? record = FindRecord(name, out _);
        return record is null ? null : Read(record.Value);
    }

    /// <summary>Text of a value; null if it is not there.</summary>
    public string? GetText(string name) => GetValue(name)?.Text;

    /// <summary>Number of a value; null if it is not there or no number.</summary>
    public ulong? GetNumber(string name) => GetValue(name)?.Number;

    /// <summary>Sets a value, made if it is not there. Nothing changes if it is the same already.</summary>
    public void SetValue(string name, RegistryValueType type, ReadOnlySpan<byte> data)
    {
        ArgumentNullException.ThrowIfNull(name);
        _hive.RequireWritable();
        uint cell;
        if (FindRecord(name, out _) is { } old)
        {
            if (old.Type == (uint)type && data.SequenceEqual(old.ReadData(Cells)))
            {
                return;
            }

            old.FreeData(Cells);
            cell = old.Cell;
        }
        else
        {
            if (name.Length > MaxValueName)
            {
                throw HiveErrors.NameTooLong(name, _hive.Name);
            }

            cell = ValueRecord.Create(Cells, name);
            Append(cell);
            Raise(KeyNode.LongestValueNameAt, 2 * name.Length, uint.MaxValue);
        }

        ValueRecord.SetData(Cells, cell, (uint)type, data, _hive.MinorVersion);
        Raise(KeyNode.LongestValueDataAt, data.Length, uint.MaxValue);
        Touch();
    }

    /// <summary>Sets a text value.</summary>
    public void SetText(string name, string text, RegistryValueType type = RegistryValueType.String) => SetValue(name, type, RegistryValue.Encode(text));

    /// <summary>Sets a 32-bit number.</summary>
    public void SetNumber(string name, uint number) => SetValue(name, RegistryValueType.DWord, RegistryValue.Encode(number));

    /// <summary>Deletes a value; false if it is not there.</summary>
    public bool DeleteValue(string name)
    {
        if (FindRecord(name, out int index) is not { } record)
        {
            return false;
        }

        _hive.RequireWritable();
        KeyNode node = Node;
        uint[] values = ValueCells(node);
        record.FreeData(Cells);
        Cells.Free(record.Cell);
        for (int i = index + 1; i < values.Length; i++)
        {
            Cells.WriteUInt32(node.ValueList, 4 * (i - 1), values[i]);
        }

        Cells.WriteUInt32(_cell, KeyNode.ValueCountAt, (uint)values.Length - 1);
        if (values.Length == 1)
        {
            Cells.Free(node.ValueList);
            Cells.WriteUInt32(_cell, KeyNode.ValueListAt, CellStore.None);
        }

        Touch();
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    private RegistryValue Read(ValueRecord record) => new(record.Name, (RegistryValueType)record.Type, record.ReadData(Cells));

    private IEnumerable<ValueRecord> Records() => ValueCells(Node).Select(c => ValueRecord.Read(Cells, c));

    private ValueRecord? FindRecord(string name, out int index)
    {
        index = 0;
        foreach (ValueRecord record in Records())
        {
            if (CellText.Compare(record.Name, name) == 0)
            {
                return record;
            }

            index++;
        }

        return null;
    }

    private uint[] ValueCells(KeyNode node)
    {
        if (node.ValueCount == 0)
        {
            return [];
        }

        if (node.ValueCount > Cells.Size(node.ValueList) / 4)
        {
            throw HiveErrors.Cell(node.ValueList, "is shorter than the key's list of values", _hive.Name);
        }

        byte[] list = new byte[4 * node.ValueCount];
        Cells.Read(node.ValueList, 0, list);
        uint[] values = new uint[node.ValueCount];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(4 * i));
        }

        return values;
    }

    private void Append(uint value)
    {
        KeyNode node = Node;
        uint[] values = ValueCells(node);
        uint list = node.ValueList;
        if (values.Length == 0 || Cells.Size(list) < 4 * (values.Length + 1))
        {
            list = Cells.Allocate(4 * (values.Length + 1));
            for (int i = 0; i < values.Length; i++)
            {
                Cells.WriteUInt32(list, 4 * i, values[i]);
            }

            if (values.Length > 0)
            {
                Cells.Free(node.ValueList);
            }

            Cells.WriteUInt32(_cell, KeyNode.ValueListAt, list);
        }

        Cells.WriteUInt32(list, 4 * values.Length, value);
        Cells.WriteUInt32(_cell, KeyNode.ValueCountAt, (uint)values.Length + 1);
    }

    /// <summary>Frees everything below and in this key, but not its own cell, which its parent still names.</summary>
    private void Free(int depth)
    {
        KeyNode node = Node;
        if (depth > MaxDepth)
        {
            throw HiveErrors.Cell(_cell, "is nested deeper than Windows allows", _hive.Name);
        }

        foreach (uint subkey in SubkeyList.Enumerate(Cells, node).ToList())
        {
            new RegistryKey(_hive, subkey).Free(depth + 1);
            Cells.Free(subkey);
        }

        SubkeyList.Free(Cells, node);
        foreach (ValueRecord record in Records().ToList())
        {
            record.FreeData(Cells);
            Cells.Free(record.Cell);
        }

        if (node.ValueCount > 0)
        {
            Cells.Free(node.ValueList);
        }

        if (node.Class != CellStore.None && node.ClassLength > 0)
        {
            Cells.Free(node.Class);
        }

        SecurityRecord.RemoveUser(Cells, node.Security);
    }

    /// <summary>Raises one of the key's "longest" numbers, of which a mask tells the bits.</summary>
    private void Raise(int offset, int length, uint mask)
    {
        uint old = Cells.ReadUInt32(_cell, offset);
        if ((old & mask) < length)
        {
            Cells.WriteUInt32(_cell, offset, (old & ~mask) | (uint)length);
        }
    }

    private void Touch()
    {
        Span<byte> time = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(time, _hive.Now.ToFileTimeUtc());
        Cells.Write(_cell, KeyNode.WrittenAt, time);
    }
}

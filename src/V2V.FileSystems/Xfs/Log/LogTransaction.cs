using System.Buffers.Binary;

namespace V2V.FileSystems.Xfs.Log;

/// <summary>One piece of a log item, put together from the operations that carried it.</summary>
internal sealed class LogRegion(ReadOnlySpan<byte> data)
{
    /// <summary>Nothing that a kernel logs as one region comes near this many bytes.</summary>
    public const int MaximumLength = 4 << 20;

    private byte[] _data = data.ToArray();

    public int Length { get; private set; } = data.Length;

    public ReadOnlySpan<byte> Data => _data.AsSpan(0, Length);

    public void Append(ReadOnlySpan<byte> data)
    {
        int length = Length + data.Length;
        if (length > MaximumLength)
        {
            throw LogErrors.Corrupt($"a region is longer than {MaximumLength} bytes");
        }

        if (length > _data.Length)
        {
            Array.Resize(ref _data, Math.Max(length, Math.Min(MaximumLength, _data.Length * 2)));
        }

        data.CopyTo(_data.AsSpan(Length));
        Length = length;
    }
}

/// <summary>A change that a transaction logged: a format that says what it is about, and its data.</summary>
internal sealed class LogItem
{
    private const int MaximumRegions = 8192;

    public List<LogRegion> Regions { get; } = [];

    /// <summary>Regions that belong to the item.</summary>
    public int Total { get; private set; }

    public bool IsComplete => Total != 0 && Regions.Count == Total;

    public LogItemType Type => (LogItemType)BinaryPrimitives.ReadUInt16LittleEndian(Regions[0].Data);

    /// <summary>The first region.</summary>
    public ReadOnlySpan<byte> Format => Regions[0].Data;

    public void Add(ReadOnlySpan<byte> data)
    {
        if (Total == 0)
        {
            Total = data.Length < 4 ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(data[2..]);
            if (Total is 0 or > MaximumRegions)
            {
                throw LogErrors.Corrupt($"an item has {Total} regions");
            }
        }

        Regions.Add(new LogRegion(data));
    }
}

/// <summary>A transaction as it is put together from its operations. In logs of today's kernels that is a checkpoint of many.</summary>
/// <param name="id">Number that its operations carry.</param>
/// <param name="lsn">Of the record that it begins in.</param>
internal sealed class LogTransaction(uint id, ulong lsn)
{
    private const int HeaderSize = 16;
    private const uint HeaderMagic = 0x5452414E;

    private byte[] _header = [];

    public uint Id { get; } = id;

    public ulong Lsn { get; } = lsn;

    public List<LogItem> Items { get; } = [];

    /// <summary>Memory that it takes, roughly.</summary>
    public long Cost { get; private set; } = 512;

    /// <summary>Adds the start of a region.</summary>
    public void Add(ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return;
        }

        if (_header.Length < HeaderSize)
        {
            if (_header.Length != 0)
            {
                throw LogErrors.Corrupt($"the header of a transaction is cut short");
            }

            AddHeader(data);
            return;
        }

        if (Items.Count == 0 || Items[^1].IsComplete)
        {
            Items.Add(new LogItem());
            Cost += 128;
        }

        Items[^1].Add(data);
        Cost += data.Length + 96;
    }

    /// <summary>Adds the rest of a region, or a further part of it.</summary>
    public void Continue(ReadOnlySpan<byte> data)
    {
        if (_header.Length < HeaderSize)
        {
            AddHeader(data);
            return;
        }

        if (Items.Count == 0)
        {
            throw LogErrors.Corrupt($"a transaction begins in the middle of an item");
        }

        Items[^1].Regions[^1].Append(data);
        Cost += data.Length * 2L;
    }

    private void AddHeader(ReadOnlySpan<byte> data)
    {
        _header = [.. _header, .. data];
        if (_header.Length > HeaderSize || (_header.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(_header) != HeaderMagic))
        {
            throw LogErrors.Corrupt($"the header of a transaction is wrong");
        }
    }
}

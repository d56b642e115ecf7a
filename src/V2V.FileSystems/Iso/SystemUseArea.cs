namespace V2V.FileSystems.Iso;

/// <summary>
/// The entries of a record's system use field (SUSP, IEEE P1281 draft 1.12): a signature of two letters, a length and a version each;
/// CE leads to a continuation area elsewhere.
/// </summary>
/// <param name="IsRockRidge">True if the records have Rock Ridge's entries.</param>
/// <param name="Skip">Bytes before the first entry in every record but the root's first.</param>
internal sealed record SystemUseArea(bool IsRockRidge, int Skip)
{
    private const int HeadLength = 4;
    private const int MaxContinuations = 32;
    private const int MaxContinuationLength = 16 << 10;
    private const int MaxEntries = 4096;

    /// <summary>The extensions that Rock Ridge's drafts and its standard call themselves.</summary>
    private static readonly string[] s_rockRidgeNames = ["RRIP_1991A", "IEEE_P1282", "IEEE_1282"];

    /// <summary>Looks at the first record of the root directory, where SP says that the entries are there.</summary>
    public static SystemUseArea Detect(IsoVolume volume, IsoRecord root)
    {
        byte[] head = new byte[Math.Min((int)Math.Min(root.Length, 255u), 255)];
        if (head.Length < IsoRecord.MinLength)
        {
            return new SystemUseArea(false, 0);
        }

        volume.Read(root.Block, 0, head, "/");
        if (head[0] > head.Length || IsoRecord.TryParse(head.AsSpan(0, head[0])) is not { } self)
        {
            return new SystemUseArea(false, 0);
        }

        // CD-ROM XA puts 14 bytes of its own before SP.
        foreach (int start in (ReadOnlySpan<int>)[0, 14])
        {
            ReadOnlySpan<byte> use = self.SystemUse.AsSpan(Math.Min(start, self.SystemUse.Length));
            if (use.Length >= 7 && use.StartsWith("SP"u8) && use[4] == 0xBE && use[5] == 0xEF)
            {
                return new SystemUseArea(Walk(volume, self.SystemUse, start).Any(e => e.Is("RR"u8) || e.Is("PX"u8) || IsRockRidgeName(e)), use[6]);
            }
        }

        return new SystemUseArea(false, 0);
    }

    /// <summary>The entries of a record, also those of its continuation areas.</summary>
    public IEnumerable<SystemUseEntry> Entries(IsoVolume volume, IsoRecord record) => Walk(volume, record.SystemUse, Skip);

    private static bool IsRockRidgeName(SystemUseEntry entry)
    {
        ReadOnlySpan<byte> data = entry.Data.Span;
        return entry.Is("ER"u8) && data.Length > 4 && data[0] <= data.Length - 4
            && s_rockRidgeNames.Contains(System.Text.Encoding.Latin1.GetString(data.Slice(4, data[0])));
    }

    private static IEnumerable<SystemUseEntry> Walk(IsoVolume volume, byte[] field, int start)
    {
        ReadOnlyMemory<byte> area = field.AsMemory(Math.Min(start, field.Length));
        var seen = new HashSet<(uint, uint)>();
        for (int count = 0; count < MaxEntries;)
        {
            (uint Block, uint Offset, uint Length)? continuation = null;
            while (area.Length >= HeadLength && count++ < MaxEntries)
            {
                int length = area.Span[2];
                if (length < HeadLength || length > area.Length)
                {
                    break;
                }

                var entry = new SystemUseEntry(area[..length]);
                if (entry.Is("ST"u8))
                {
                    break;
                }

                if (entry.Is("CE"u8) && length >= 28)
                {
                    continuation = (Le.U32(area.Span, 4), Le.U32(area.Span, 12), Le.U32(area.Span, 20));
                }
                else
                {
                    yield return entry;
                }

                area = area[length..];
            }

            if (continuation is not { } next || next.Length > MaxContinuationLength || next.Offset > MaxContinuationLength || seen.Count >= MaxContinuations || !seen.Add((next.Block, next.Offset)))
            {
                yield break;
            }

            byte[] more = new byte[next.Length];
            volume.ReadContinuation(next.Block, (int)next.Offset, more);
            area = more;
        }
    }
}

/// <summary>An entry of a system use field.</summary>
/// <param name="Raw">All of it, with its head of four bytes.</param>
internal readonly record struct SystemUseEntry(ReadOnlyMemory<byte> Raw)
{
    /// <summary>What follows the head.</summary>
    public ReadOnlyMemory<byte> Data => Raw[4..];

    public bool Is(ReadOnlySpan<byte> signature) => Raw.Span.StartsWith(signature);
}

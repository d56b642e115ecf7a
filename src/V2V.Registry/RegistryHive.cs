using V2V.Registry.Cells;
using V2V.Registry.Logs;
using V2V.Storage;

namespace V2V.Registry;

/// <summary>
/// A registry hive (regf 1.3 to 1.6, Windows NT 4 to 11): start here. Reads what is asked for, keeps changes in memory, and writes them back
/// with <see cref="Save"/>. An unclean hive is first completed from its transaction logs, as Windows does. Not thread-safe.
/// </summary>
public sealed class RegistryHive
{
    private readonly HivePages _pages;
    private readonly BaseBlock _block;

    private RegistryHive(HivePages pages, BaseBlock block, HiveRecovery recovery)
    {
        _pages = pages;
        _block = block;
        Recovery = recovery;
        Cells = new CellStore(pages, block);
    }

    /// <summary>Name of the hive, for errors.</summary>
    public string Name => _pages.Name;

    /// <summary>Whether it was closed cleanly, and what its logs did.</summary>
    public HiveRecovery Recovery { get; }

    /// <summary>True if something differs from what is stored.</summary>
    public bool IsChanged => _pages.IsChanged;

    /// <summary>The time that changed keys and the hive get; now, unless it is set.</summary>
    public DateTime? Time { get; set; }

    /// <summary>The key that everything hangs on.</summary>
    public RegistryKey Root => new(this, _block.RootCell);

    internal CellStore Cells { get; }

    internal uint MinorVersion => _block.Minor;

    internal DateTime Now => Time ?? DateTime.UtcNow;

    /// <summary>Opens a hive.</summary>
    /// <param name="hive">The file; seekable, and not closed before the hive is done with.</param>
    /// <param name="name">Its name, for errors.</param>
    /// <param name="logs">Its transaction logs (LOG, or LOG1 and LOG2) if there are any; only read now.</param>
    /// <exception cref="V2VException"><c>HiveBaseBlockInvalid</c>, <c>HiveVersionUnsupported</c>, <c>HiveTruncated</c>.</exception>
    public static RegistryHive Open(Stream hive, string name, params IReadOnlyList<Stream> logs)
    {
        ArgumentNullException.ThrowIfNull(hive);
        ArgumentNullException.ThrowIfNull(logs);
        BaseBlock block = BaseBlock.Read(hive) ?? throw HiveErrors.Truncated(BaseBlock.Sector, name);
        Span<byte> head = stackalloc byte[4];
        hive.Position = 0;
        hive.ReadExactly(head);
        if (!BaseBlock.HasSignature(head))
        {
            throw HiveErrors.BaseBlock("The file is no registry hive.", name);
        }

        var pages = new HivePages(hive, name);
        HiveRecovery recovery = new(HiveState.Clean, 0, 0, "");
        if (!block.IsClean)
        {
            // A torn base block is replaced by the log's copy of it.
            BaseBlock? copy = block.IsValid ? block : logs.Select(BaseBlock.Read).FirstOrDefault(b => b is { IsValid: true });
            if (copy is null)
            {
                throw HiveErrors.BaseBlock("The base block of the hive has a wrong checksum, and no log has a copy of it.", name);
            }

            block = copy;
            recovery = TransactionLogs.Apply(pages, block, logs);
        }

        block.Validate(name);
        if (BaseBlock.Size + (long)block.BinsSize > pages.Length)
        {
            throw HiveErrors.Truncated(BaseBlock.Size + (long)block.BinsSize, name);
        }

        return new RegistryHive(pages, block, recovery);
    }

    /// <summary>The key of a path below the root; null if it is not there.</summary>
    /// <param name="path">Names separated by backslashes; "" is the root.</param>
    public RegistryKey? Find(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        RegistryKey? key = Root;
        foreach (string name in path.Split('\\', StringSplitOptions.RemoveEmptyEntries))
        {
            key = key.Open(name);
            if (key is null)
            {
                return null;
            }
        }

        return key;
    }

    /// <summary>The key of a path, which must be there.</summary>
    /// <exception cref="V2VException"><c>HiveKeyMissing</c>.</exception>
    public RegistryKey Get(string path) => Find(path) ?? throw HiveErrors.KeyMissing(path, Name);

    /// <summary>The key of a path, made with all that leads to it where it is missing.</summary>
    public RegistryKey Create(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        RegistryKey key = Root;
        foreach (string name in path.Split('\\', StringSplitOptions.RemoveEmptyEntries))
        {
            key = key.Create(name);
        }

        return key;
    }

    /// <summary>Writes the changes, and a base block that says the hive is clean, so that its logs are no longer looked at.</summary>
    /// <param name="target">The hive's file, writable; it grows if the hive did.</param>
    public void Save(Stream target)
    {
        ArgumentNullException.ThrowIfNull(target);
        RequireWritable();
        if (!IsChanged)
        {
            return;
        }

        _pages.Write(0, _block.Seal(Now));
        _pages.ForEachChange((offset, data) =>
        {
            target.Position = offset;
            target.Write(data.Span);
        });
        target.Flush();
    }

    /// <summary>Refuses to change a hive that was left in the middle of a write.</summary>
    internal void RequireWritable()
    {
        if (Recovery.State == HiveState.Dirty)
        {
            throw HiveErrors.Dirty(Name, Recovery.Problem);
        }
    }
}

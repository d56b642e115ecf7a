using System.Collections;

namespace V2V.Storage.Images;

/// <summary>
/// Adds up how much stored data the tables of an image refer to, each table when it is first read. Blocks of one disk never share what is
/// stored, so the sum cannot exceed the file: where it does, a few bytes stand for a disk of any size, to keep us busy. Not thread-safe.
/// </summary>
internal sealed class StoredClaims
{
    private readonly BitArray _counted;
    private readonly long _limit;
    private readonly int _minimumStored;
    private long _claimed;

    /// <param name="fileLength">Bytes of the file.</param>
    /// <param name="tableCount">Number of tables.</param>
    /// <param name="minimumStored">Least bytes that a stored block takes.</param>
    /// <param name="slack">Bytes by which the file's last block may be cut.</param>
    public StoredClaims(long fileLength, int tableCount, int minimumStored, int slack)
    {
        _counted = new BitArray(tableCount);
        _limit = fileLength + slack;
        _minimumStored = minimumStored;
    }

    /// <summary>True if a table has been counted.</summary>
    public bool IsCounted(int table) => _counted[table];

    /// <summary>Counts a table that refers to so many stored blocks. False if all of them together cannot be in the file.</summary>
    public bool TryCount(int table, long blocks)
    {
        _counted[table] = true;
        _claimed += blocks * _minimumStored;
        return _claimed <= _limit;
    }
}

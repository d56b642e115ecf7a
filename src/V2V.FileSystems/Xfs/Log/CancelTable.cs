namespace V2V.FileSystems.Xfs.Log;

/// <summary>Buffers that were freed, and how often: nothing logged of them before may be replayed over what the blocks are used for now.</summary>
internal sealed class CancelTable
{
    private const int Maximum = 1 << 21;

    private readonly Dictionary<(long Address, int Length), int> _counts = [];

    public void Add(long address, int length)
    {
        _counts.TryGetValue((address, length), out int count);
        _counts[(address, length)] = count + 1;
        if (_counts.Count > Maximum)
        {
            throw LogErrors.Limit("freed buffers");
        }
    }

    public bool Contains(long address, int length) => _counts.ContainsKey((address, length));

    /// <summary>Counts one of the cancellations off, as it is met again.</summary>
    public void Remove(long address, int length)
    {
        if (_counts.TryGetValue((address, length), out int count))
        {
            if (count == 1)
            {
                _counts.Remove((address, length));
            }
            else
            {
                _counts[(address, length)] = count - 1;
            }
        }
    }
}

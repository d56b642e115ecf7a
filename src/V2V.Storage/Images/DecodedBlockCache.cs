namespace V2V.Storage.Images;

/// <summary>
/// The last few decompressed blocks (grains, clusters) of an image, for reads smaller than a block. Each slot has its own
/// lock, so threads that read different blocks decompress at the same time. Nothing is allocated once the slots are filled.
/// </summary>
internal sealed class DecodedBlockCache
{
    private const int MemoryLimit = 8 << 20;

    private readonly int _blockSize;
    private readonly Slot[] _slots;

    public DecodedBlockCache(int blockSize)
    {
        _blockSize = blockSize;
        _slots = new Slot[Math.Clamp(MemoryLimit / blockSize, 4, 128)];
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i] = new Slot();
        }
    }

    /// <summary>Decompresses block <paramref name="index"/> into a buffer of the block's size.</summary>
    public delegate void Decode(long index, long location, Span<byte> block);

    /// <summary>Copies a part of a block, decompressing it unless it is at hand.</summary>
    /// <param name="index">Number of the block.</param>
    /// <param name="location">Where it is stored: a block that has moved since is read again.</param>
    /// <param name="within">First byte in the block.</param>
    /// <param name="destination">Where to copy to.</param>
    /// <param name="decode">Decompresses it.</param>
    public void Read(long index, long location, int within, Span<byte> destination, Decode decode)
    {
        Slot slot = _slots[(int)((ulong)index % (ulong)_slots.Length)];
        lock (slot)
        {
            if (slot.Index != index || slot.Location != location)
            {
                slot.Index = -1;
                slot.Block ??= new byte[_blockSize];
                decode(index, location, slot.Block);
                slot.Index = index;
                slot.Location = location;
            }

            slot.Block.AsSpan(within, destination.Length).CopyTo(destination);
        }
    }

    private sealed class Slot
    {
        public long Index { get; set; } = -1;

        public long Location { get; set; }

        public byte[]? Block { get; set; }
    }
}

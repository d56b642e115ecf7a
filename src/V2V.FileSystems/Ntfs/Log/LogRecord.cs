using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Ntfs;

/// <summary>What a record of NTFS asks for, as redo or as undo.</summary>
internal enum LogOperation
{
    Noop = 0,
    Compensation = 1,
    InitializeFileRecord = 2,
    DeallocateFileRecord = 3,
    WriteEndOfFileRecord = 4,
    CreateAttribute = 5,
    DeleteAttribute = 6,
    UpdateResidentValue = 7,
    UpdateNonresidentValue = 8,
    UpdateMappingPairs = 9,
    DeleteDirtyClusters = 10,
    SetNewAttributeSizes = 11,
    AddIndexEntryToRoot = 12,
    DeleteIndexEntryFromRoot = 13,
    AddIndexEntryToBlock = 14,
    DeleteIndexEntryFromBlock = 15,
    WriteEndOfIndexBlock = 16,
    SetSubnodeInRoot = 17,
    SetSubnodeInBlock = 18,
    UpdateFileNameInRoot = 19,
    UpdateFileNameInBlock = 20,
    SetBits = 21,
    ClearBits = 22,
    HotFix = 23,
    EndTopLevelAction = 24,
    PrepareTransaction = 25,
    CommitTransaction = 26,
    ForgetTransaction = 27,
    OpenAttribute = 28,
    OpenAttributeTable = 29,
    AttributeNames = 30,
    DirtyPageTable = 31,
    TransactionTable = 32,
    UpdateDataInRoot = 33,
    UpdateDataInBlock = 34,
    UpdateRelativeData = 35,
    UpdateRelativeData2 = 36,
    ZeroEndOfFileRecord = 37,
}

/// <summary>A record of the log: a header of 48 bytes and what NTFS wrote.</summary>
internal sealed class LogRecord(byte[] bytes)
{
    public const int HeaderSize = 48;

    private const int ClientHeader = 32;

    public ulong Lsn => ReadUInt64LittleEndian(bytes);

    /// <summary>The record to undo after this one.</summary>
    public ulong UndoNext => ReadUInt64LittleEndian(bytes.AsSpan(16));

    /// <summary>True for a change; false for a restart record.</summary>
    public bool IsChange => ReadUInt32LittleEndian(bytes.AsSpan(32)) == 1;

    public uint Transaction => ReadUInt32LittleEndian(bytes.AsSpan(36));

    /// <summary>What NTFS wrote.</summary>
    public ReadOnlySpan<byte> Client => bytes.AsSpan(HeaderSize);

    public LogOperation Redo => (LogOperation)ReadUInt16LittleEndian(Client);

    public LogOperation Undo => (LogOperation)ReadUInt16LittleEndian(Client[2..]);

    public ReadOnlySpan<byte> RedoData => Part(4);

    public ReadOnlySpan<byte> UndoData => Part(8);

    /// <summary>Index of the attribute in the table of open ones.</summary>
    public int Attribute => ReadUInt16LittleEndian(Client[12..]);

    /// <summary>Number of clusters that the change touches.</summary>
    public int ClusterCount => ReadUInt16LittleEndian(Client[14..]);

    /// <summary>Place in the file record or block.</summary>
    public int RecordOffset => ReadUInt16LittleEndian(Client[16..]);

    /// <summary>Place in the attribute.</summary>
    public int AttributeOffset => ReadUInt16LittleEndian(Client[18..]);

    /// <summary>Where the file record or block begins in the first cluster.</summary>
    public int ClusterOffset => ReadUInt16LittleEndian(Client[20..]) * 512;

    /// <summary>Cluster of the volume; 0 for one that was freed.</summary>
    public long Cluster(int index) => ReadInt64LittleEndian(Client[(ClientHeader + (index * 8))..]);

    /// <summary>True if the parts of the record lie within it. The tables of a checkpoint may be longer than the record can say.</summary>
    public bool IsSound => Client.Length >= ClientHeader
        && (Redo is >= LogOperation.OpenAttributeTable and <= LogOperation.TransactionTable || (ClientHeader + (ClusterCount * 8) <= Client.Length && Fits(4) && Fits(8)));

    private int Offset(int field) => ReadUInt16LittleEndian(Client[field..]);

    private int Length(int field) => ReadUInt16LittleEndian(Client[(field + 2)..]);

    private bool Fits(int field) => Length(field) == 0 || Offset(field) + Length(field) <= Client.Length || IsZeroes(field);

    /// <summary>False if the redo data is not stored: it is zero, or the content of a user's file, which is not logged.</summary>
    public bool HoldsRedo => !IsZeroes(4);

    /// <summary>False if the undo data is not stored.</summary>
    public bool HoldsUndo => !IsZeroes(8);

    private bool IsZeroes(int field) => Offset(field) >= Client.Length;

    private ReadOnlySpan<byte> Part(int field) =>
        Length(field) == 0 ? default : IsZeroes(field) ? new byte[Length(field)] : Client.Slice(Offset(field), Length(field));
}

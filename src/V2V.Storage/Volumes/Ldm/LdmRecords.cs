namespace V2V.Storage.Volumes.Ldm;

/// <summary>How the partitions of a component make a whole.</summary>
internal enum LdmLayout
{
    Striped = 1,
    Concatenated = 2,
    Parity = 3,
}

/// <summary>A volume: one component, or several that mirror one another.</summary>
/// <param name="Id">Number within the group.</param>
/// <param name="Name">Name: <c>Volume1</c>.</param>
/// <param name="State"><c>ACTIVE</c> if it is in order.</param>
/// <param name="ComponentCount">Number of its components.</param>
/// <param name="Sectors">Length.</param>
/// <param name="Guid">Identity, as its 16 bytes read in order.</param>
internal sealed record LdmVolume(uint Id, string Name, string State, uint ComponentCount, ulong Sectors, Guid Guid);

/// <summary>A copy of a volume.</summary>
/// <param name="Id">Number within the group.</param>
/// <param name="State"><c>ACTIVE</c> if it is in order.</param>
/// <param name="Layout">How its partitions make it.</param>
/// <param name="PartitionCount">Number of its partitions.</param>
/// <param name="VolumeId">The volume it belongs to.</param>
/// <param name="ChunkSectors">Chunk of a striped one.</param>
/// <param name="Columns">Columns of a striped one.</param>
internal sealed record LdmComponent(uint Id, string State, LdmLayout Layout, uint PartitionCount, uint VolumeId, ulong ChunkSectors, uint Columns);

/// <summary>A range of a disk.</summary>
/// <param name="Start">First sector, from the start of the disk's range for data.</param>
/// <param name="VolumeOffset">Its place in a concatenated component, in sectors.</param>
/// <param name="Sectors">Length.</param>
/// <param name="ComponentId">The component it belongs to.</param>
/// <param name="DiskId">The disk it is on.</param>
/// <param name="Column">Its column in a striped component.</param>
internal sealed record LdmPartition(ulong Start, ulong VolumeOffset, ulong Sectors, uint ComponentId, uint DiskId, uint Column);

/// <summary>A disk of the group.</summary>
/// <param name="Id">Number within the group.</param>
/// <param name="Name">Name: <c>Disk1</c>.</param>
/// <param name="Guid">Identity, as its header has it.</param>
internal sealed record LdmDisk(uint Id, string Name, Guid Guid);

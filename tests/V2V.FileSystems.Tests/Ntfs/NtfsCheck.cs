using V2V.FileSystems.Ntfs;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>
/// Checks a whole volume as chkdsk's first passes do: every record in use is marked, every cluster belongs to one attribute and is marked,
/// every name is in its directory's index and the other way round, indexes are in order, and duplicates agree with the file.
/// </summary>
internal sealed class NtfsCheck(BlockDevice device)
{
    private readonly NtfsVolume _volume = new(device);
    private readonly Dictionary<long, long> _owners = [];

    public void Run()
    {
        byte[] used = _volume.Content.ReadAll(_volume.Mft.Pinned.Get(AttributeType.Bitmap), 64 << 20);
        var extensions = new Dictionary<long, long>();
        var files = new List<FileRecord>();
        for (long number = 0; number < _volume.Mft.Count; number++)
        {
            bool marked = (used[number / 8] & (1 << (int)(number % 8))) != 0;
            if (!marked && !IsWritten(number))
            {
                continue;
            }

            ParsedRecord header = RecordParser.ParseHeader(_volume.Mft.ReadRaw(number), number);
            bool inUse = (header.Flags & FileRecord.InUseFlag) != 0;
            Assert.True(inUse == marked, $"record {number}: in use {inUse}, marked {marked}");
            if (inUse && header.BaseReference == 0)
            {
                files.Add(_volume.Mft.Get(number));
            }
            else if (inUse)
            {
                extensions.Add(number, (long)(header.BaseReference & 0xFFFFFFFFFFFF));
            }
        }

        foreach (FileRecord file in files)
        {
            CheckFile(file);
            foreach (long extension in file.Extensions)
            {
                Assert.True(extensions.Remove(extension, out long owner) && owner == file.Number, $"record {extension}");
            }
        }

        Assert.Empty(extensions);
        CheckBitmap();
        CheckMirror();
    }

    /// <summary>Windows formats a record when it first uses it.</summary>
    private bool IsWritten(long number)
    {
        Span<byte> head = stackalloc byte[4];
        _volume.Content.Read(_volume.Mft.Pinned.Get(AttributeType.Data), number * _volume.Geometry.RecordSize, head);
        return head.SequenceEqual("FILE"u8);
    }

    private void CheckFile(FileRecord file)
    {
        foreach (NtfsAttribute attribute in file.Attributes.Concat(file.List is null ? [] : [file.List]))
        {
            if (file.Number == NtfsVolume.BadClustersNumber)
            {
                continue;
            }

            foreach (Run run in attribute.Runs.Items.Where(r => !r.IsHole))
            {
                for (long lcn = run.Lcn; lcn < run.Lcn + run.Count; lcn++)
                {
                    Assert.True(_owners.TryAdd(lcn, file.Number), $"cluster {lcn} is in files {file.Number} and {_owners[lcn]}");
                }
            }

            Assert.True(attribute.IsResident || attribute.Length <= attribute.Runs.ClusterCount * _volume.Geometry.ClusterSize, $"record {file.Number}");
        }

        NtfsAttribute[] names = [.. file.Attributes.Where(a => a.Type == AttributeType.FileName)];
        if (file.Number >= 24)
        {
            Assert.True(names.Length == file.LinkCount, $"record {file.Number} has {names.Length} names and says {file.LinkCount}");
        }

        foreach (NtfsAttribute name in names)
        {
            FileRecord parent = _volume.Mft.Get(FileName.Parent(name.Value!));
            IndexEntry entry = _volume.OpenDirectory(parent).Find(name.Value!) ?? throw new InvalidOperationException($"record {file.Number} is not in its directory");
            Assert.Equal(file.Reference, entry.Reference);
            if (!IsBelowExtend(parent))
            {
                CheckDuplicates(file, entry);
            }
        }

        if (file.IsDirectory && file.Find(AttributeType.IndexRoot, "$I30") is not null)
        {
            CheckDirectory(file);
        }
    }

    /// <summary>Windows does not keep the duplicates of its own files ($Extend/$RmMetadata) up to date.</summary>
    private bool IsBelowExtend(FileRecord directory)
    {
        while (directory.Number is not (NtfsVolume.RootNumber or NtfsVolume.ExtendNumber))
        {
            directory = _volume.Mft.Get(FileName.Parent(directory.Get(AttributeType.FileName).Value!));
        }

        return directory.Number == NtfsVolume.ExtendNumber;
    }

    private static void CheckDuplicates(FileRecord file, IndexEntry entry)
    {
        if (file.Number < 24 || file.IsDirectory)
        {
            return;
        }

        long length = file.Find(AttributeType.Data)?.Length ?? 0;
        Assert.True(BitConverter.ToInt64(entry.Key[48..]) == length, $"record {file.Number}: the directory says another length");
        Assert.True(entry.Key.Slice(8, 8).SequenceEqual(StandardInformation.Of(file).Times[..8]), $"record {file.Number}: the directory says another time");
    }

    private void CheckDirectory(FileRecord directory)
    {
        IndexEntry? last = null;
        int count = 0;
        foreach (IndexEntry entry in _volume.OpenDirectory(directory).Entries())
        {
            if (last is { } before)
            {
                Assert.True(IndexKeys.Compare(IndexCollation.FileName, _volume.UpCase, before.Key, entry.Key) < 0, $"directory {directory.Number} is not in order");
            }

            last = entry;
            count++;
            FileRecord file = _volume.Mft.Get(entry.Reference);
            byte[] key = entry.Key.ToArray();
            Assert.True(
                file.Attributes.Any(a => a.Type == AttributeType.FileName && FileName.Parent(a.Value!) == directory.Reference && a.Value.AsSpan(64).SequenceEqual(key.AsSpan(64))),
                $"record {file.Number} does not have the name {FileName.Name(key)}");
        }

        Assert.True(count < 1_000_000);
    }

    private void CheckBitmap()
    {
        long free = 0;
        foreach ((long lcn, long count) in _volume.Bitmap.FreeRuns())
        {
            free += count;
            for (long i = lcn; i < lcn + count; i++)
            {
                Assert.False(_owners.ContainsKey(i), $"cluster {i} is free and in use");
            }
        }

        Assert.Equal(_volume.Geometry.ClusterCount - _owners.Count, free);
    }

    private void CheckMirror()
    {
        NtfsAttribute mirror = _volume.Mft.Get(NtfsVolume.MirrorNumber).Get(AttributeType.Data);
        byte[] copy = _volume.Content.ReadAll(mirror, 4 << 20);
        var original = new byte[copy.Length];
        _volume.Content.Read(_volume.Mft.Pinned.Get(AttributeType.Data), 0, original);
        int size = Math.Min(copy.Length, 4 * _volume.Geometry.RecordSize);
        Assert.True(copy.AsSpan(0, size).SequenceEqual(original.AsSpan(0, size)), "$MFTMirr differs");
    }
}

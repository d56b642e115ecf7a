using System.Globalization;
using V2V.FileSystems.Tests.Probe;
using V2V.FileSystems.Xfs;
using V2V.FileSystems.Xfs.Log;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs.Log;

/// <summary>
/// Quota in the log: a volume that Debian's kernel, counting users, groups and projects, left with a dirty log, and the same after that kernel's own
/// recovery (tests/fixtures/filesystems/quota-log.sh made both).
/// </summary>
public sealed class QuotaLogTests
{
    [Fact]
    public void Quota_records_are_what_the_kernels_recovery_makes_of_them()
    {
        Tool.Require("xfs_db", "xfs_repair", "xfs_logprint");
        using var directory = new TemporaryDirectory();
        string dirty = directory.File("dirty"), ours = directory.File("ours"), theirs = directory.File("theirs");
        VolumeFixture.Unpack("xfs-quota-dirty.img", dirty);
        VolumeFixture.Unpack("xfs-quota-dirty.img", ours);
        VolumeFixture.Unpack("xfs-quota-recovered.img", theirs);
        Assert.Contains("DQUOT", Tool.Run("xfs_logprint", "-t", dirty), StringComparison.OrdinalIgnoreCase);
        string[] before = [.. Records(dirty)], expected = [.. Records(theirs)];
        Assert.True(before.Zip(expected).Count(r => r.First != r.Second) >= 10, "The log has too little to say.");

        using (FileDevice device = FileDevice.Open(ours, writable: true))
        {
            XfsSuperblock super = XfsSuperblock.Read(device);
            Assert.False(XfsLog.IsClean(device, super));
            XfsFileSystem.Open(device, writable: true).Dispose();
            Assert.True(XfsLog.IsClean(device, XfsSuperblock.Read(device)));
        }

        Assert.Equal(expected, Records(ours));
        DirtyXfs.AssertRepaired(ours);
    }

    /// <summary>Every user's, group's and project's record as xfs_db prints it.</summary>
    private static IEnumerable<string> Records(string image)
    {
        (string Kind, int[] Ids)[] all =
        [
            ("u", [0, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 2000]), ("g", [0, 500, 501, 502, 503, 504, 600, 2000]), ("p", [0, 42]),
        ];
        foreach ((string kind, int[] ids) in all)
        {
            foreach (int id in ids)
            {
                string query = string.Create(CultureInfo.InvariantCulture, $"dquot -{kind} {id}");
                (_, string record) = Tool.TryRun("xfs_db", "-r", "-c", query, "-c", "p", image);
                yield return $"{query}\n{record}";
            }
        }
    }
}

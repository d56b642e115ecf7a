using System.Globalization;
using V2V.FileSystems.Xfs;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>
/// Quota is not kept up: after a write the superblock no longer says that the counts are right, so the guest's kernel counts anew at its next mount. Which
/// kinds of quota are on, and where their files are, stays. xfs_db sets and shows it.
/// </summary>
public sealed class XfsQuotaTests
{
    // sb_qflags (xfs_log_format.h): accounting, enforcement and "checked" of users, groups and projects; version 4 has one pair of bits for the latter two.
    [Theory]
    [InlineData("", 0x1 | 0x2 | 0x8 | 0x40 | 0x80 | 0x200, 0x4 | 0x100 | 0x400, true)]
    [InlineData("-m crc=0,finobt=0", 0x1 | 0x2 | 0x40 | 0x10, 0x4 | 0x20, true)]
    [InlineData("", 0x1 | 0x2, 0x4, false)]
    public void The_kernel_is_made_to_count_anew(string options, int kinds, int isChecked, bool writes)
    {
        Tool.Require("xfs_db");
        using var image = new XfsImage(320 << 20, options.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        string[] names = options.Length == 0 ? ["uquotino", "gquotino", "pquotino"] : ["uquotino", "gquotino"];
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            foreach (string name in names)
            {
                fileSystem.CreateFile("/" + name, new FileMetadata(0));
            }
        }

        // The files of quota have no name: the entries go, the inodes become the superblock's.
        long root = long.Parse(Field(image, "rootino"), CultureInfo.InvariantCulture);
        string header = options.Length == 0 ? "u3.sfdir3.hdr.count" : "u.sfdir3.hdr.count";
        int version = Convert.ToInt32(Field(image, "versionnum"), 16) | 0x40;
        Set(image, "sb 0", [$"versionnum {version}", $"qflags {kinds | isChecked}", .. names.Select((n, i) => FormattableString.Invariant($"{n} {root + 3 + i}"))]);
        Set(image, FormattableString.Invariant($"inode {root}"), [header + " 0", "core.size 6"]);

        string files = string.Join(' ', names.Select(n => Field(image, n)));
        using (XfsFileSystem fileSystem = image.Open(writable: writes))
        {
            Assert.Empty(fileSystem.EnumerateDirectory("/"));
            if (writes)
            {
                fileSystem.WriteAllBytes("/new", new byte[10_000], new FileMetadata(0x1A4, 1000, 1000));
            }
        }

        Assert.Equal(kinds | (writes ? 0 : isChecked), Convert.ToInt32(Field(image, "qflags"), 16));
        Assert.Equal(files, string.Join(' ', names.Select(n => Field(image, n))));
        if (writes)
        {
            image.Check();
        }
    }

    private static void Set(XfsImage image, string place, string[] settings)
    {
        foreach (string setting in settings)
        {
            Tool.Run("xfs_db", "-x", "-c", place, "-c", "write -d " + setting, image.Path);
        }
    }

    private static string Field(XfsImage image, string name)
    {
        image.Close();
        return Tool.Run("xfs_db", "-r", "-c", "sb 0", "-c", "p " + name, image.Path).Split('=')[1].Trim();
    }
}

using System.Text.RegularExpressions;
using V2V.FileSystems.Xfs;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>ASCII case-insensitive directories (mkfs.xfs -n version=ci): xfs_repair computes the hash of each name itself.</summary>
public sealed partial class XfsCaseTests
{
    [Theory]
    [InlineData("-n version=ci")]
    [InlineData("-b size=1024 -n version=ci,size=4096")]
    public void Names_are_found_in_any_case(string options)
    {
        using var image = new XfsImage(320 << 20, options.Split(' '));

        // Until 6.3 xfs_repair folded bytes above 127 as the C library did; kernels never.
        bool isExact = Version().Match(Tool.Run("xfs_repair", "-V")) is { Success: true } match && System.Version.Parse(match.Value) >= new Version(6, 4);
        string[] words = isExact ? ["Plain", "\u00c9t\u00e9", "\u0141\u00f3d\u017a", "\u03a9mega", "NA\u00cfVE"] : ["Plain", "Word", "nAmE"];
        var metadata = new FileMetadata(0x1A4);
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            fileSystem.CreateDirectory("/Large", metadata);
            for (int i = 0; i < 700; i++)
            {
                fileSystem.WriteAllBytes($"/Large/{words[i % words.Length]}-{i}-Of-Many", [(byte)i], metadata);
            }

            foreach (string word in words)
            {
                fileSystem.WriteAllBytes("/" + word, [1], metadata);
            }
        }

        image.Check();
        using (XfsFileSystem fileSystem = image.Open(writable: true))
        {
            Assert.Equal([5], fileSystem.ReadAllBytes($"/LARGE/{words[5 % words.Length]}-5-oF-mANY"));
            for (int i = 0; i < 700; i += 2)
            {
                fileSystem.Delete($"/large/{words[i % words.Length]}-{i}-OF-MANY");
            }

            fileSystem.Rename("/pLAIN", "/large/Moved");
            Assert.Equal([1], fileSystem.ReadAllBytes("/Large/moved"));
        }

        image.Check();
    }

    [GeneratedRegex(@"\d+\.\d+")]
    private static partial Regex Version();
}

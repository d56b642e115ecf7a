using System.Globalization;
using V2V.FileSystems.Fat;
using V2V.FileSystems.Tests.CaseInsensitive;
using V2V.Storage;
using Xunit;

namespace V2V.FileSystems.Tests.Fat;

/// <summary>
/// Random sequences of every operation against a model in memory. After each batch fsck.fat finds nothing, and both V2V and
/// mtools read exactly the model. V2V_SEEDS=N runs N seeds for each shape instead of one.
/// </summary>
public sealed class FatRandomTests
{
    private const int Batches = 4;
    private const int OperationsPerBatch = 60;

    public static TheoryData<string, long> Shapes => new()
    {
        { "-F 12 -s 1", 1440 << 10 },
        { "-F 12 -s 8 -S 512", 8 << 20 },
        { "-F 12 -s 1 -S 4096", 8 << 20 },
        { "-F 16 -s 1", 16 << 20 },
        { "-F 16 -s 4 -S 1024 -f 1", 32 << 20 },
        { "-F 16 -s 128 -r 112", 300 << 20 },
        { "-F 32 -s 1", 40 << 20 },
        { "-F 32 -s 8", 300 << 20 },
        { "-F 32 -s 1 -S 4096 -f 2", 300 << 20 },
        { "-F 32 -s 128", 5L << 30 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Any_sequence_leaves_a_clean_volume_that_holds_the_model(string options, long length)
    {
        int seeds = int.Parse(Environment.GetEnvironmentVariable("V2V_SEEDS") ?? "1", CultureInfo.InvariantCulture);
        for (int seed = 1; seed <= seeds; seed++)
        {
            using var image = new FatImage(options, length);
            var model = new TreeModel(new Random((seed * 7919) + options.Length), hasStreams: false);
            for (int batch = 0; batch < Batches; batch++)
            {
                image.Write(fileSystem => model.Run(fileSystem, OperationsPerBatch));
                image.AssertClean();
                using FileDevice device = FileDevice.Open(image.Path);
                using FatFileSystem reopened = FatFileSystem.Open(device, writable: false);
                FileTree.AssertSame(model.Tree, FileTree.Read(reopened));
            }

            FileTree.AssertSame(AsMtoolsNames(model.Tree), image.ReadWithMtools());
        }
    }

    /// <summary>mtools knows no characters beyond the first 65536: it prints each half as an underscore.</summary>
    private static SortedDictionary<string, byte[]?> AsMtoolsNames(SortedDictionary<string, byte[]?> tree)
    {
        var renamed = new SortedDictionary<string, byte[]?>(StringComparer.Ordinal);
        foreach ((string path, byte[]? content) in tree)
        {
            renamed[string.Concat(path.Select(c => char.IsSurrogate(c) ? '_' : c))] = content;
        }

        return renamed;
    }
}

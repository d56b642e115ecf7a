using System.Globalization;
using V2V.FileSystems.Tests.CaseInsensitive;
using Xunit;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>
/// Random sequences of every operation against a model in memory. After each batch ntfsfix and the test's own check of the volume find
/// nothing, and both V2V and ntfs-3g read exactly the model. V2V_SEEDS=N runs N seeds for each shape instead of one.
/// </summary>
public sealed class NtfsRandomTests
{
    private const int Batches = 4;
    private const int OperationsPerBatch = 60;

    public static TheoryData<string, long> Shapes => new()
    {
        { "-c 512", 24 << 20 },
        { "-c 1024", 32 << 20 },
        { "-c 4096", 64 << 20 },
        { "-c 4096 -s 4096", 64 << 20 },
        { "-c 16384", 100 << 20 },
        { "-c 65536", 200 << 20 },
        { "-c 131072 -s 4096", 400 << 20 },
        { "-c 2097152", 2000L << 20 },
        { "-c 2097152 -s 4096", 2000L << 20 },
        { "-c 4096", 9 << 20 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Any_sequence_leaves_a_clean_volume_that_holds_the_model(string options, long length)
    {
        int seeds = int.Parse(Environment.GetEnvironmentVariable("V2V_SEEDS") ?? "1", CultureInfo.InvariantCulture);
        for (int seed = 1; seed <= seeds; seed++)
        {
            using var image = new NtfsImage(options, length);
            var model = new TreeModel(new Random((seed * 7919) + options.Length + (int)(length >> 20)), hasStreams: true);
            for (int batch = 0; batch < Batches; batch++)
            {
                image.Write(fileSystem => model.Run(fileSystem, OperationsPerBatch));
                image.AssertClean();
                image.Read(fileSystem => FileTree.AssertSame(model.Tree, FileTree.Read(fileSystem)));
            }

            FileTree.AssertSame(model.Tree, image.ReadWithMount(model.Tree.Keys.Where(k => k.Contains(':', StringComparison.Ordinal))));
        }
    }
}

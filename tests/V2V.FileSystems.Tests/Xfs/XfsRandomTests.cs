using System.Globalization;
using V2V.FileSystems.Tests.Ext;
using V2V.FileSystems.Xfs;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Xfs;

/// <summary>
/// Random sequences of every operation against a model, over what mkfs.xfs can make. After each batch xfs_repair finds nothing and a
/// reopened file system holds the model; at the end the kernel's mount shows it too, where the kernel still mounts the format.
/// V2V_SEEDS=N runs N seeds for each shape.
/// </summary>
public sealed class XfsRandomTests
{
    private const int Batches = 2;

    [Theory]
    [InlineData("-m crc=1,finobt=1,rmapbt=1,reflink=1,bigtime=1,inobtcount=1 -i sparse=1")]
    [InlineData("-m crc=1,finobt=1,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0")]
    [InlineData("-m crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=1,inobtcount=0 -i sparse=0")]
    [InlineData("-m crc=1,finobt=1,rmapbt=1,reflink=0,bigtime=1 -i sparse=1,size=512 -n size=8192")]
    [InlineData("-b size=1024 -m crc=1,finobt=1,rmapbt=1,reflink=1 -i sparse=1")]
    [InlineData("-b size=1024 -m crc=1,rmapbt=1,reflink=0 -n size=16384 -d agcount=4")]
    [InlineData("-b size=2048 -m crc=1,rmapbt=0,reflink=1 -i size=1024 -d agcount=2")]
    [InlineData("-m crc=1,rmapbt=1 -i size=2048,maxpct=50 -n size=65536 -d agcount=3")]
    [InlineData("-i nrext64=1 -m crc=1,rmapbt=1,reflink=1")]
    [InlineData("-i exchange=1 -n parent=1")]
    [InlineData("-m crc=0,finobt=0")]
    [InlineData("-m crc=0,finobt=0 -b size=512 -i size=256 -n ftype=0")]
    [InlineData("-m crc=0,finobt=0 -b size=512 -n ftype=1 -l lazy-count=0")]
    [InlineData("-m crc=0,finobt=0 -b size=1024 -i size=512,attr=1,projid32bit=0 -n ftype=1 -d agcount=4")]
    public void Any_sequence_leaves_what_the_model_says(string options) => Run(options, RandomMood.Mixed, 160);

    [Theory]
    [InlineData("-m crc=1,finobt=1,rmapbt=1,reflink=1", 25)]
    [InlineData("-b size=1024 -m crc=1,finobt=1,rmapbt=1,reflink=0 -n size=4096", 25)]
    [InlineData("-b size=512 -m crc=0,finobt=0 -n ftype=0", 20)]
    [InlineData("-b size=1024 -m crc=1,rmapbt=1 -n size=16384", 25)]
    public void Directories_of_thousands_of_names_hold_the_model(string options, int operations) => Run(options, RandomMood.Crowded, operations);

    [Theory]
    [InlineData("-m crc=1,finobt=1,rmapbt=1,reflink=1 -i sparse=1")]
    [InlineData("-b size=1024 -m crc=1,finobt=1,rmapbt=1,reflink=0 -i sparse=1,size=512 -n size=8192")]
    [InlineData("-m crc=1,finobt=0,rmapbt=0,reflink=0 -i sparse=0")]
    [InlineData("-m crc=0,finobt=0 -b size=1024")]
    public void A_full_file_system_refuses_and_stays_clean(string options) => Run(options, RandomMood.Full, 250);

    private static void Run(string options, RandomMood mood, int operations, long mebibytes = 320)
    {
        int seeds = int.Parse(Environment.GetEnvironmentVariable("V2V_SEEDS") ?? "1", CultureInfo.InvariantCulture);
        int first = int.Parse(Environment.GetEnvironmentVariable("V2V_FIRST_SEED") ?? "1", CultureInfo.InvariantCulture);
        for (int seed = first; seed < first + seeds; seed++)
        {
            using var image = new XfsImage(mebibytes << 20, options.Split(' '));
            var model = new RandomModel(seed, mood, 20000);
            try
            {
                RunSeed(image, model, operations, options);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(FormattableString.Invariant($"Seed {seed} of {options}, operation {model.Operations}: {e.Message}"), e);
            }

            Assert.True(mood != RandomMood.Full || model.Refusals > 0);
        }
    }

    private static void RunSeed(XfsImage image, RandomModel model, int operations, string options)
    {
        for (int batch = 0; batch < Batches; batch++)
        {
            using (XfsFileSystem fileSystem = image.Open(writable: true))
            {
                if (model.Mood == RandomMood.Full && batch == 0)
                {
                    Occupy(fileSystem);
                }

                model.Run(fileSystem, operations);
            }

            image.Check();
            using XfsFileSystem reopened = image.Open(writable: false);
            RandomTreeCheck.AssertHolds(reopened, model);
            ParentCheck.AssertHolds(reopened);
        }

        // The kernel here has no version 4.
        if (OperatingSystem.IsLinux() && Environment.UserName == "root" && !options.Contains("crc=0", StringComparison.Ordinal))
        {
            image.Mounted(writable: false, root => RandomTreeCheck.AssertKernelSees(root, model));
            if (options.Contains("parent=1", StringComparison.Ordinal))
            {
                // The kernel looks for the parent pointer of each name that it removes, and gives up at the first that is not there.
                image.Mounted(writable: true, root => Tool.Run("find", root, "-mindepth", "1", "-delete"));
                image.Check();
            }
        }
    }

    /// <summary>Leaves some mebibytes, in many pieces.</summary>
    private static void Occupy(XfsFileSystem fileSystem)
    {
        var metadata = new FileMetadata(0x1A4);
        fileSystem.CreateDirectory("/lost+found", metadata with { Mode = 0x1C0 });
        var piece = new byte[1 << 20];
        for (int i = 0; fileSystem.FreeBytes > 6 << 20; i++)
        {
            fileSystem.WriteAllBytes($"/lost+found/{i}", piece, metadata);
        }

        for (int i = 0; fileSystem.FreeBytes > 2 << 20; i++)
        {
            fileSystem.WriteAllBytes($"/lost+found/small-{i}", piece.AsSpan(0, 9000), metadata);
        }

        for (int i = 0; i < 300; i += 2)
        {
            if (fileSystem.TryGetEntry($"/lost+found/small-{i}") is not null)
            {
                fileSystem.Delete($"/lost+found/small-{i}");
            }
        }
    }
}

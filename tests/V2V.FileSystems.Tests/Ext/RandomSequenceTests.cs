using System.Globalization;
using V2V.FileSystems.Ext;
using Xunit;

namespace V2V.FileSystems.Tests.Ext;

/// <summary>
/// Random sequences of every operation against a model, over what mke2fs can make. After each batch e2fsck finds nothing and a
/// reopened file system holds the model; at the end the kernel's mount shows it too. V2V_SEEDS=N runs N seeds for each shape.
/// </summary>
public sealed class RandomSequenceTests
{
    private const int Batches = 2;

    [Theory]
    [InlineData("-t ext4 -b 4096", 48)]
    [InlineData("-t ext4 -b 1024", 32)]
    [InlineData("-t ext4 -b 1024 -I 128", 32)]
    [InlineData("-t ext4 -b 4096 -I 1024", 48)]
    [InlineData("-t ext2 -b 1024 -I 128", 32)]
    [InlineData("-t ext3 -b 4096 -J size=4", 48)]
    [InlineData("-t ext4 -b 4096 -O ^extents,^64bit", 48)]
    [InlineData("-t ext4 -b 1024 -O ^64bit,^metadata_csum,uninit_bg", 32)]
    [InlineData("-t ext4 -b 4096 -O ^metadata_csum,^uninit_bg", 48)]
    [InlineData("-t ext4 -b 4096 -O bigalloc -C 16384", 64)]
    [InlineData("-t ext4 -b 1024 -O bigalloc,inline_data -C 8192 -I 256", 48)]
    [InlineData("-t ext4 -b 4096 -O inline_data -I 256", 48)]
    [InlineData("-t ext4 -b 1024 -O inline_data -I 512", 32)]
    [InlineData("-t ext4 -b 4096 -O ea_inode", 48)]
    [InlineData("-t ext4 -b 1024 -O ea_inode,inline_data,^metadata_csum", 32)]
    [InlineData("-t ext4 -b 4096 -O ^dir_index", 48)]
    [InlineData("-t ext4 -b 2048 -O meta_bg,^resize_inode", 48)]
    [InlineData("-t ext4 -b 4096 -O sparse_super2", 48)]
    [InlineData("-t ext4 -b 4096 -O orphan_file", 48)]
    [InlineData("-t ext4 -b 4096 -O quota", 48)]
    [InlineData("-t ext4 -b 1024 -g 1024 -O ^flex_bg,^resize_inode", 24)]
    public void Any_sequence_leaves_what_the_model_says(string options, int mebibytes) =>
        Run(options, mebibytes, RandomMood.Mixed, 160);

    [Theory]
    [InlineData("-t ext4 -b 1024 -N 60000", 96, 30)]
    [InlineData("-t ext4 -b 1024 -N 60000 -O large_dir", 96, 30)]
    [InlineData("-t ext4 -b 4096 -N 60000 -O inline_data,^metadata_csum", 96, 30)]
    [InlineData("-t ext2 -b 1024 -N 60000 -O ^dir_index", 96, 12)]
    public void Directories_of_thousands_of_names_hold_the_model(string options, int mebibytes, int operations) =>
        Run(options, mebibytes, RandomMood.Crowded, operations);

    [Theory]
    [InlineData("-t ext4 -b 1024 -O ^has_journal", 5)]
    [InlineData("-t ext4 -b 4096 -O ^has_journal -N 64", 8)]
    [InlineData("-t ext4 -b 1024 -O ^has_journal,^extents,^64bit", 5)]
    [InlineData("-t ext4 -b 1024 -O ^has_journal,inline_data,ea_inode", 4)]
    [InlineData("-t ext4 -b 4096 -O ^has_journal,bigalloc -C 32768", 12)]
    [InlineData("-t ext2 -b 1024", 4)]
    public void A_full_file_system_refuses_and_stays_clean(string options, int mebibytes) =>
        Run(options, mebibytes, RandomMood.Full, 200);

    private static void Run(string options, int mebibytes, RandomMood mood, int operations)
    {
        int seeds = int.Parse(Environment.GetEnvironmentVariable("V2V_SEEDS") ?? "1", CultureInfo.InvariantCulture);
        int first = int.Parse(Environment.GetEnvironmentVariable("V2V_FIRST_SEED") ?? "1", CultureInfo.InvariantCulture);
        for (int seed = first; seed < first + seeds; seed++)
        {
            using var image = new ExtImage((long)mebibytes << 20, options.Split(' '));
            var model = new RandomModel(seed, mood, options.Contains("ea_inode", StringComparison.Ordinal) ? 20000 : 1500);
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

    private static void RunSeed(ExtImage image, RandomModel model, int operations, string options)
    {
        for (int batch = 0; batch < Batches; batch++)
        {
            using (ExtFileSystem fileSystem = image.Open(writable: true))
            {
                model.Run(fileSystem, operations);
            }

            image.Check();
            using ExtFileSystem reopened = image.Open(writable: false);
            RandomTreeCheck.AssertHolds(reopened, model);
        }

        // The kernel here has no quota.
        if (OperatingSystem.IsLinux() && Environment.UserName == "root" && !options.Contains("quota", StringComparison.Ordinal))
        {
            image.Mounted(writable: false, root => RandomTreeCheck.AssertKernelSees(root, model));
        }
    }
}

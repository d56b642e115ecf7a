using System.Globalization;
using V2V.FileSystems.Btrfs;
using V2V.FileSystems.Tests.Ext;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Btrfs;

/// <summary>
/// Random sequences of every operation against a model, in a subvolume that the kernel filled and took snapshots of, and in one of the
/// snapshots. After each batch btrfs check finds nothing in either mode; at the end the kernel's mount shows the models and the snapshot
/// that was left alone, scrub finds nothing, and the kernel can delete snapshots and balance. V2V_SEEDS=N runs N seeds for each shape.
/// </summary>
public sealed class BtrfsRandomTests
{
    private const int Batches = 2;

    [Theory]
    [InlineData("", 1, 256, "")]
    [InlineData("-n 4096 -m single", 1, 256, "compress-force=zstd:1")]
    [InlineData("-n 65536 --csum xxhash", 1, 300, "compress-force=lzo")]
    [InlineData("--csum sha256 -O ^no-holes", 1, 256, "compress=zlib")]
    [InlineData("--csum blake2 -O ^skinny-metadata,^extref -R ^free-space-tree", 1, 256, "space_cache=v1")]
    [InlineData("-n 4096 -O ^no-holes,^skinny-metadata -R quota", 1, 256, "compress-force=zstd:1")]
    [InlineData("-O block-group-tree", 1, 256, "compress-force=zstd:1")]
    [InlineData("-M -n 4096", 1, 128, "")]
    [InlineData("-M -n 4096 -R ^free-space-tree -O ^no-holes", 1, 128, "compress=lzo")]
    [InlineData("-m dup -d dup -n 4096", 1, 400, "nodatacow")]
    [InlineData("-m raid1 -d raid1", 2, 256, "")]
    [InlineData("-m raid1 -d raid0 -n 4096", 3, 200, "compress-force=zstd:1")]
    [InlineData("-m raid10 -d raid10", 4, 200, "")]
    // On small devices four copies in chunks of a tenth of all leave the kernel no room to balance, whoever wrote the file system.
    [InlineData("-m raid1c3 -d raid1c4", 4, 4096, "nodatasum")]
    public void Any_sequence_leaves_what_the_model_says(string arguments, int devices, int mebibytes, string options) =>
        Run(arguments, devices, mebibytes, options, RandomMood.Mixed, 120);

    [Theory]
    [InlineData("-n 4096", 1, 256, "", 25)]
    [InlineData("", 1, 256, "", 25)]
    public void Directories_of_thousands_of_names_hold_the_model(string arguments, int devices, int mebibytes, string options, int operations) =>
        Run(arguments, devices, mebibytes, options, RandomMood.Crowded, operations);

    [Theory]
    [InlineData("-M -n 4096", 1, 32, "", 250)]
    [InlineData("-n 4096 -m single", 1, 120, "", 250)]
    public void A_full_file_system_refuses_and_stays_clean(string arguments, int devices, int mebibytes, string options, int operations) =>
        Run(arguments, devices, mebibytes, options, RandomMood.Full, operations);

    private static void Run(string arguments, int devices, int mebibytes, string options, RandomMood mood, int operations)
    {
        Tool.RequireRoot();
        int seeds = int.Parse(Environment.GetEnvironmentVariable("V2V_SEEDS") ?? "1", CultureInfo.InvariantCulture);
        int first = int.Parse(Environment.GetEnvironmentVariable("V2V_FIRST_SEED") ?? "1", CultureInfo.InvariantCulture);
        for (int seed = first; seed < first + seeds; seed++)
        {
            using var image = new BtrfsImage((long)mebibytes << 20, devices, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            var model = new RandomModel(seed, mood, 1500);
            var snapshotModel = new RandomModel(seed + 1000, mood, 1500);
            try
            {
                string kept = Prepare(image, options, seed, mood == RandomMood.Full);
                RunSeed(image, model, snapshotModel, operations);
                Judge(image, model, snapshotModel, kept, mood != RandomMood.Full);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(FormattableString.Invariant($"Seed {seed} of {arguments}, operation {model.Operations} + {snapshotModel.Operations}: {e.Message}"), e);
            }

            Assert.True(mood != RandomMood.Full || model.Refusals > 0);
        }
    }

    /// <summary>Lets the kernel fill a subvolume and take snapshots of it.</summary>
    /// <returns>What the snapshot that is left alone holds.</returns>
    private static string Prepare(BtrfsImage image, string options, int seed, bool isSmall)
    {
        string kept = "";
        image.Mounted(writable: true, options, root =>
        {
            Tool.Run("btrfs", "subvolume", "create", root + "/work");
            if (!isSmall)
            {
                HostTree.Populate(root + "/work/old", seed, large: false);
                Tool.Run("rm", root + "/work/old/sparse");
            }

            File.WriteAllText(root + "/work/text", string.Concat(Enumerable.Repeat("all the same. ", isSmall ? 1000 : 40_000)));
            Tool.Run("fallocate", "-l", isSmall ? "64K" : "1M", root + "/work/preallocated");
            HostAttributes.Set(root + "/work/text", "user.a", new byte[1000]);
            Tool.Run("btrfs", "subvolume", "snapshot", root + "/work", root + "/snapshot");
            Tool.Run("btrfs", "subvolume", "snapshot", "-r", root + "/work", root + "/kept");
            File.WriteAllText(root + "/work/later", "later");
            File.AppendAllText(root + "/work/text", "and another.");
            File.AppendAllText(root + "/snapshot/text", "and yet another.");
            Tool.Run("sync", "-f", root);
            if (isSmall)
            {
                // Leaves a few MiB.
                string free = Tool.Run("sh", "-c", $"df --output=avail -B1 '{root}' | tail -1").Trim();
                long filler = Math.Max(1 << 20, long.Parse(free, CultureInfo.InvariantCulture) - (5 << 20));
                Tool.Run("fallocate", "-l", filler.ToString(CultureInfo.InvariantCulture), root + "/filler");
                Tool.Run("sync", "-f", root);
            }

            kept = Listing(root + "/kept");
        });
        return kept;
    }

    private static void RunSeed(BtrfsImage image, RandomModel model, RandomModel snapshotModel, int operations)
    {
        for (int batch = 0; batch < Batches; batch++)
        {
            using (BtrfsFileSystem fileSystem = image.Open(writable: true))
            {
                GuestFileSystem work = fileSystem.GetMount("subvol=/work");
                GuestFileSystem snapshot = fileSystem.GetMount("rw,subvol=snapshot");
                if (batch == 0)
                {
                    model.Load(work);
                    snapshotModel.Load(snapshot);
                }

                model.Run(work, operations);
                snapshotModel.Run(snapshot, operations / 4);
            }

            image.Check();
            using BtrfsFileSystem reopened = image.Open(writable: false);
            RandomTreeCheck.AssertHolds(reopened.GetMount("subvol=work"), model);
            RandomTreeCheck.AssertHolds(reopened.GetMount("subvol=/snapshot"), snapshotModel);
        }
    }

    private static void Judge(BtrfsImage image, RandomModel model, RandomModel snapshotModel, string kept, bool rearranges)
    {
        // Times of access would make the kernel write blocks anew that ours have to stand for.
        image.Mounted(writable: true, "noatime", root =>
        {
            RandomTreeCheck.AssertKernelSees(root + "/work", model, countsSubdirectories: false);
            RandomTreeCheck.AssertKernelSees(root + "/snapshot", snapshotModel, countsSubdirectories: false);
            Assert.Equal(kept, Listing(root + "/kept"));
            BtrfsImage.Scrub(root);
            if (rearranges)
            {
                // The kernel follows every back reference when it deletes snapshots and moves extents.
                Tool.Run("btrfs", "subvolume", "delete", "-C", root + "/kept", root + "/snapshot");
                Tool.Run("btrfs", "subvolume", "sync", root);
                Tool.Run("btrfs", "balance", "start", "--full-balance", root);
                RandomTreeCheck.AssertKernelSees(root + "/work", model, countsSubdirectories: false);
            }
        });
        image.Check();
    }

    private static string Listing(string folder) =>
        Tool.Run("sh", "-c", $"cd '{folder}' && find . -printf '%y %s %m %U %G %T@ %n %l %p\\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum");
}

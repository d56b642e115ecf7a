using System.Globalization;
using V2V.FileSystems.Fat;
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

    private static readonly string[] s_stems =
    [
        "BOOT", "grub", "Mixed", "a longer name than eight", "shimx64", "naïve", "日本語の名前", "dots.in.the.name", "+plus;semi=", "x", "UPPER~1", "tilde~2", "😀emoji",
    ];

    private static readonly string[] s_extensions = ["", ".efi", ".TXT", ".Mixed", ".conf", ".c", ".jpeg"];

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
            var model = new Model(new Random((seed * 7919) + options.Length));
            for (int batch = 0; batch < Batches; batch++)
            {
                image.Write(fileSystem => model.Run(fileSystem, OperationsPerBatch));
                image.AssertClean();
                using FileDevice device = FileDevice.Open(image.Path);
                using FatFileSystem reopened = FatFileSystem.Open(device, writable: false);
                FatImage.AssertSame(model.Tree, FatImage.ReadTree(reopened));
            }

            FatImage.AssertSame(AsMtoolsNames(model.Tree), image.ReadWithMtools());
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

    /// <summary>The expected tree and the operations that change it together with the volume.</summary>
    private sealed class Model(Random random)
    {
        public SortedDictionary<string, byte[]?> Tree { get; } = new(StringComparer.Ordinal);

        public void Run(FatFileSystem fileSystem, int operations)
        {
            for (int i = 0; i < operations; i++)
            {
                try
                {
                    Step(fileSystem);
                }
                catch (V2VException e) when (e.ErrorId is "FatNoSpace" or "FatRootDirectoryFull")
                {
                    Refresh(fileSystem);
                }
            }
        }

        private void Step(FatFileSystem fileSystem)
        {
            switch (random.Next(12))
            {
                case 0 or 1:
                    CreateDirectory(fileSystem);
                    break;
                case 2 or 3 or 4:
                    CreateFile(fileSystem);
                    break;
                case 5 or 6:
                    Resize(fileSystem);
                    break;
                case 7:
                    Overwrite(fileSystem);
                    break;
                case 8 or 9:
                    Delete(fileSystem);
                    break;
                case 10:
                    Rename(fileSystem);
                    break;
                default:
                    CreateMany(fileSystem);
                    break;
            }
        }

        /// <summary>After a volume ran full in the middle, what it holds is what it says; the last file may be short.</summary>
        private void Refresh(FatFileSystem fileSystem)
        {
            SortedDictionary<string, byte[]?> actual = FatImage.ReadTree(fileSystem);
            foreach (string path in Tree.Keys)
            {
                Assert.Contains(path, actual.Keys);
            }

            Tree.Clear();
            foreach ((string path, byte[]? content) in actual)
            {
                Tree[path] = content;
            }
        }

        private void CreateDirectory(FatFileSystem fileSystem)
        {
            if (NewPath() is { } path)
            {
                fileSystem.CreateDirectory("/" + path, FatImage.Metadata);
                Tree[path] = null;
            }
        }

        private void CreateFile(FatFileSystem fileSystem)
        {
            if (NewPath() is { } path)
            {
                byte[] content = Content();
                fileSystem.WriteAllBytes("/" + path, content, FatImage.Metadata);
                Tree[path] = content;
            }
        }

        private void CreateMany(FatFileSystem fileSystem)
        {
            string directory = Directory();
            int count = random.Next(20);
            for (int i = 0; i < count; i++)
            {
                string path = Join(directory, FormattableString.Invariant($"one of many files {random.Next(1000)}.txt"));
                if (!Exists(path))
                {
                    fileSystem.CreateFile("/" + path, FatImage.Metadata);
                    Tree[path] = [];
                }
            }
        }

        private void Resize(FatFileSystem fileSystem)
        {
            if (Pick(directories: false) is { } path)
            {
                byte[] content = Tree[path]!;
                Array.Resize(ref content, random.Next(3) == 0 ? random.Next(100) : random.Next(60000));
                using Stream stream = fileSystem.OpenWrite("/" + path.ToUpperInvariant());
                stream.SetLength(content.Length);
                Tree[path] = content;
            }
        }

        private void Overwrite(FatFileSystem fileSystem)
        {
            if (Pick(directories: false) is { } path)
            {
                byte[] content = Tree[path]!;
                byte[] piece = Content();
                int at = random.Next(content.Length + 5000);
                using Stream stream = fileSystem.OpenWrite("/" + path);
                stream.Position = at;
                stream.Write(piece);
                if (piece.Length > 0)
                {
                    Array.Resize(ref content, Math.Max(content.Length, at + piece.Length));
                    piece.CopyTo(content, at);
                }

                Tree[path] = content;
            }
        }

        private void Delete(FatFileSystem fileSystem)
        {
            if (Pick(directories: random.Next(3) == 0) is { } path)
            {
                if (Children(path).Any())
                {
                    Assert.Equal("GuestDirectoryNotEmpty", Assert.Throws<V2VException>(() => fileSystem.Delete("/" + path)).ErrorId);
                    return;
                }

                fileSystem.Delete("/" + path);
                Tree.Remove(path);
            }
        }

        private void Rename(FatFileSystem fileSystem)
        {
            bool directory = random.Next(3) == 0;
            if (Pick(directory) is not { } from)
            {
                return;
            }

            string? to = random.Next(3) switch
            {
                0 => Pick(directory),
                1 => from[..(from.LastIndexOf('/') + 1)] + from[(from.LastIndexOf('/') + 1)..].ToUpperInvariant(),
                _ => NewPath(),
            };
            if (to is null || to.StartsWith(from + "/", StringComparison.OrdinalIgnoreCase) || Children(to).Any(c => !c.StartsWith(from + "/", StringComparison.Ordinal)))
            {
                return;
            }

            string? replaced = Tree.Keys.FirstOrDefault(k => k.Equals(to, StringComparison.OrdinalIgnoreCase) && k != from);
            fileSystem.Rename("/" + from, "/" + to);
            if (from == to)
            {
                return;
            }

            to = replaced ?? to;
            Dictionary<string, byte[]?> moved = Children(from).Append(from).ToDictionary(k => to + k[from.Length..], k => Tree[k]);
            foreach (string old in Children(from).Append(from).ToArray())
            {
                Tree.Remove(old);
            }

            foreach ((string path, byte[]? content) in moved)
            {
                Tree[path] = content;
            }
        }

        private IEnumerable<string> Children(string path) => Tree.Keys.Where(k => k.StartsWith(path + "/", StringComparison.Ordinal));

        private bool Exists(string path) => Tree.Keys.Any(k => k.Equals(path, StringComparison.OrdinalIgnoreCase));

        private string? Pick(bool directories)
        {
            string[] candidates = [.. Tree.Where(pair => pair.Value is null == directories).Select(pair => pair.Key)];
            return candidates.Length == 0 ? null : candidates[random.Next(candidates.Length)];
        }

        private string Directory() => random.Next(3) == 0 ? "" : Pick(directories: true) ?? "";

        private string? NewPath()
        {
            string number = random.Next(3) == 0 ? "" : random.Next(300).ToString(CultureInfo.InvariantCulture);
            string name = s_stems[random.Next(s_stems.Length)] + number + s_extensions[random.Next(s_extensions.Length)];
            string path = Join(Directory(), name);
            return Exists(path) || path.Length > 120 ? null : path;
        }

        private static string Join(string directory, string name) => directory.Length == 0 ? name : directory + "/" + name;

        private byte[] Content()
        {
            var content = new byte[random.Next(4) switch { 0 => 0, 1 => random.Next(600), 2 => random.Next(9000), _ => random.Next(120000) }];
            random.NextBytes(content);
            return content;
        }
    }
}

using System.Runtime.CompilerServices;
using V2V.Core.Sources;
using V2V.Core.Working;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.Core.Tests.Sources;

/// <summary>Archives made by GNU tar and the compressors (tests/fixtures/sources/make.sh): what can be told without any tool.</summary>
public sealed class FixtureTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose()
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Path));
        _directory.Dispose();
    }

    [Theory]
    [InlineData("guest.tar.gz")]
    [InlineData("guest.tar.xz")]
    [InlineData("guest-blocks.tar.xz")]
    [InlineData("guest.tar.bz2")]
    [InlineData("guest.tar.zst")]
    public void Every_compression_gives_the_same_machine(string name)
    {
        var options = new SourceOptions { WorkingDirectory = _directory.Path };
        Assert.Equal(2, SourceImporter.VerifyManifest(PathOf(name), options).FileCount);
        V2VSource source = Assert.Single(SourceImporter.ImportOva(PathOf(name), options));
        Assert.Equal(("guest", 2, 65536L), (source.Name, source.ProcessorCount, source.Disks[0].VirtualSize));
        using (BlockDevice disk = source.Disks[0].Open())
        {
            Span<byte> end = stackalloc byte[7];
            disk.Read(65529, end);
            Assert.Equal("the end"u8, end);
        }

        WorkArea.Delete(source.StagingDirectory!);
    }

    [Theory]
    [InlineData("sparse-gnu.tar.gz")]
    [InlineData("sparse-pax.tar.gz")]
    public void A_sparse_member_is_refused_by_name(string name)
    {
        V2VException error = Assert.Throws<V2VException>(() => SourceImporter.ImportOva(PathOf(name), new SourceOptions { WorkingDirectory = _directory.Path }));
        Assert.Equal("OvaMemberUnsupported", error.ErrorId);
        Assert.Contains("disk1.vmdk", error.Message, StringComparison.Ordinal);
        Assert.Contains("sparse", error.Message, StringComparison.Ordinal);
    }

    private static string PathOf(string name, [CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "fixtures", "sources", name);
}

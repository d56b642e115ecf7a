using V2V.FileSystems.Iso;
using V2V.FileSystems.Tests.Ext;
using V2V.Storage;
using V2V.Testing;
using Xunit;

namespace V2V.FileSystems.Tests.Iso;

public sealed class IsoReadTests
{
    private static IsoFileSystem Open(string path) => IsoFileSystem.Open(FileDevice.Open(path));

    [Fact]
    public void RockRidge_of_libcdio_is_read()
    {
        using IsoFileSystem iso = Open(Corpus.Require("iso-udf/libcdio/copying-rr.iso"));
        Assert.Equal(File.ReadAllBytes(Corpus.Require("iso-udf/libcdio/copying-rr.gpl")), iso.ReadAllBytes("/COPYING"));
        Assert.Equal(["COPYING", "Copy2", "copy", "fd0", "tmp", "zero"], iso.EnumerateDirectory("/").Select(e => e.Name).Order(StringComparer.Ordinal));
        Assert.Equal("../copying/COPYING", iso.ReadLink("/tmp/COPYING"));
        Assert.Equal("COPYING", iso.ReadLink("/Copy2"));
        Assert.Equal(GuestFileType.BlockDevice, iso.TryGetEntry("/fd0")!.Type);
        Assert.Equal((2u, 0u), (iso.TryGetEntry("/fd0")!.DeviceMajor, iso.TryGetEntry("/fd0")!.DeviceMinor));
        Assert.Equal((1u, 5u), (iso.TryGetEntry("/zero")!.DeviceMajor, iso.TryGetEntry("/zero")!.DeviceMinor));
        Assert.Equal(0x124, iso.TryGetEntry("/COPYING")!.Mode);
        Assert.Null(iso.TryGetEntry("/copying"));
    }

    [Fact]
    public void Joliet_of_libcdio_is_read_without_regard_to_case()
    {
        using IsoFileSystem iso = Open(Corpus.Require("iso-udf/libcdio/joliet.iso"));
        Assert.Equal(17992, iso.TryGetEntry("/libcdio/COPYING")!.Length);
        Assert.Equal("/libcdio/README.libcdio", iso.TryGetEntry("/LIBCDIO/readme.LIBCDIO")!.Path.Replace("LIBCDIO", "libcdio", StringComparison.Ordinal));
        Assert.Equal(74, iso.ReadAllBytes("/libcdio/test/isofs-m1.cue").Length);
    }

    [Fact]
    public void A_file_of_several_extents_is_read()
    {
        using IsoFileSystem iso = Open(Corpus.Require("iso-udf/libcdio/multi_extent_8k.iso"));
        byte[] expected = File.ReadAllBytes(Corpus.Require("iso-udf/libcdio/multi_extent_file"));
        Assert.Equal(expected, iso.ReadAllBytes("/multi_extent_file"));
        using Stream stream = iso.OpenRead("/multi_extent_file");
        byte[] part = new byte[10_000];
        stream.Position = 6000;
        stream.ReadExactly(part);
        Assert.Equal(expected[6000..16_000], part);
    }

    [Theory]
    [InlineData("cot/input.iso")]
    [InlineData("dfvfs/iso9660.raw")]
    [InlineData("libcdio/copying-rr.iso")]
    [InlineData("libcdio/joliet.iso")]
    [InlineData("libcdio/multi_extent_8k.iso")]
    [InlineData("libcdio/test-udf1.iso")]
    public void The_corpus_is_read_as_bsdtar_reads_it(string name)
    {
        Tool.Require("bsdtar");
        string path = Corpus.Require("iso-udf/" + name);
        using IsoFileSystem iso = Open(path);
        IsoTree.AssertUnpacksSame(path, iso, (image, folder) => Tool.Run("bsdtar", "-x", "-f", image, "-C", folder, "--exclude", "fd0", "--exclude", "zero"));
    }

    [Theory]
    [InlineData("bad-dir.iso")]
    [InlineData("malformed.iso")]
    public void Damaged_images_of_libcdio_are_refused(string name)
    {
        Assert.StartsWith("Iso", Assert.Throws<V2VException>(() => IsoTree.Read(Open(Corpus.Require("iso-udf/libcdio/" + name)))).ErrorId, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("genisoimage", "-R")]
    [InlineData("genisoimage", "-R", "-J", "-joliet-long")]
    [InlineData("xorriso", "-as", "mkisofs", "-R", "-J", "-joliet-long")]
    public void RockRidge_that_others_write_is_the_hosts_tree(string program, params string[] options)
    {
        Tool.Require(program);
        using var directory = new TemporaryDirectory();
        string root = directory.File("tree"), image = directory.File("image.iso");
        HostTree.Populate(root, 5, large: false);
        IsoTree.Populate(root);
        Tool.Run(program, [.. options, "-quiet", "-o", image, root]);
        using GuestFileSystem iso = FileSystemProbe.Open(FileDevice.Open(image), writable: false);
        IsoTree.AssertSame(IsoTree.ReadHost(root), IsoTree.Read(iso));
        string deep = string.Concat(Enumerable.Range(0, 12).Select(i => $"/deep-{i}"));
        Assert.Equal("../target", iso.ReadLink(deep + "/short"));
        Assert.Equal(string.Concat(Enumerable.Repeat("directory/", 30)) + "end", iso.ReadLink(deep + "/long"));
        Assert.Equal(0x141, iso.TryGetEntry("/size-3")!.Mode & 0x1FF);
    }

    [Theory]
    [InlineData("genisoimage", "-J", "-joliet-long")]
    [InlineData("xorriso", "-as", "mkisofs", "--norock", "-J", "-joliet-long")]
    public void Joliet_that_others_write_is_the_hosts_tree(string program, params string[] options)
    {
        Tool.Require(program);
        using var directory = new TemporaryDirectory();
        string root = directory.File("tree"), image = directory.File("image.iso");
        IsoTree.Populate(Directory.CreateDirectory(root).FullName);
        Directory.Delete(Path.Combine(root, "Deep 0/Deep 1/Deep 2/Deep 3/Deep 4/Deep 5"), recursive: true);
        Tool.Run(program, [.. options, "-quiet", "-o", image, root]);
        using GuestFileSystem iso = FileSystemProbe.Open(FileDevice.Open(image), writable: false);
        IsoTree.AssertSame(IsoTree.ReadHost(root), IsoTree.Read(iso));
    }

    [Fact]
    public void Plain_names_are_read_as_bsdtar_reads_them()
    {
        Tool.Require("genisoimage", "bsdtar");
        using var directory = new TemporaryDirectory();
        string root = directory.File("tree"), image = directory.File("image.iso");
        IsoTree.Populate(Directory.CreateDirectory(root).FullName);
        Directory.Delete(Path.Combine(root, "Deep 0/Deep 1/Deep 2/Deep 3/Deep 4/Deep 5"), recursive: true);
        Tool.Run("genisoimage", "-quiet", "-o", image, root);
        using IsoFileSystem iso = Open(image);
        IsoTree.AssertUnpacksSame(image, iso, (i, folder) => Tool.Run("bsdtar", "-x", "-f", i, "-C", folder));
    }

    [Fact]
    public void Compressed_files_are_refused_by_name()
    {
        Tool.Require("xorriso");
        using var directory = new TemporaryDirectory();
        string image = directory.File("image.iso");
        File.WriteAllText(directory.File("zeroes"), new string('x', 200_000));
        Tool.Run("xorriso", "-outdev", image, "-map", directory.File("zeroes"), "/zeroes", "-set_filter", "--zisofs", "/zeroes", "--");
        using IsoFileSystem iso = Open(image);
        Assert.Equal("IsoCompressedFile", Assert.Throws<V2VException>(() => iso.OpenRead("/zeroes")).ErrorId);
    }

    [Theory]
    [InlineData("libcdio/copying-rr.iso")]
    [InlineData("libcdio/multi_extent_8k.iso")]
    [InlineData("libcdio/joliet.iso")]
    public void Damaged_images_give_our_errors_only(string name)
    {
        byte[] image = File.ReadAllBytes(Corpus.Require("iso-udf/" + name));
        byte[] small = image[..Math.Min(image.Length, 160 << 10)];
        IsoTree.Fuzz(small, small.Length, 2000, IsoFileSystem.Open);
    }
}

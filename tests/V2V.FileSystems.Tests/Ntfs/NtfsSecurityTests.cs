using V2V.FileSystems.Ntfs;
using V2V.Storage;
using V2V.Testing;
using Xunit;
using static System.Buffers.Binary.BinaryPrimitives;

namespace V2V.FileSystems.Tests.Ntfs;

/// <summary>Security descriptors that V2V adds to <c>$Secure</c>, read by ntfs-3g and audited by ntfssecaudit.</summary>
public sealed class NtfsSecurityTests
{
    [Fact]
    public void A_folder_can_be_closed_to_all_but_administrators()
    {
        Tool.Require("ntfssecaudit", "getfattr");
        using var image = new NtfsImage("-c 4096", 32 << 20);
        byte[] closed = NtfsSecurityDescriptor.SystemAndAdministrators.ToArray();
        image.Write(fileSystem =>
        {
            fileSystem.CreateDirectory("/Program Files", NtfsImage.Metadata);
            fileSystem.CreateDirectory("/Program Files/closed", NtfsImage.Metadata);
            fileSystem.SetSecurity("/program files/closed", closed);
            fileSystem.WriteAllBytes("/Program Files/closed/run.cmd", "@echo off\r\n"u8, NtfsImage.Metadata);
            fileSystem.CreateFile("/open", NtfsImage.Metadata);
        });
        image.AssertClean();
        Audit(image);
        image.WithMount("ro", root =>
        {
            Assert.Equal(closed, Descriptor(Path.Combine(root, "Program Files", "closed")));

            // The file inherits both entries, for itself only, and the owner.
            byte[] inherited = Descriptor(Path.Combine(root, "Program Files", "closed", "run.cmd"));
            byte[] entries = [0, 0x10, 20, 0, 0xFF, 1, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 0, 0x10, 24, 0];
            Assert.True(inherited.AsSpan().IndexOf(entries) > 0, Convert.ToHexString(inherited));
            Assert.NotEqual(inherited, Descriptor(Path.Combine(root, "open")));
        });
    }

    /// <summary>So many that <c>$SDS</c> goes on behind the copy of its first 256 KiB, and its indexes get several levels.</summary>
    [Theory]
    [InlineData("-c 4096", 20)]
    [InlineData("-c 512", 3)]
    public void Thousands_of_descriptors_are_shared_and_found(string options, int entries)
    {
        Tool.Require("ntfssecaudit", "getfattr");
        using var image = new NtfsImage(options, 64 << 20);
        const int Count = 1600;
        image.Write(fileSystem =>
        {
            fileSystem.CreateDirectory("/many", NtfsImage.Metadata);
            for (int i = 0; i < Count; i++)
            {
                fileSystem.CreateFile($"/many/{i}", NtfsImage.Metadata);
                fileSystem.SetSecurity($"/many/{i}", Make(i / 2, entries));
            }
        });
        image.AssertClean();
        Audit(image);

        // A second writer finds what the first one stored, and adds behind it.
        image.Write(fileSystem =>
        {
            fileSystem.SetSecurity("/many/0", Make(Count, entries));
            fileSystem.SetSecurity("/many/1", Make(1, entries));
            for (int i = 2; i < Count; i += 97)
            {
                Assert.True(fileSystem.GetExtendedAttribute($"/many/{i}", "system.ntfs_acl").AsSpan().SequenceEqual(Make(i / 2, entries)));
            }
        });
        image.AssertClean();
        Audit(image);
        image.WithMount("ro", root =>
        {
            Assert.Equal(Make(Count, entries), Descriptor(Path.Combine(root, "many", "0")));
            Assert.Equal(Make(1, entries), Descriptor(Path.Combine(root, "many", "1")));
            Assert.Equal(Make((Count - 1) / 2, entries), Descriptor(Path.Combine(root, "many", FormattableString.Invariant($"{Count - 1}"))));
        });
    }

    [Fact]
    public void What_is_not_a_descriptor_is_refused()
    {
        using var image = new NtfsImage("-c 4096", 16 << 20);
        image.Write(fileSystem =>
        {
            fileSystem.CreateFile("/file", NtfsImage.Metadata);
            byte[] good = NtfsSecurityDescriptor.SystemAndAdministrators.ToArray();
            for (int length = 0; length < good.Length; length++)
            {
                byte[] cut = good[..length];
                Assert.Equal("NtfsSecurityInvalid", Assert.Throws<V2VException>(() => fileSystem.SetSecurity("/file", cut)).ErrorId);
            }

            foreach (int at in (int[])[0, 3, 4, 7, 8, 16, 20, 21, 48, 50, 52, 58])
            {
                byte[] bad = [.. good];
                bad[at] ^= 0x7F;
                bad[at] |= at == 3 ? (byte)0 : (byte)0x40;
                bad[at] &= at == 3 ? (byte)0x7F : (byte)0xFF;
                Assert.Equal("NtfsSecurityInvalid", Assert.Throws<V2VException>(() => fileSystem.SetSecurity("/file", bad)).ErrorId);
            }
        });
    }

    /// <summary>A descriptor with a number of entries for accounts of a domain.</summary>
    private static byte[] Make(int number, int entries)
    {
        byte[] start = NtfsSecurityDescriptor.SystemAndAdministrators[..56].ToArray();
        var entry = new byte[36];
        ReadOnlySpan<byte> fixedPart = [0, 3, 36, 0, 0xFF, 1, 0x1F, 0, 1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];
        fixedPart.CopyTo(entry);
        WriteUInt32LittleEndian(entry.AsSpan(20), 0x12345678);
        WriteUInt16LittleEndian(start.AsSpan(50), (ushort)(8 + (entries * entry.Length)));
        WriteUInt16LittleEndian(start.AsSpan(52), (ushort)entries);
        var bytes = new List<byte>(start);
        for (int i = 0; i < entries; i++)
        {
            WriteUInt32LittleEndian(entry.AsSpan(32), (uint)(1000 + (number * entries) + i));
            bytes.AddRange(entry);
        }

        return [.. bytes];
    }

    private static void Audit(NtfsImage image)
    {
        (int exitCode, string output) = Tool.TryRun("ntfssecaudit", "-ar", image.Path);
        Assert.True(exitCode == 0 && output.Contains("No errors were found", StringComparison.Ordinal), output);
    }

    private static byte[] Descriptor(string path)
    {
        (int exitCode, string output) = Tool.TryRun("getfattr", "--absolute-names", "-h", "-e", "hex", "-n", "system.ntfs_acl", path);
        Assert.True(exitCode == 0, output);
        string value = output[(output.IndexOf("=0x", StringComparison.Ordinal) + 3)..];
        return Convert.FromHexString(value.Split('\n')[0].Trim());
    }
}

using System.Text.RegularExpressions;
using Xunit;

namespace V2V.Core.Tests.Inspection;

/// <summary>Every ErrorId of the inspection and of the guest's tree is documented, and every documented one exists.</summary>
public partial class ErrorListTests
{
    [Fact]
    public void ErrorsAreDocumented()
    {
        string root = AppContext.BaseDirectory;
        while (!Directory.Exists(Path.Combine(root, "docs", "errors")))
        {
            root = Path.GetDirectoryName(root.TrimEnd(Path.DirectorySeparatorChar))!;
        }

        string source = string.Concat(((string[])["Inspection", "Guest"])
            .SelectMany(f => Directory.EnumerateFiles(Path.Combine(root, "src", "V2V.Core", f), "*.cs", SearchOption.AllDirectories)).Select(File.ReadAllText));
        SortedSet<string> used = [.. Literal().Matches(source).Select(m => m.Groups[1].Value)];
        SortedSet<string> documented = [.. Row().Matches(File.ReadAllText(Path.Combine(root, "docs", "errors", "inspection.md"))).Select(m => m.Groups[1].Value)];
        Assert.Empty(used.Except(documented));

        // A few come from the file systems below.
        string below = File.ReadAllText(Path.Combine(root, "src", "V2V.FileSystems", "GuestFileSystem.cs"));
        Assert.DoesNotContain(documented.Except(used), id => !below.Contains($"\"{id}\"", StringComparison.Ordinal));
    }

    [GeneratedRegex("(?<!cref=)\"((?:Inspection|Initramfs|Grub|Guest|FileSystem|Rpm)[A-Z][A-Za-z]+)\"")]
    private static partial Regex Literal();

    [GeneratedRegex("(?m)^\\| `([A-Za-z]+)` \\|")]
    private static partial Regex Row();
}

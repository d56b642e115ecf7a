using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace V2V.Storage.Tests;

/// <summary>Every ErrorId that the storage layer raises is documented, and the other way round.</summary>
public partial class ErrorListTests
{
    [Fact]
    public void EveryErrorIsDocumented()
    {
        string root = Root();
        string documents = string.Concat(Directory.GetFiles(Path.Combine(root, "docs", "errors"), "*.md").Select(File.ReadAllText));
        string[] raised = [.. Sources(root).SelectMany(s => RaisedPattern().Matches(s).Select(m => m.Groups[1].Value)).Distinct().Order()];
        Assert.True(raised.Length > 40, "The pattern finds too few errors.");
        Assert.DoesNotContain(raised, id => !documents.Contains($"`{id}`", StringComparison.Ordinal));
    }

    [Fact]
    public void EveryDocumentedErrorIsRaised()
    {
        string root = Root();
        string sources = string.Concat(Sources(root));
        IEnumerable<string> documented = ListedPattern().Matches(File.ReadAllText(Path.Combine(root, "docs", "errors", "storage.md"))).Select(m => m.Groups[1].Value);
        Assert.DoesNotContain(documented, id => !sources.Contains($"\"{id}\"", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Sources(string root) =>
        Directory.GetFiles(Path.Combine(root, "src", "V2V.Storage"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(File.ReadAllText);

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    [GeneratedRegex("(?:Exception|Corrupt|Unsupported)\\(\\s*\"([A-Z][A-Za-z0-9]+)\"")]
    private static partial Regex RaisedPattern();

    [GeneratedRegex("^\\| `([A-Za-z0-9]+)`", RegexOptions.Multiline)]
    private static partial Regex ListedPattern();
}

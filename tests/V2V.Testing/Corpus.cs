namespace V2V.Testing;

/// <summary>Images that others made, kept beside the repository (<c>../shared/corpus</c>, or the folder in V2V_CORPUS); never part of it.</summary>
public static class Corpus
{
    private static readonly string? s_root = FindRoot();

    /// <summary>The path of a file or folder of the corpus; skips the running test where the corpus is not at hand.</summary>
    public static string Require(string relativePath)
    {
        if (s_root is null)
        {
            Tool.Missing("the corpus is not at hand (set V2V_CORPUS)");
        }

        return Path.Combine(s_root!, relativePath);
    }

    /// <summary>The path of a file that only some corpora have, or null.</summary>
    public static string? Find(string relativePath) => s_root is not null && Path.Combine(s_root, relativePath) is var path && File.Exists(path) ? path : null;

    private static string? FindRoot()
    {
        if (Environment.GetEnvironmentVariable("V2V_CORPUS") is { Length: > 0 } named)
        {
            return named;
        }

        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string candidate = Path.Combine(directory.FullName, "shared", "corpus");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}

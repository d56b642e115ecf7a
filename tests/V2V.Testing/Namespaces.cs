namespace V2V.Testing;

/// <summary>Runs a shell script that mounts and configures what only it shall see.</summary>
public static class Namespaces
{
    /// <summary>
    /// The new namespace begins with a copy of every mount of this one. Other tests' loop mounts would stay mounted in it when they are unmounted here,
    /// and their checkers, or a second mount, would find them in use: the copies go at once.
    /// </summary>
    private const string LetGo = """
        awk '$2 != "/" && ($1 ~ "^/dev/loop" || $3 ~ "^fuse") {print $2}' /proc/self/mounts | tac | xargs -r -n 1 umount -l
        exec sh "$@"
        """;

    /// <summary>Runs <paramref name="script"/> in a mount namespace of its own and gives what it printed.</summary>
    /// <param name="options">More options of unshare(1), for example <c>-n</c>.</param>
    /// <param name="script">Path of the script.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Run(string[] options, string script, params string[] arguments)
    {
        Tool.Require("unshare");
        Tool.RequireRoot();
        return Tool.Run("unshare", ["-m", .. options, "sh", "-c", LetGo, "sh", script, .. arguments]);
    }
}

using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

namespace V2V.Shell;

/// <summary>What the user asked <c>v2v</c> to do: a script to run, or a text to print.</summary>
internal sealed partial class CommandLine
{
    public const string Usage = """
        usage: v2v -Command '<script>'            run a command or pipeline ('-' reads it from standard input)
               v2v -File <script.ps1> [args]      run a script with its arguments
               v2v -Version | -Help

        The V2V module is imported already. Exit code: 0, 1 after any error, 2 for a bad command line, or what the script's 'exit' says.
          v2v -Command 'Import-V2VSource -Ova x.ova | Convert-V2VGuest | Export-V2VDisk -Local out'
          v2v -Command 'Get-Help Import-V2VSource -Full'
        """;

    /// <summary>The script, or null if <see cref="Text"/> is to be printed.</summary>
    public string? Script { get; private init; }

    /// <summary>A text to print, or null.</summary>
    public string? Text { get; private init; }

    public static CommandLine Parse(string[] args)
    {
        if (args.Length == 0)
        {
            return new CommandLine { Text = Usage };
        }

        string[] rest = args[1..];
        return args[0].ToLowerInvariant() switch
        {
            "-command" or "-c" when rest.Length > 0 => new CommandLine { Script = rest is ["-"] ? Console.In.ReadToEnd() : string.Join(' ', rest) },
            "-file" or "-f" when rest.Length > 0 => new CommandLine { Script = FileScript(rest[0], rest[1..]) },
            "-version" or "-v" or "--version" => new CommandLine { Text = "v2v " + Version },
            "-help" or "-h" or "-?" or "--help" => new CommandLine { Text = Usage },
            _ => throw new ArgumentException($"'{string.Join(' ', args)}' is not understood."),
        };
    }

    private static string Version =>
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>A call of a script file. What looks like a parameter's name stays one; everything else is a literal.</summary>
    private static string FileScript(string path, string[] arguments)
    {
        if (!File.Exists(path))
        {
            throw new ArgumentException($"There is no script '{path}'.");
        }

        var script = new StringBuilder("& ").Append(Quote(Path.GetFullPath(path)));
        foreach (string argument in arguments)
        {
            script.Append(' ').Append(ParameterName().IsMatch(argument) ? argument : Quote(argument));
        }

        // exit in a script file ends that file only; its code becomes ours.
        return script.Append("; if (-not $? -and $LASTEXITCODE) { exit $LASTEXITCODE }").ToString();
    }

    private static string Quote(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    [GeneratedRegex(@"^-[A-Za-z_]\w*(:(\$(true|false))?)?$")]
    private static partial Regex ParameterName();
}

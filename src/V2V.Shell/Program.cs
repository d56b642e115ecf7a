using System.Text;

namespace V2V.Shell;

/// <summary>
/// <c>v2v</c>: the PowerShell engine in a console program, for machines without pwsh. Runs one command or one script and exits:
/// 0, or 1 after any error record or terminating error, 2 for a bad command line, 130 after Ctrl-C, or what <c>exit</c> says.
/// </summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        CommandLine commandLine;
        try
        {
            commandLine = CommandLine.Parse(args);
        }
        catch (ArgumentException error)
        {
            Console.Error.WriteLine("v2v: " + error.Message);
            Console.Error.WriteLine(CommandLine.Usage);
            return 2;
        }

        if (commandLine.Text is { } text)
        {
            Console.Out.WriteLine(text);
            return 0;
        }

        using var session = new Session();
        return session.Run(commandLine.Script!);
    }
}

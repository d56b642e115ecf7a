using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace V2V.Shell.Host;

/// <summary>
/// Streams to the console: output on standard output, everything else on standard error, so that output can be piped.
/// Progress is drawn on a terminal only. Questions are asked on a terminal only, and refused elsewhere.
/// </summary>
internal sealed class ConsoleUserInterface : PSHostUserInterface
{
    private readonly Lock _lock = new();
    private readonly ProgressLine _progress = new();

    /// <summary>True once an error was shown.</summary>
    public bool ShownError { get; set; }

    public override PSHostRawUserInterface RawUI { get; } = new ConsoleRawUserInterface();

    public override bool SupportsVirtualTerminal => !Console.IsOutputRedirected;

    public override void Write(string value) => Emit(Console.Out, value);

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Emit(Console.Out, value);

    public override void WriteLine(string value) => Emit(Console.Out, value + Environment.NewLine);

    public override void WriteErrorLine(string value)
    {
        ShownError = true;
        Emit(Console.Error, value + Environment.NewLine);
    }

    public override void WriteWarningLine(string message) => Emit(Console.Error, "WARNING: " + message + Environment.NewLine);

    public override void WriteVerboseLine(string message) => Emit(Console.Error, "VERBOSE: " + message + Environment.NewLine);

    public override void WriteDebugLine(string message) => Emit(Console.Error, "DEBUG: " + message + Environment.NewLine);

    public override void WriteInformation(InformationRecord record)
    {
    }

    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        lock (_lock)
        {
            _progress.Draw(record);
        }
    }

    public override string ReadLine() => Terminal(Console.ReadLine) ?? "";

    public override SecureString ReadLineAsSecureString()
    {
        var secret = new SecureString();
        Terminal(() =>
        {
            for (ConsoleKeyInfo key = Console.ReadKey(true); key.Key != ConsoleKey.Enter; key = Console.ReadKey(true))
            {
                secret.AppendChar(key.KeyChar);
            }

            return "";
        });
        return secret;
    }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        string menu = string.Join("  ", choices.Select((choice, i) => $"[{i + 1}] {choice.Label.Replace("&", "", StringComparison.Ordinal)}"));
        while (true)
        {
            Emit(Console.Error, $"{caption}{Environment.NewLine}{message}{Environment.NewLine}{menu}  (default {defaultChoice + 1}): ");
            string answer = ReadLine().Trim();
            if (answer.Length == 0 && defaultChoice >= 0)
            {
                return defaultChoice;
            }

            for (int i = 0; i < choices.Count; i++)
            {
                string label = choices[i].Label.Replace("&", "", StringComparison.Ordinal);
                int key = choices[i].Label.IndexOf('&', StringComparison.Ordinal);
                if (answer == $"{i + 1}" || label.Equals(answer, StringComparison.OrdinalIgnoreCase) ||
                    (key >= 0 && answer.Equals(choices[i].Label.Substring(key + 1, 1), StringComparison.OrdinalIgnoreCase)))
                {
                    return i;
                }
            }
        }
    }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) =>
        descriptions.ToDictionary(
            field => field.Name,
            field =>
            {
                Emit(Console.Error, field.Name + ": ");
                return PSObject.AsPSObject(ReadLine());
            });

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        PromptForCredential(caption, message, userName, targetName, PSCredentialTypes.Default, PSCredentialUIOptions.Default);

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options)
    {
        Emit(Console.Error, $"{caption}{Environment.NewLine}{message}{Environment.NewLine}");
        string name = userName;
        if (string.IsNullOrEmpty(name))
        {
            Emit(Console.Error, "User: ");
            name = ReadLine();
        }

        Emit(Console.Error, $"Password for {name}: ");
        return new PSCredential(name, ReadLineAsSecureString());
    }

    private static T Terminal<T>(Func<T> read) =>
        Console.IsInputRedirected
            ? throw new PSInvalidOperationException("The command asks a question, and there is no terminal to answer it: give its parameters on the command line, or -Confirm:$false.")
            : read();

    private void Emit(TextWriter stream, string text)
    {
        lock (_lock)
        {
            _progress.Erase();
            stream.Write(GetOutputString(text, ReferenceEquals(stream, Console.Error) ? !Console.IsErrorRedirected : !Console.IsOutputRedirected));
        }
    }
}

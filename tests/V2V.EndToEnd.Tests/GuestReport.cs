namespace V2V.EndToEnd;

/// <summary>What the guest said of itself on its second serial port (guests/v2v-report.sh).</summary>
internal sealed class GuestReport
{
    private readonly Dictionary<string, string> _facts = [];

    private GuestReport(string text, string console)
    {
        Text = text;
        Console = console;
        foreach (string line in text.Split('\n'))
        {
            if (line.Trim() is ['V', '2', 'V', '-', 'R', 'E', 'P', 'O', 'R', 'T', ' ', .. string fact] && fact.Split('=', 2) is [string name, string value])
            {
                _facts[name] = value.Trim();
            }
        }
    }

    /// <summary>Everything the report contains, for messages.</summary>
    public string Text { get; }

    /// <summary>What the guest printed on its console.</summary>
    public string Console { get; }

    /// <summary>A fact by its name; empty if the guest did not say it.</summary>
    public string this[string name] => _facts.GetValueOrDefault(name, "");

    public static GuestReport Read(string logPath) => new(File.ReadAllText(logPath + ".report"), File.ReadAllText(logPath));

    public override string ToString() => Text + "\n" + Console[Math.Max(0, Console.Length - 3000)..];
}

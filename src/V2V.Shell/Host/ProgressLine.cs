using System.Globalization;
using System.Management.Automation;

namespace V2V.Shell.Host;

/// <summary>One line of progress at the bottom of a terminal, on standard error; nothing at all elsewhere.</summary>
internal sealed class ProgressLine
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);
    private readonly bool _isTerminal = !Console.IsErrorRedirected;
    private DateTime _drawnAt;
    private bool _isDrawn;

    public void Draw(ProgressRecord record)
    {
        if (!_isTerminal)
        {
            return;
        }

        if (record.RecordType == ProgressRecordType.Completed)
        {
            Erase();
            return;
        }

        DateTime now = DateTime.UtcNow;
        if (now - _drawnAt < s_interval)
        {
            return;
        }

        _drawnAt = now;
        string percent = record.PercentComplete >= 0 ? string.Create(CultureInfo.InvariantCulture, $" {record.PercentComplete,3}%") : "";
        string left = record.SecondsRemaining >= 0 ? string.Create(CultureInfo.InvariantCulture, $"  {TimeSpan.FromSeconds(record.SecondsRemaining):g} left") : "";
        string line = $"{record.Activity}{percent}  {record.StatusDescription}{left}".ReplaceLineEndings(" ");
        int width = Math.Max(20, Console.WindowWidth - 1);
        Console.Error.Write("\r" + (line.Length > width ? line[..width] : line.PadRight(width)));
        _isDrawn = true;
    }

    public void Erase()
    {
        if (_isDrawn)
        {
            Console.Error.Write("\r" + new string(' ', Math.Max(20, Console.WindowWidth - 1)) + "\r");
            _isDrawn = false;
        }
    }
}

using System.Management.Automation.Host;

namespace V2V.Shell.Host;

/// <summary>
/// Width and height for the formatter; a redirected console is 200 columns wide, so that tables in log files keep their columns.
/// Reading keys and painting the screen are for interactive hosts.
/// </summary>
internal sealed class ConsoleRawUserInterface : PSHostRawUserInterface
{
    private const int RedirectedWidth = 200;

    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;

    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;

    public override Size BufferSize
    {
        get => WindowSize;
        set => throw NotInteractive();
    }

    public override Size WindowSize
    {
        get => Console.IsOutputRedirected || Console.WindowWidth <= 0 ? new Size(RedirectedWidth, 50) : new Size(Console.WindowWidth, Console.WindowHeight);
        set => throw NotInteractive();
    }

    public override Size MaxWindowSize => WindowSize;

    public override Size MaxPhysicalWindowSize => WindowSize;

    public override Coordinates CursorPosition { get; set; }

    public override Coordinates WindowPosition { get; set; }

    public override int CursorSize { get; set; } = 25;

    public override string WindowTitle { get; set; } = "v2v";

    public override bool KeyAvailable => false;

    public override void FlushInputBuffer()
    {
    }

    public override KeyInfo ReadKey(ReadKeyOptions options) => throw NotInteractive();

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw NotInteractive();

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw NotInteractive();

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw NotInteractive();

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) => throw NotInteractive();

    private static NotSupportedException NotInteractive() => new("v2v runs scripts; it is not an interactive screen.");
}

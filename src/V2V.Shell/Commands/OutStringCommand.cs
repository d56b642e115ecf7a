using System.Management.Automation;
using System.Reflection;
using System.Text;
using Microsoft.PowerShell.Commands.Internal.Format;

namespace V2V.Shell.Commands;

/// <summary>
/// Out-String: objects as the text that their views give. The engine pipes objects through it into programs, too. Its formatter is
/// the engine's, as in <see cref="FormatShapeBinding"/>.
/// </summary>
[Cmdlet(VerbsData.Out, "String")]
[OutputType(typeof(string))]
public sealed class OutStringCommand : FrontEndCommandBase
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private const int DefaultWidth = 120;

    private readonly StringBuilder _text = new();
    private readonly object _manager;
    private TextWriter? _writer;

    /// <summary>Connects the engine's formatter.</summary>
    public OutStringCommand()
    {
        _manager = Activator.CreateInstance(Engine("OutputManagerInner"), nonPublic: true)!;
        typeof(FrontEndCommandBase).GetField("implementation", Any)!.SetValue(this, _manager);
    }

    /// <summary>One string for each line.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    /// <summary>Characters in a line.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int? Width { get; set; }

    /// <summary>No line ends between the lines.</summary>
    [Parameter]
    public SwitchParameter NoNewline { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        Type callback = Engine("StreamingTextWriter").GetNestedType("WriteLineCallback", Any)!;
        _writer = (TextWriter)Activator.CreateInstance(Engine("StreamingTextWriter"), Any, null, [Delegate.CreateDelegate(callback, this, nameof(TakeLine)), Host.CurrentCulture], null)!;
        object output = Activator.CreateInstance(Engine("TextWriterLineOutput"), Any, null, [_writer, Width ?? DefaultWidth], null)!;
        Engine("OutputManagerInner").GetProperty("LineOutput", Any)!.SetValue(_manager, output);
        base.BeginProcessing();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        base.EndProcessing();
        _writer?.Flush();
        if (!Stream)
        {
            WriteObject(_text.ToString());
        }
    }

    /// <inheritdoc/>
    protected override void InternalDispose()
    {
        base.InternalDispose();
        _writer?.Dispose();
    }

    private void TakeLine(string line)
    {
        if (Stream)
        {
            WriteObject(line);
            return;
        }

        _text.Append(line).Append(NoNewline ? "" : Environment.NewLine);
    }

    private static Type Engine(string name) => typeof(FrontEndCommandBase).Assembly.GetType("Microsoft.PowerShell.Commands.Internal.Format." + name, throwOnError: true)!;
}

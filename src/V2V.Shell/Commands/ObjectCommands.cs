using System.Management.Automation;

namespace V2V.Shell.Commands;

/// <summary>Select-Object: some objects, or some properties of them.</summary>
[Cmdlet(VerbsCommon.Select, "Object")]
public sealed class SelectObjectCommand : PSCmdlet
{
    private readonly Queue<PSObject> _tail = new();
    private int _seen;
    private int _written;

    /// <summary>The objects.</summary>
    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    /// <summary>Names of properties with wildcards, or calculated properties.</summary>
    [Parameter(Position = 0)]
    public object[]? Property { get; set; }

    /// <summary>A property whose values take the place of the object.</summary>
    [Parameter]
    public string? ExpandProperty { get; set; }

    /// <summary>How many from the beginning.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int First { get; set; } = int.MaxValue;

    /// <summary>How many from the end.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? Last { get; set; }

    /// <summary>How many to pass over.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int Skip { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputObject is null || ++_seen <= Skip)
        {
            return;
        }

        if (Last is { } last)
        {
            _tail.Enqueue(InputObject);
            if (_tail.Count > last)
            {
                _tail.Dequeue();
            }
        }
        else if (_written++ < First)
        {
            Emit(InputObject);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (PSObject item in _tail)
        {
            Emit(item);
        }
    }

    private void Emit(PSObject item)
    {
        if (ExpandProperty is not null)
        {
            WriteObject(item.Properties[ExpandProperty]?.Value, enumerateCollection: true);
            return;
        }

        if (Property is null)
        {
            WriteObject(item);
            return;
        }

        var selected = new PSObject();
        foreach ((string name, object? value) in Property.SelectMany(p => PropertyTerm.Parse(p).Evaluate(item)))
        {
            if (selected.Properties[name] is null)
            {
                selected.Properties.Add(new PSNoteProperty(name, value));
            }
        }

        WriteObject(selected);
    }
}

/// <summary>Sort-Object: by the objects themselves or by properties, stable.</summary>
[Cmdlet("Sort", "Object")]
public sealed class SortObjectCommand : PSCmdlet
{
    private readonly List<PSObject> _items = [];

    /// <summary>The objects.</summary>
    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    /// <summary>Names of properties, or calculated properties.</summary>
    [Parameter(Position = 0)]
    public object[]? Property { get; set; }

    /// <summary>Largest first.</summary>
    [Parameter]
    public SwitchParameter Descending { get; set; }

    /// <summary>One of each.</summary>
    [Parameter]
    public SwitchParameter Unique { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputObject is not null)
        {
            _items.Add(InputObject);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        PropertyTerm[] terms = [.. (Property ?? []).Select(PropertyTerm.Parse)];
        var order = Comparer<PSObject>.Create((left, right) => Compare(terms, left, right));
        PSObject? previous = null;
        foreach (PSObject item in _items.OrderBy(i => i, order))
        {
            if (!Unique || previous is null || Compare(terms, previous, item) != 0)
            {
                WriteObject(item);
            }

            previous = item;
        }
    }

    private int Compare(PropertyTerm[] terms, PSObject left, PSObject right)
    {
        if (terms.Length == 0)
        {
            return Order(left, right, Descending);
        }

        return terms.Select(t => Order(t.Evaluate(left).FirstOrDefault().Value, t.Evaluate(right).FirstOrDefault().Value, t.IsDescending ?? Descending))
            .FirstOrDefault(result => result != 0);
    }

    private static int Order(object? left, object? right, bool isDescending)
    {
        int order = LanguagePrimitives.Compare(left, right, ignoreCase: true);
        return isDescending ? -order : order;
    }
}

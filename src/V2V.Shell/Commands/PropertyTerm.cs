using System.Collections;
using System.Management.Automation;
using Microsoft.PowerShell.Commands;

namespace V2V.Shell.Commands;

/// <summary>
/// What a command takes for a property: a name with wildcards, a script block, or a table with a name and an expression
/// (<c>@{ Name = 'GiB'; Expression = { $_.Length / 1GB } }</c>, keys shortened at will). The engine evaluates it.
/// </summary>
internal sealed class PropertyTerm
{
    private static readonly string[] s_nameKeys = ["name", "label"];

    private readonly PSPropertyExpression _expression;
    private readonly string? _name;

    private PropertyTerm(PSPropertyExpression expression, string? name, bool? isDescending)
    {
        _expression = expression;
        _name = name;
        IsDescending = isDescending;
    }

    /// <summary>What a table's Descending says, for sorting.</summary>
    public bool? IsDescending { get; }

    /// <summary>Reads what a user wrote.</summary>
    /// <exception cref="PSArgumentException">It is nothing of the three.</exception>
    public static PropertyTerm Parse(object term)
    {
        object value = term is PSObject wrapped ? wrapped.BaseObject : term;
        return value switch
        {
            ScriptBlock block => new PropertyTerm(new PSPropertyExpression(block), block.ToString().Trim(), null),
            IDictionary table => Parse(table),
            _ => new PropertyTerm(new PSPropertyExpression(LanguagePrimitives.ConvertTo<string>(value)), null, null),
        };
    }

    /// <summary>Names and values that an object has for it; one without a value if it has none of that name.</summary>
    public IEnumerable<(string Name, object? Value)> Evaluate(PSObject item)
    {
        List<PSPropertyExpressionResult> results = _expression.GetValues(item);
        return results.Count == 0
            ? _expression.HasWildCardCharacters ? [] : [(_name ?? _expression.ToString(), null)]
            : results.Select(r => (_name ?? r.ResolvedExpression.ToString(), r.Exception is null ? r.Result : null));
    }

    private static PropertyTerm Parse(IDictionary table)
    {
        object? Find(params string[] keys) => table.Keys.OfType<string>()
            .Where(k => k.Length > 0 && keys.Any(full => full.StartsWith(k, StringComparison.OrdinalIgnoreCase))).Select(k => table[k]).FirstOrDefault();
        object? expression = Find("expression") is PSObject wrapped ? wrapped.BaseObject : Find("expression");
        PSPropertyExpression parsed = expression switch
        {
            ScriptBlock block => new PSPropertyExpression(block),
            null => throw new PSArgumentException("A calculated property needs an Expression."),
            _ => new PSPropertyExpression(LanguagePrimitives.ConvertTo<string>(expression)),
        };
        object? descending = Find("descending") ?? (Find("ascending") is { } ascending ? !LanguagePrimitives.IsTrue(ascending) : null);
        return new PropertyTerm(
            parsed, Find(s_nameKeys) is { } name ? LanguagePrimitives.ConvertTo<string>(name) : null, descending is null ? null : LanguagePrimitives.IsTrue(descending));
    }
}

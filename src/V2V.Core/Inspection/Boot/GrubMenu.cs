using System.Globalization;
using System.Text;

namespace V2V.Core.Inspection.Boot;

/// <summary>A level of GRUB 2's menu. Its items are <see cref="BootEntry"/> or <see cref="GrubMenu"/>.</summary>
internal sealed class GrubMenu(string title, string? id)
{
    private const int MaxPath = 16;

    internal string Title { get; } = title;

    internal string? Id { get; } = id;

    internal List<object> Items { get; } = [];

    /// <summary>All entries in order, those of sub-menus where the sub-menu stands.</summary>
    internal List<BootEntry> Flatten()
    {
        var entries = new List<BootEntry>();
        var todo = new Stack<object>(Items.AsEnumerable().Reverse());
        while (todo.TryPop(out object? item))
        {
            if (item is BootEntry entry && entries.Count < BootMenu.MaxEntries)
            {
                entries.Add(entry);
            }
            else if (item is GrubMenu menu)
            {
                for (int i = menu.Items.Count - 1; i >= 0; i--)
                {
                    todo.Push(menu.Items[i]);
                }
            }
        }

        return entries;
    }

    /// <summary>
    /// The entry that a value of <c>default</c> names: a position, a title or an id, and for an entry of a sub-menu the sub-menu's before a
    /// <c>&gt;</c> (grub manual, "default"). A value that names nothing means the first entry, as in GRUB.
    /// </summary>
    internal BootEntry? Find(string value)
    {
        GrubMenu level = this;
        object? item = null;
        foreach (string part in Split(value))
        {
            item = level.FindItem(part);
            if (item is not GrubMenu menu)
            {
                break;
            }

            level = menu;
        }

        item ??= Items.FirstOrDefault();
        return item is GrubMenu last ? last.Flatten().FirstOrDefault() : item as BootEntry;
    }

    private object? FindItem(string part) =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            ? index < Items.Count ? Items[index] : null
            : Items.FirstOrDefault(i => i is BootEntry e ? e.Id == part || e.Title == part : i is GrubMenu m && (m.Id == part || m.Title == part));

    /// <summary>Cuts at each <c>&gt;</c>; two of them stand for one that is part of a title.</summary>
    private static List<string> Split(string value)
    {
        var parts = new List<string>();
        var part = new StringBuilder();
        for (int i = 0; i < value.Length; i++)
        {
            if (value[i] != '>')
            {
                part.Append(value[i]);
            }
            else if (i + 1 < value.Length && value[i + 1] == '>')
            {
                part.Append('>');
                i++;
            }
            else if (parts.Count < MaxPath)
            {
                parts.Add(part.ToString());
                part.Clear();
            }
        }

        parts.Add(part.ToString());
        return parts;
    }
}

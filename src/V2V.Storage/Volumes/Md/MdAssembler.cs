using System.Globalization;

namespace V2V.Storage.Volumes.Md;

/// <summary>Collects the members of md arrays and makes each array, once it is complete or no more members will come.</summary>
internal sealed class MdAssembler
{
    private readonly Dictionary<string, MdArray> _arrays = new(StringComparer.Ordinal);
    private readonly HashSet<string> _done = new(StringComparer.Ordinal);

    /// <summary>Takes a device if it is a member.</summary>
    internal bool TryAdd(string name, BlockDevice device, AssembledVolumes result)
    {
        if (MdSuperblock.TryRead(device) is not { } super)
        {
            return false;
        }

        if (!_arrays.TryGetValue(super.ArrayUuid, out MdArray? array))
        {
            _arrays.Add(super.ArrayUuid, array = new MdArray(super.ArrayUuid));
        }

        array.Add(new MdMember(name, device, super));
        if (_done.Contains(super.ArrayUuid))
        {
            result.Notes.Add($"{name} belongs to the array {super.FullName}, which was put together without it.");
        }

        return true;
    }

    /// <summary>Makes the arrays that are ready.</summary>
    /// <param name="result">Takes what was made, and what could not be.</param>
    /// <param name="isLast">True to take arrays that lack members too.</param>
    internal List<AssembledVolume> Assemble(AssembledVolumes result, bool isLast)
    {
        var made = new List<AssembledVolume>();
        foreach (MdArray array in _arrays.Values.OrderBy(a => a.State.FullName, StringComparer.Ordinal).ThenBy(a => a.Uuid, StringComparer.Ordinal))
        {
            if (!_done.Contains(array.Uuid) && (isLast || array.IsComplete))
            {
                _done.Add(array.Uuid);
                if (Make(array, result) is { } volume)
                {
                    made.Add(volume);
                    result.Found.Add(volume);
                }
            }
        }

        return made;
    }

    private static AssembledVolume? Make(MdArray array, AssembledVolumes result)
    {
        MdSuperblock state = array.State;
        List<string> aliases = Names(state);
        string[] members = [.. array.Members.Select(m => m.Name)];
        string name = aliases.Find(n => result.Volumes.All(v => v.Name != n && !v.Aliases.Contains(n))) ?? FreeName(result);
        try
        {
            BlockDevice device = array.Make(name);
            string? reason = array.MissingCount > 0
                ? FormattableString.Invariant($"The array {name} lacks {array.MissingCount} of {state.Slots} members; it can be read only.")
                : null;
            if (reason is not null)
            {
                result.Notes.Add(reason);
            }

            return new AssembledVolume
            {
                Name = name,
                Aliases = [.. aliases.Where(a => a != name), "disk/by-id/md-uuid-" + array.Uuid, "disk/by-id/md-name-" + state.FullName],
                Kind = VolumeKind.Md,
                Uuid = array.Uuid,
                Device = device,
                Members = members,
                ReadOnlyReason = reason,
                CanTrim = reason is null && state.Level is -1 or 0 or 1 or 10,
            };
        }
        catch (V2VException e)
        {
            result.Refuse(e, name, members);
            return null;
        }
    }

    /// <summary>The names that mdadm and udev give an array: by its number, or by its name.</summary>
    private static List<string> Names(MdSuperblock state)
    {
        string name = state.Name;
        bool isPlain = name.Length is > 0 and <= 32 && name is not ("." or "..") && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '+');
        return !isPlain ? []
            : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? [FormattableString.Invariant($"md{number}"), FormattableString.Invariant($"md/{number}")]
            : ["md/" + name, "md/" + name + "_0"];
    }

    private static string FreeName(AssembledVolumes result)
    {
        int number = 127;
        while (result.Volumes.Any(v => v.Name == FormattableString.Invariant($"md{number}")))
        {
            number += number <= 127 && number > 0 ? -1 : 128;
        }

        return FormattableString.Invariant($"md{number}");
    }
}

namespace V2V.Core.Inspection.Boot;

/// <summary>Conditions of a GRUB script: <c>[ … ]</c> and <c>test</c> on strings. What only the machine knows is null.</summary>
internal static class GrubCondition
{
    /// <summary>Evaluates the command that starts at a word.</summary>
    internal static bool? Evaluate(List<string> words, int start, bool hasEnvironment)
    {
        bool isNegated = false;
        while (start < words.Count && words[start] == "!")
        {
            isNegated = !isNegated;
            start++;
        }

        if (start >= words.Count)
        {
            return null;
        }

        bool? result = words[start] switch
        {
            "[" => Test(words, start + 1, words[^1] == "]" ? words.Count - 1 : words.Count, hasEnvironment),
            "test" => Test(words, start + 1, words.Count, hasEnvironment),
            "true" => true,
            "false" => false,
            _ => null,
        };
        return isNegated ? !result : result;
    }

    private static bool? Test(List<string> words, int start, int end, bool hasEnvironment)
    {
        // -o binds weaker than -a.
        bool? any = false;
        bool? all = true;
        int at = start;
        if (at >= end)
        {
            return false;
        }

        while (at < end)
        {
            bool isNegated = false;
            while (at < end && words[at] == "!")
            {
                isNegated = !isNegated;
                at++;
            }

            bool? term = Term(words, ref at, end, hasEnvironment);
            all = And(all, isNegated ? !term : term);
            if (at < end && words[at] == "-o")
            {
                any = Or(any, all);
                all = true;
                at++;
            }
            else if (at < end && words[at] == "-a")
            {
                at++;
            }
            else if (at < end)
            {
                return null;
            }
        }

        return Or(any, all);
    }

    private static bool? Term(List<string> words, ref int at, int end, bool hasEnvironment)
    {
        if (at >= end)
        {
            return false;
        }

        int left = end - at;
        string first = words[at];
        if (left >= 3 && words[at + 1] is "=" or "==" or "!=")
        {
            bool isEqual = first == words[at + 2];
            bool result = words[at + 1] == "!=" ? !isEqual : isEqual;
            at += 3;
            return result;
        }

        if (left >= 3 && words[at + 1].StartsWith('-') && words[at + 1] is not ("-a" or "-o"))
        {
            at += 3;
            return null;
        }

        if (left >= 2 && first is "-n" or "-z")
        {
            bool isEmpty = words[at + 1].Length == 0;
            at += 2;
            return first == "-z" ? isEmpty : !isEmpty;
        }

        if (left >= 2 && first is "-s" or "-f" or "-e" or "-d")
        {
            string path = words[at + 1];
            at += 2;
            return path.EndsWith("/grubenv", StringComparison.Ordinal) ? hasEnvironment : null;
        }

        at++;
        return first.Length > 0;
    }

    private static bool? And(bool? a, bool? b) => a == false || b == false ? false : a is null || b is null ? null : true;

    private static bool? Or(bool? a, bool? b) => a == true || b == true ? true : a is null || b is null ? null : false;
}

namespace V2V.Registry.Tests;

/// <summary>Random changes of a hive, made in a model (one line for each key and value) too.</summary>
internal sealed class HiveChanges(RegistryHive hive, SortedSet<string> model, Random random)
{
    private static readonly int[] s_sizes = [0, 1, 4, 5, 8, 60, 500, 5000, 16344, 16345, 40000];

    public void Next()
    {
        string path = RandomKey();
        RegistryKey key = hive.Get(path);
        switch (random.Next(10))
        {
            case < 3:
                Create(path, key);
                break;
            case < 8:
                Set(path, key);
                break;
            case 8 when key.Values.Any():
                string value = key.Values.ElementAt(random.Next(key.Values.Count())).Name;
                key.DeleteValue(value);
                Remove($"{path}|{value}|");
                break;
            case 9 when key.Subkeys.Any() && random.Next(3) == 0:
                string name = key.Subkeys.ElementAt(random.Next(Math.Min(50, key.Subkeys.Count()))).Name;
                key.Delete(name);
                model.Remove($"{path}\\{name}");
                Remove($"{path}\\{name}|");
                Remove($"{path}\\{name}\\");
                break;
        }
    }

    private void Create(string path, RegistryKey key)
    {
        string name = RandomName();
        if (key.Open(name) is null && path.Count(c => c == '\\') < 20)
        {
            key.Create(name);
            model.Add($"{path}\\{name}");
        }
    }

    private void Set(string path, RegistryKey key)
    {
        string name = random.Next(5) == 0 ? "" : key.Values.Any() && random.Next(3) == 0 ? key.Values.First().Name : RandomName();
        byte[] data = new byte[s_sizes[random.Next(s_sizes.Length)]];
        random.NextBytes(data);
        var type = (RegistryValueType)(data.Length == 4 ? 4 : new[] { 0, 1, 3, 7, 11 }[random.Next(5)]);
        if (key.GetValue(name) is { } old)
        {
            name = old.Name;
            Remove($"{path}|{name}|");
        }

        key.SetValue(name, type, data);
        model.Add($"{path}|{name}|{(uint)type}|{Convert.ToHexString(data)}");
    }

    private string RandomKey()
    {
        string path = "";
        for (RegistryKey key = hive.Root; random.Next(4) > 0;)
        {
            RegistryKey[] subkeys = [.. key.Subkeys.Take(40)];
            if (subkeys.Length == 0)
            {
                break;
            }

            key = subkeys[random.Next(subkeys.Length)];
            path += "\\" + key.Name;
        }

        return path;
    }

    private string RandomName()
    {
        const string Letters = "abcdefgXYZ 0123456789_-{}.";
        string name = string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => Letters[random.Next(Letters.Length)]));
        return random.Next(10) == 0 ? name + "Ωñ" : name;
    }

    private void Remove(string prefix) => model.RemoveWhere(l => l.StartsWith(prefix, StringComparison.Ordinal));
}

using System.Text;

namespace V2V.HelpBuilder;

/// <summary>
/// <c>V2V.HelpBuilder DOCS OUT</c>: makes what Get-Help reads, V2V.PowerShell.dll-Help.xml (MAML) and about_V2V.help.txt, of the pages in
/// docs, which are written in PlatyPS's schema 2.0.0.
/// </summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        if (args.Length != 2)
        {
            Console.Error.WriteLine("usage: V2V.HelpBuilder DOCS OUT");
            return 2;
        }

        try
        {
            Directory.CreateDirectory(args[1]);
            List<CommandPage> pages = [.. Directory.GetFiles(args[0], "*-V2V*.md").Order(StringComparer.Ordinal).Select(CommandPage.Read)];
            Maml.Document(pages).Save(Path.Combine(args[1], "V2V.PowerShell.dll-Help.xml"));
            string about = Path.Combine(args[0], "about_V2V.md");
            File.WriteAllText(Path.Combine(args[1], "about_V2V.help.txt"), About(File.ReadAllLines(about)), new UTF8Encoding(false));
            return 0;
        }
        catch (Exception error) when (error is FormatException or IOException)
        {
            Console.Error.WriteLine("V2V.HelpBuilder: " + error.Message);
            return 1;
        }
    }

    /// <summary>Headings in capitals and text indented by four spaces, as PowerShell's own topics have them.</summary>
    private static string About(IEnumerable<string> lines)
    {
        var text = new StringBuilder("TOPIC\n");
        foreach (string line in lines)
        {
            string plain = line.TrimStart('#').Trim();
            text.Append(line switch
            {
                ['#', ' ', ..] => "    " + plain,
                ['#', '#', ' ', ..] => plain.ToUpperInvariant(),
                ['#', '#', '#', ' ', ..] => "  " + plain,
                "" => "",
                _ => "    " + line.Replace("`", "", StringComparison.Ordinal),
            }).Append('\n');
        }

        return text.ToString();
    }
}

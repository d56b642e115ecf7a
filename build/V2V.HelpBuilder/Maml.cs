using System.Xml.Linq;

namespace V2V.HelpBuilder;

/// <summary>Pages of help as MAML, in the form that PlatyPS writes and Get-Help reads.</summary>
internal static class Maml
{
    private static readonly XNamespace s_items = "http://msh";
    private static readonly XNamespace s_maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace s_command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace s_dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    public static XDocument Document(IEnumerable<CommandPage> pages) =>
        new(new XElement(s_items + "helpItems", new XAttribute("schema", "maml"), pages.Select(Command)));

    private static XElement Command(CommandPage page) => new(
        s_command + "command",
        new XAttribute(XNamespace.Xmlns + "maml", s_maml),
        new XAttribute(XNamespace.Xmlns + "command", s_command),
        new XAttribute(XNamespace.Xmlns + "dev", s_dev),
        new XElement(
            s_command + "details",
            new XElement(s_command + "name", page.Name),
            new XElement(s_command + "verb", page.Name.Split('-')[0]),
            new XElement(s_command + "noun", page.Name.Split('-')[1]),
            Paragraphs("description", [page.Synopsis])),
        Paragraphs("description", page.Description),
        new XElement(s_command + "syntax", page.ParameterSets.Select(set => SyntaxItem(page, set))),
        new XElement(s_command + "parameters", page.Parameters.Select(p => Parameter(p, isSyntax: false))),
        new XElement(s_command + "inputTypes", page.Inputs.Select(i => Value("inputType", i))),
        new XElement(s_command + "returnValues", page.Outputs.Select(i => Value("returnValue", i))),
        new XElement(s_maml + "alertSet", new XElement(s_maml + "alert", Para(page.Notes))),
        new XElement(s_command + "examples", page.Examples.Select(Example)),
        new XElement(s_command + "relatedLinks", page.Links.Select(link => new XElement(s_maml + "navigationLink", new XElement(s_maml + "linkText", link), new XElement(s_maml + "uri")))));

    private static XElement SyntaxItem(CommandPage page, string set) => new(
        s_command + "syntaxItem",
        new XElement(s_maml + "name", page.Name),
        page.Parameters.Where(p => p.IsIn(set)).OrderBy(p => p.Position == "named").Select(p => Parameter(p, isSyntax: true)));

    private static XElement Parameter(ParameterPage parameter, bool isSyntax)
    {
        bool isSwitch = parameter.Type == "SwitchParameter";
        return new XElement(
            s_command + "parameter",
            new XAttribute("required", parameter.IsRequired ? "true" : "false"),
            new XAttribute("variableLength", parameter.Type.EndsWith("[]", StringComparison.Ordinal) ? "true" : "false"),
            new XAttribute("globbing", parameter.TakesWildcards ? "true" : "false"),
            new XAttribute("pipelineInput", parameter.PipelineInput),
            new XAttribute("position", parameter.Position),
            new XAttribute("aliases", parameter.Aliases.Length > 0 ? parameter.Aliases : "none"),
            new XElement(s_maml + "name", parameter.Name),
            Paragraphs("description", parameter.Description),
            isSyntax && parameter.Values.Count > 0 ? new XElement(s_command + "parameterValueGroup", parameter.Values.Select(v => ParameterValue(v, parameter))) : null,
            isSyntax && isSwitch ? null : ParameterValue(parameter.Type, parameter),
            new XElement(s_dev + "type", new XElement(s_maml + "name", parameter.Type), new XElement(s_maml + "uri")),
            new XElement(s_dev + "defaultValue", parameter.Default));
    }

    private static XElement ParameterValue(string text, ParameterPage parameter) => new(
        s_command + "parameterValue",
        new XAttribute("required", parameter.Type == "SwitchParameter" ? "false" : "true"),
        new XAttribute("variableLength", "false"),
        text);

    private static XElement Value(string element, Item item) => new(
        s_command + element,
        new XElement(s_dev + "type", new XElement(s_maml + "name", item.Title)),
        Paragraphs("description", item.Paragraphs));

    private static XElement Example(Item item) => new(
        s_command + "example",
        new XElement(s_maml + "title", $"-------- {item.Title} --------"),
        new XElement(s_dev + "code", item.Code),
        new XElement(s_dev + "remarks", Para(item.Paragraphs)));

    private static XElement Paragraphs(string element, IEnumerable<string> paragraphs) => new(s_maml + element, Para(paragraphs));

    private static IEnumerable<XElement> Para(IEnumerable<string> paragraphs) => paragraphs.Select(text => new XElement(s_maml + "para", text));
}

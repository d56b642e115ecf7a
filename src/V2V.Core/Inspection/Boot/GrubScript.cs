namespace V2V.Core.Inspection.Boot;

/// <summary>
/// Runs a grub.cfg as far as its menu depends on it: assignments, the environment block, conditions on variables, menu entries and
/// sub-menus. A condition that needs the machine (a file, a key, a probe) counts as open: both branches run.
/// </summary>
internal sealed class GrubScript
{
    private const int MaxDepth = 256;
    private const int MaxVariables = 4096;

    private readonly Dictionary<string, string> _variables;
    private readonly Dictionary<string, string> _environment;
    private readonly Func<IReadOnlyList<BootEntry>> _readBls;
    private readonly Stack<Frame> _frames = new();
    private readonly Stack<GrubMenu> _menus = new();
    private readonly List<string> _words = [];
    private GrubEntryBuilder? _entry;

    private GrubScript(Dictionary<string, string> environment, Func<IReadOnlyList<BootEntry>> readBls, bool isUefi)
    {
        _environment = environment;
        _readBls = readBls;
        _menus.Push(Menu);
        _variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["prefix"] = "/boot/grub",
            ["grub_platform"] = isUefi ? "efi" : "pc",
            ["grub_cpu"] = "x86_64",
            ["feature_menuentry_id"] = "y",
            ["feature_default_font_path"] = "y",
            ["feature_all_video_module"] = "y",
            ["feature_platform_search_hint"] = "y",
            ["feature_timeout_style"] = "y",
        };
    }

    /// <summary>The top level of the menu.</summary>
    internal GrubMenu Menu { get; } = new("", null);

    /// <summary>What <c>default</c> was set to, or empty.</summary>
    internal string Default => _variables.GetValueOrDefault("default", "");

    /// <summary>Files that the script hands over to (<c>configfile</c>), variables replaced.</summary>
    internal List<string> ConfigFiles { get; } = [];

    /// <summary>Runs a script.</summary>
    /// <param name="text">The content of grub.cfg.</param>
    /// <param name="environment">The environment block; empty if there is none.</param>
    /// <param name="readBls">Gives the entries of <c>blscfg</c>.</param>
    /// <param name="isUefi">Platform that the conditions see.</param>
    internal static GrubScript Run(string text, Dictionary<string, string> environment, Func<IReadOnlyList<BootEntry>> readBls, bool isUefi)
    {
        var script = new GrubScript(environment, readBls, isUefi);
        script.Run(new GrubLexer(text, script._variables));
        return script;
    }

    private bool IsActive => !_frames.TryPeek(out Frame frame) || frame.IsActive;

    private void Run(GrubLexer lexer)
    {
        for (bool isEnd = false; !isEnd;)
        {
            GrubLexer.End end = lexer.Next(_words);
            isEnd = end == GrubLexer.End.Text;
            if (end == GrubLexer.End.BlockCloses)
            {
                CloseBlock();
                continue;
            }

            while (_words.Count > 0 && _words[0] is "then" or "do")
            {
                _words.RemoveAt(0);
            }

            if (end == GrubLexer.End.BlockOpens)
            {
                OpenBlock();
            }
            else if (_words.Count > 0)
            {
                Command();
            }
        }
    }

    private void Command()
    {
        switch (_words[0])
        {
            case "if":
                bool? condition = IsActive ? GrubCondition.Evaluate(_words, 1, _environment.Count > 0) : false;
                Push(new Frame(FrameKind.If, IsActive, IsActive && condition != false, IsActive && condition == true));
                break;
            case "elif" or "else" when _frames.TryPeek(out Frame top) && top.Kind == FrameKind.If:
                _frames.Pop();
                bool isElse = _words[0] == "else";
                bool? next = isElse ? true : GrubCondition.Evaluate(_words, 1, _environment.Count > 0);
                bool isRun = top.IsParentActive && !top.IsDecided && next != false;
                _frames.Push(top with { IsActive = isRun, IsDecided = top.IsDecided || (top.IsParentActive && next == true) });
                if (isElse && _words.Count > 1)
                {
                    _words.RemoveAt(0);
                    Command();
                }

                break;
            case "fi" when _frames.TryPeek(out Frame top) && top.Kind == FrameKind.If:
                _frames.Pop();
                break;
            case "while" or "until" or "for":
                Push(new Frame(FrameKind.Loop, IsActive, IsActive, true));
                break;
            case "done" when _frames.TryPeek(out Frame top) && top.Kind == FrameKind.Loop:
                _frames.Pop();
                break;
            default:
                if (IsActive)
                {
                    Execute();
                }

                break;
        }
    }

    private void Execute()
    {
        switch (_words[0])
        {
            case "set" when _words.Count > 1:
                Assign(_words[1]);
                break;
            case "load_env":
                foreach ((string name, string value) in _environment)
                {
                    _variables[name] = value;
                }

                break;
            case "blscfg" or "blscfg_import":
                foreach (BootEntry entry in _readBls())
                {
                    Add(entry with
                    {
                        CommandLine = Replace(entry.CommandLine),
                        Initrds = [.. entry.Initrds.SelectMany(i => Replace(i).Split(' ', StringSplitOptions.RemoveEmptyEntries))],
                    });
                }

                break;
            case "configfile" or "source" or "." when _words.Count > 1 && ConfigFiles.Count < 64:
                ConfigFiles.Add(_words[1]);
                break;
            default:
                if (_entry is not null)
                {
                    _entry.Execute(_words);
                }
                else if (_words.Count == 1 && _words[0].IndexOf('=', StringComparison.Ordinal) > 0)
                {
                    Assign(_words[0]);
                }

                break;
        }
    }

    private void OpenBlock()
    {
        bool isActive = IsActive;
        string kind = _words.Count > 0 ? _words[0] : "";
        if (kind == "menuentry" && isActive && _entry is null)
        {
            _entry = new GrubEntryBuilder(_words);
            Push(new Frame(FrameKind.Entry, isActive, true, true));
        }
        else if (kind == "submenu" && isActive && _entry is null)
        {
            var menu = new GrubMenu(_words.Count > 1 ? _words[1] : "", GrubEntryBuilder.FindId(_words));
            _menus.Peek().Items.Add(menu);
            _menus.Push(menu);
            Push(new Frame(FrameKind.SubMenu, isActive, true, true));
        }
        else
        {
            // A function (its commands are not followed) or a bare block.
            Push(new Frame(FrameKind.Block, isActive, isActive && kind.Length == 0, true));
        }
    }

    private void CloseBlock()
    {
        // Conditions that were left open inside the block end with it.
        while (_frames.TryPop(out Frame frame))
        {
            if (frame.Kind == FrameKind.Entry)
            {
                Add(_entry!.Build());
                _entry = null;
            }
            else if (frame.Kind == FrameKind.SubMenu)
            {
                _menus.Pop();
            }

            if (frame.Kind is FrameKind.Entry or FrameKind.SubMenu or FrameKind.Block)
            {
                return;
            }
        }
    }

    private void Add(BootEntry entry)
    {
        if (_menus.Peek().Items.Count < BootMenu.MaxEntries)
        {
            _menus.Peek().Items.Add(entry);
        }
    }

    private void Assign(string assignment)
    {
        int equals = assignment.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0 && (_variables.Count < MaxVariables || _variables.ContainsKey(assignment[..equals])))
        {
            _variables[assignment[..equals]] = assignment[(equals + 1)..];
        }
    }

    private string Replace(string text)
    {
        if (!text.Contains('$', StringComparison.Ordinal))
        {
            return text;
        }

        var words = new List<string>();
        new GrubLexer(text, _variables).Next(words);
        return string.Join(' ', words);
    }

    private void Push(Frame frame)
    {
        if (_frames.Count >= MaxDepth)
        {
            throw Storage.V2VException.Corrupt("GrubConfigTooDeep", $"The GRUB configuration nests more than {MaxDepth} blocks.");
        }

        _frames.Push(frame);
    }

    private enum FrameKind
    {
        If,
        Loop,
        Entry,
        SubMenu,
        Block,
    }

    /// <param name="Kind">What was opened.</param>
    /// <param name="IsParentActive">True if the commands around it run.</param>
    /// <param name="IsActive">True if its commands run.</param>
    /// <param name="IsDecided">True if a branch of the condition was taken for certain, so that no later one runs.</param>
    private readonly record struct Frame(FrameKind Kind, bool IsParentActive, bool IsActive, bool IsDecided);
}

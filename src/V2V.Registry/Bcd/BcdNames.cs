using System.Globalization;

namespace V2V.Registry.Bcd;

/// <summary>The names that bcdedit has for objects and elements (Microsoft, "BCDEdit command-line options", "BCD WMI Provider").</summary>
public static class BcdNames
{
    /// <summary>BcdLibraryString_Description.</summary>
    public const uint Description = 0x12000004;

    /// <summary>BcdBootMgrObject_DefaultObject: the entry that starts by itself.</summary>
    public const uint DefaultObject = 0x23000003;

    /// <summary>BcdOSLoaderDevice_OSDevice.</summary>
    public const uint OsDevice = 0x21000001;

    /// <summary>BcdLibraryBoolean_GraphicsModeDisabled.</summary>
    public const uint GraphicsModeDisabled = 0x16000046;

    private const uint SystemRoot = 0x22000002;
    private const uint WindowsLoader = 0x10200003;
    private const uint ResumeLoader = 0x10200004;

    internal const string BootManager = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";

    private static readonly Dictionary<string, string> s_objects = new(StringComparer.OrdinalIgnoreCase)
    {
        [BootManager] = "{bootmgr}",
        ["{a5a30fa2-3d06-4e9f-b5f4-a01df9d1fcba}"] = "{fwbootmgr}",
        ["{b2721d73-1db4-4c62-bf78-c548a880142d}"] = "{memdiag}",
        ["{466f5a88-0af2-4f76-9038-095b170dc21c}"] = "{ntldr}",
        ["{fa926493-6f1c-4193-a414-58f0b2456d1e}"] = "{current}",
        ["{ae5534e0-a924-466c-b836-758539a3ee3a}"] = "{ramdiskoptions}",
        ["{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}"] = "{globalsettings}",
        ["{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}"] = "{bootloadersettings}",
        ["{1afa9c49-16ab-4a5c-901b-212802da9460}"] = "{resumeloadersettings}",
        ["{4636856e-540f-4170-a130-a84776f4c654}"] = "{dbgsettings}",
        ["{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"] = "{emssettings}",
        ["{5189b25c-5558-4bf2-bca4-289b11bd29e2}"] = "{badmemory}",
        ["{7ff607e0-4395-11db-b0de-0800200c9a66}"] = "{hypervisorsettings}",
    };

    private static readonly Dictionary<uint, string> s_elements = new()
    {
        [0x11000001] = "device",
        [0x12000002] = "path",
        [Description] = "description",
        [0x12000005] = "locale",
        [0x12000030] = "loadoptions",
        [0x14000006] = "inherit",
        [0x14000008] = "recoverysequence",
        [0x15000007] = "truncatememory",
        [0x15000011] = "debugtype",
        [0x15000052] = "graphicsresolution",
        [0x16000009] = "recoveryenabled",
        [0x16000010] = "bootdebug",
        [0x16000020] = "bootems",
        [0x16000040] = "advancedoptions",
        [0x16000041] = "optionsedit",
        [GraphicsModeDisabled] = "graphicsmodedisabled",
        [0x16000048] = "nointegritychecks",
        [0x16000049] = "testsigning",
        [0x16000060] = "isolatedcontext",
        [0x17000077] = "allowedinmemorysettings",
        [OsDevice] = "osdevice",
        [SystemRoot] = "systemroot",
        [DefaultObject] = "default",
        [0x23000006] = "resumeobject",
        [0x24000001] = "displayorder",
        [0x24000002] = "bootsequence",
        [0x24000010] = "toolsdisplayorder",
        [0x25000004] = "timeout",
        [0x25000020] = "nx",
        [0x25000021] = "pae",
        [0x250000c2] = "bootmenupolicy",
        [0x250000f0] = "hypervisorlaunchtype",
        [0x250000f3] = "hypervisordebugtype",
        [0x26000005] = "resume",
        [0x26000010] = "detecthal",
        [0x26000022] = "winpe",
        [0x260000b0] = "ems",
        [0x31000003] = "ramdisksdidevice",
        [0x32000004] = "ramdisksdipath",
    };

    /// <summary>bcdedit's name for an object, or the GUID itself.</summary>
    public static string NameOf(string id) => s_objects.GetValueOrDefault(id, id);

    /// <summary>The GUID of an object that bcdedit has a name for; anything else comes back as it is.</summary>
    public static string IdOf(string name) => s_objects.FirstOrDefault(o => o.Value == name) is { Key: { } id } ? id : name;

    /// <summary>bcdedit's name for an element, or <c>custom:</c> and its number; a number may mean something else to another application.</summary>
    /// <param name="number">The element's number.</param>
    /// <param name="objectType">The type of the object that has it.</param>
    public static string ElementName(uint number, uint objectType) => (number, objectType) switch
    {
        (DefaultObject, WindowsLoader) => "resumeobject",
        (OsDevice, ResumeLoader) => "filedevice",
        (SystemRoot, ResumeLoader) => "filepath",
        _ => s_elements.GetValueOrDefault(number) ?? "custom:" + number.ToString("x8", CultureInfo.InvariantCulture),
    };
}

namespace V2V.Core.Inspection.Windows.Network;

/// <summary>A network card that Windows knows, present or not.</summary>
/// <param name="Interface">GUID of its connection, in braces, as its own key writes it.</param>
/// <param name="Device">Its place in the Enum key: <c>PCI\VEN_15AD&amp;DEV_07B0&amp;…\FF5650…</c>.</param>
/// <param name="ClassKey">Name of its key below the class of network cards: <c>0007</c>.</param>
internal sealed record NetworkCard(string Interface, string Device, string ClassKey)
{
    /// <summary>The class of network cards.</summary>
    internal const string Class = "{4d36e972-e325-11ce-bfc1-08002be10318}";

    /// <summary>Models of cards and the devices that they are to Windows.</summary>
    private static readonly (string Model, string Id)[] s_models =
    [
        ("vmxnet3", @"PCI\VEN_15AD&DEV_07B0"), ("e1000e", @"PCI\VEN_8086&DEV_10D3"), ("e1000", @"PCI\VEN_8086&DEV_100"), ("vmxnet", @"PCI\VEN_15AD&DEV_0720"),
        ("pcnet", @"PCI\VEN_1022&DEV_2000"), ("vlance", @"PCI\VEN_1022&DEV_2000"),
    ];

    /// <summary>Name of the connection; empty if it never had one.</summary>
    internal string Name { get; init; } = "";

    /// <summary>MAC that Windows noted, with colons, in lower case; null if it did not.</summary>
    internal string? MacAddress { get; init; }

    /// <summary>The slot that the hypervisor said; orders the cards of one machine.</summary>
    internal uint Slot { get; init; }

    /// <summary>NET_LUID of the connection: type and index, as the network store's tables name it.</summary>
    internal ulong Luid { get; init; }

    /// <summary>When the device was last seen and last removed, as file times; 0 if not noted.</summary>
    internal (long Arrived, long Removed) Seen { get; init; }

    /// <summary>True if it was there when Windows ran last, as far as Windows noted it.</summary>
    internal bool WasPresent => Seen.Removed == 0 || Seen.Arrived > Seen.Removed;

    /// <summary>True if the device is of a hypervisor's model: <c>vmxnet3</c>.</summary>
    internal bool IsModel(string model) => s_models.Any(m => IsNamed(model, m.Model) && Device.StartsWith(m.Id, StringComparison.OrdinalIgnoreCase));

    /// <summary>True for the cards that VMware emulates: its own, and Intel's and AMD's with its subsystem.</summary>
    internal bool IsVMware => Device.StartsWith(@"PCI\VEN_15AD&", StringComparison.OrdinalIgnoreCase) || Device.Split('\\')[1].Contains("15AD&REV", StringComparison.OrdinalIgnoreCase);

    /// <summary>A name may go on with a number: pcnet32, vmxnet2; but vmxnet3 and e1000e are cards of their own.</summary>
    private static bool IsNamed(string model, string name) =>
        model.Equals(name, StringComparison.OrdinalIgnoreCase)
        || (name is "pcnet" or "vmxnet" && model.StartsWith(name, StringComparison.OrdinalIgnoreCase) && !model.Equals("vmxnet3", StringComparison.OrdinalIgnoreCase));
}

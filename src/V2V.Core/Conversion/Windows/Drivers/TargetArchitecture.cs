namespace V2V.Core.Conversion.Windows.Drivers;

/// <summary>A processor architecture as INF files name it.</summary>
internal enum TargetArchitecture
{
    /// <summary>NTx86: 32-bit PC.</summary>
    X86,

    /// <summary>NTamd64: 64-bit PC.</summary>
    Amd64,

    /// <summary>NTia64: Itanium.</summary>
    Ia64,

    /// <summary>NTarm: 32-bit ARM.</summary>
    Arm,

    /// <summary>NTarm64: 64-bit ARM.</summary>
    Arm64,
}

/// <summary>Names of architectures.</summary>
internal static class TargetArchitectures
{
    /// <summary>The name in INF files and in the driver store, without NT: <c>x86</c>, <c>amd64</c>, <c>ia64</c>, <c>arm</c>, <c>arm64</c>.</summary>
    internal static string InfName(this TargetArchitecture architecture) => architecture switch
    {
        TargetArchitecture.X86 => "x86",
        TargetArchitecture.Amd64 => "amd64",
        TargetArchitecture.Ia64 => "ia64",
        TargetArchitecture.Arm => "arm",
        _ => "arm64",
    };

    /// <summary>The architecture of that name, or null.</summary>
    internal static TargetArchitecture? FromInfName(ReadOnlySpan<char> name)
    {
        foreach (TargetArchitecture architecture in Enum.GetValues<TargetArchitecture>())
        {
            if (name.Equals(architecture.InfName(), StringComparison.OrdinalIgnoreCase))
            {
                return architecture;
            }
        }

        return null;
    }

    /// <summary>The architecture of uname's name, or null.</summary>
    internal static TargetArchitecture? FromMachine(string name) => name switch
    {
        "i386" or "i486" or "i586" or "i686" => TargetArchitecture.X86,
        "x86_64" => TargetArchitecture.Amd64,
        "ia64" => TargetArchitecture.Ia64,
        "armv7l" => TargetArchitecture.Arm,
        "aarch64" => TargetArchitecture.Arm64,
        _ => null,
    };
}

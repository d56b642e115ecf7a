namespace V2V.Core.Conversion.Windows.GuestAdditions;

/// <summary>What a hypervisor's guest additions left in a Windows guest: what is switched off offline, and what the first boot removes.</summary>
/// <param name="Product">Name of the product: <c>VMware Tools</c>.</param>
/// <param name="Entries">Its entries in the list of installed programs.</param>
/// <param name="Services">Its services and drivers that are there, by the names of their keys.</param>
/// <param name="DriverPackages">Its driver packages as the guest has them published: <c>oem4.inf</c>.</param>
/// <param name="Folders">Folders of its files, as the guest writes them: <c>C:\Program Files\VMware\VMware Tools</c>. Only its own, and only those that are there.</param>
internal sealed record AdditionsFound(
    string Product, IReadOnlyList<InstalledProgram> Entries, IReadOnlyList<string> Services, IReadOnlyList<string> DriverPackages, IReadOnlyList<string> Folders);

/// <summary>An entry of a product in one of the two Uninstall keys.</summary>
/// <param name="Key">Path of the key: <c>SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{…}</c>.</param>
/// <param name="Name">DisplayName.</param>
/// <param name="ProductCode">The product's code for Windows Installer, in braces; null if something else installed it.</param>
/// <param name="UninstallCommand">QuietUninstallString, or UninstallString; empty if there is none.</param>
internal sealed record InstalledProgram(string Key, string Name, string? ProductCode, string UninstallCommand);

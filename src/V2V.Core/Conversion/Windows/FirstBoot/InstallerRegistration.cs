namespace V2V.Core.Conversion.Windows.FirstBoot;

/// <summary>What Windows Installer notes about a product, to be deleted where the product's own uninstaller refuses to run.</summary>
internal static class InstallerRegistration
{
    /// <summary>A product code in the form in which Windows Installer names its keys: the groups' digits turned round.</summary>
    /// <param name="productCode">In braces.</param>
    internal static string Pack(string productCode)
    {
        string[] groups = productCode.Trim('{', '}').ToUpperInvariant().Split('-');
        string tail = groups[3] + groups[4];
        return Reverse(groups[0]) + Reverse(groups[1]) + Reverse(groups[2]) + string.Concat(Enumerable.Range(0, 8).Select(i => Reverse(tail.Substring(2 * i, 2))));
    }

    /// <summary>Commands that delete a product's registration.</summary>
    internal static IEnumerable<string> Delete(string productCode)
    {
        string packed = Pack(productCode);
        foreach (string key in (string[])
        [
            $@"HKLM\SOFTWARE\Classes\Installer\Products\{packed}", $@"HKLM\SOFTWARE\Classes\Installer\Features\{packed}",
            $@"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UserData\S-1-5-18\Products\{packed}",
            $@"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{productCode}", $@"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\{productCode}",
        ])
        {
            yield return $"reg delete \"{key}\" /f 2>nul";
        }
    }

    private static string Reverse(string text) => string.Concat(text.Reverse());
}

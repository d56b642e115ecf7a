using System.Text;
using V2V.Core.Conversion.Windows.Drivers.Inf;
using V2V.Storage;
using Xunit;

namespace V2V.Core.Tests.GuestConversion.Windows.Drivers;

public class InfFileTests
{
    private static InfFile Parse(string text, int language = InfFile.English) => InfFile.Parse(Inx.Utf8(text), "test.inf", language);

    [Fact]
    public void FieldsAreSplitAtCommasOutsideQuotes()
    {
        InfLine line = Parse("[A]\r\nKey = one , \"two, \"\"quoted\"\" ; not a comment \" ,, three four ; a comment\r\n").Section("a")[0];
        Assert.Equal("Key", line.Key);
        Assert.Equal(["one", "two, \"quoted\" ; not a comment ", "", "three four"], line.Fields);
    }

    [Fact]
    public void ALineWithoutEqualsSignHasNoKey()
    {
        InfLine line = Parse("[A]\nHKR,,Filter,0x10000,\"a=b\"\n").Section("A")[0];
        Assert.Null(line.Key);
        Assert.Equal(["HKR", "", "Filter", "0x10000", "a=b"], line.Fields);
    }

    [Fact]
    public void ABackslashAtTheEndContinuesALine()
    {
        InfFile inf = Parse("[A]\nCopyFiles = a, \\\n   b,\\ ; comment\n   c\nPath = sys\\drivers\\x.sys\n");
        Assert.Equal(["a", "b", "c"], inf.Values("A", "copyfiles"));
        Assert.Equal(@"sys\drivers\x.sys", inf.Value("A", "Path"));
    }

    [Fact]
    public void SectionsOfOneNameAreJoined()
    {
        InfFile inf = Parse("[A]\nx=1\n[B]\n[a]\nx=2\n[ A ]\ny=3\n\x1A[C]\nthis is behind the end");
        Assert.Equal(["1", "2"], inf.Values("A", "x"));
        Assert.Equal("3", inf.Value("A", "y"));
        Assert.True(inf.HasSection("B"));
        Assert.False(inf.HasSection("C"));
    }

    [Fact]
    public void StringsArePutIntoKeysAndFields()
    {
        InfFile inf = Parse("[A]\n%Device% = \"the %VENDOR% one\", %12%\\x.sys, %%SystemRoot%%\\y, %missing%, 50% of %\n[Strings]\nDevice=\"A, B\"\nVendor = X ; comment\n");
        InfLine line = inf.Section("A")[0];
        Assert.Equal("A, B", line.Key);
        Assert.Equal(["the X one", @"%12%\x.sys", @"%SystemRoot%\y", "%missing%", "50% of %"], line.Fields);
    }

    [Theory]
    [InlineData(0x407, "Gerät", "plain")]
    [InlineData(0xC07, "Gerät (neutral)", "plain")]
    [InlineData(0x409, "Device", "plain")]
    [InlineData(0x40C, "Device", "plain")]
    public void TheLanguagesStringsComeFirst(int language, string device, string other)
    {
        InfFile inf = Parse("[A]\na=%Device%,%Other%\n[Strings]\nDevice=Device\nOther=plain\n[Strings.0407]\nDevice=\"Gerät\"\n[Strings.0007]\nDevice=\"Gerät (neutral)\"\n", language);
        Assert.Equal([device, other], inf.Section("A")[0].Fields);
    }

    [Fact]
    public void EveryEncodingIsRead()
    {
        const string Text = "[A]\r\nName=Gerät\r\n";
        foreach (byte[] bytes in (byte[][])
            [
                [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(Text)],
                Encoding.Unicode.GetBytes(Text),
                [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes(Text)],
                [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Text)],
                Encoding.UTF8.GetBytes(Text),
                Encoding.Latin1.GetBytes(Text),
            ])
        {
            Assert.Equal("Gerät", InfFile.Parse(bytes, "test.inf").Value("A", "Name"));
        }

        Assert.Equal("Foo™", InfFile.Parse([.. "[A]\nName=Foo"u8, 0x99], "test.inf").Value("A", "Name"));
    }

    [Theory]
    [InlineData("text\n[A]\n")]
    [InlineData("[A\nx=1\n")]
    public void WhatIsNoInfIsRefused(string text) => Assert.Equal("InfInvalid", Assert.Throws<V2VException>(() => Parse(text)).ErrorId);

    [Fact]
    public void ABombOfStringsIsRefused()
    {
        string text = "[A]\n" + string.Concat(Enumerable.Repeat("%a%,", 100_000)) + "\n[Strings]\na=" + new string('x', 4096) + "\n";
        Assert.Equal("InfTooLarge", Assert.Throws<V2VException>(() => Parse(text)).ErrorId);
    }

    [Fact]
    public void RandomBytesNeverDoHarm()
    {
        byte[] good = Inx.Utf8("[Version]\nSignature=\"$Windows NT$\"\n[Manufacturer]\n%V%=M,NTamd64\n[M.NTamd64]\n\"D\"=I,PCI\\X\n[I]\nCopyFiles=\\\nF\n[Strings]\nV=x\n");
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. good];
            for (int n = random.Next(1, 6); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                InfFile.Parse(bytes.AsSpan(0, random.Next(bytes.Length + 1)), "test.inf");
            }
            catch (V2VException)
            {
                // Refused by name.
            }
        }
    }
}

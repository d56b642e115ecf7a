using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using V2V.Storage.Images;

namespace V2V.Storage.Qcow2;

/// <summary>
/// A reference to a backing file as an image holds it: a path, or QEMU's <c>json:</c> form, which can say where in a file (a tar)
/// an image lies. A tree of at most a few nodes: an image format, a window (driver raw with offset and size), a file.
/// </summary>
public sealed record BackingReference
{
    private const int MaximumDepth = 8;
    private const int SectorSize = 512;
    private const string JsonPrefix = "json:";

    private static readonly JsonWriterOptions s_writerOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private BackingReference(string driver, string? fileName, long? offset, long? size, BackingReference? inner)
    {
        Driver = driver;
        FileName = fileName;
        Offset = offset;
        Size = size;
        Inner = inner;
    }

    /// <summary>QEMU's driver: <c>file</c>, <c>raw</c>, <c>vmdk</c> or <c>qcow2</c>; empty if the format has to be detected.</summary>
    public string Driver { get; }

    /// <summary>Name of the file, for the driver <c>file</c>.</summary>
    public string? FileName { get; }

    /// <summary>First byte of a window, for the driver <c>raw</c>.</summary>
    public long? Offset { get; }

    /// <summary>Length of a window in bytes, for the driver <c>raw</c>.</summary>
    public long? Size { get; }

    /// <summary>What the driver reads from.</summary>
    public BackingReference? Inner { get; }

    /// <summary>An image in a host file, or in a part of one.</summary>
    /// <param name="format">Format: <c>raw</c>, <c>vmdk</c>, <c>qcow2</c>.</param>
    /// <param name="path">Absolute path of the host's file.</param>
    /// <param name="offset">First byte of the image in the file.</param>
    /// <param name="size">Length of the stored image; null if it is the whole file.</param>
    public static BackingReference ForImage(string format, string path, long offset = 0, long? size = null)
    {
        var node = new BackingReference("file", path, null, null, null);
        if (size is not null)
        {
            // QEMU takes whole sectors only; a tar pads its members to them.
            node = new BackingReference("raw", null, offset, (size + SectorSize - 1) / SectorSize * SectorSize, node);
        }

        return format == "raw" && size is not null ? node : new BackingReference(format, null, null, null, node);
    }

    /// <summary>Reads the reference that an image holds.</summary>
    /// <param name="backingFile">The reference as written.</param>
    /// <param name="backingFormat">The format as written beside it, or null.</param>
    /// <exception cref="V2VException"><c>BackingReferenceInvalid</c>, <c>BackingDriverUnsupported</c>.</exception>
    public static BackingReference Parse(string backingFile, string? backingFormat)
    {
        if (backingFile.StartsWith(JsonPrefix, StringComparison.Ordinal))
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(backingFile.AsMemory(JsonPrefix.Length), new JsonDocumentOptions { MaxDepth = 2 * MaximumDepth });
                return BackingReferenceReader.Read(document.RootElement, MaximumDepth, backingFile);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw Invalid(backingFile, e);
            }
        }

        string name = backingFile;
        int colon = name.IndexOf(':', StringComparison.Ordinal);
        int slash = name.AsSpan().IndexOfAny('/', '\\');
        if (colon > 1 && (slash < 0 || colon < slash))
        {
            name = name.StartsWith("file:", StringComparison.Ordinal) ? name[5..] : throw Unsupported(name[..colon], backingFile);
        }

        return new BackingReference(backingFormat ?? "", null, null, null, new BackingReference("file", name, null, null, null));
    }

    /// <summary>The reference as it is written into an image: the path alone where that says everything, otherwise <c>json:</c>.</summary>
    public override string ToString()
    {
        if (Inner is { Driver: "file", FileName: { } path } && Offset is null && Size is null && IsPlain(path))
        {
            return path;
        }

        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, s_writerOptions))
        {
            WriteTo(writer);
        }

        return JsonPrefix + System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    internal static BackingReference Node(string driver, string? fileName, long? offset, long? size, BackingReference? inner) =>
        new(driver, fileName, offset, size, inner);

    internal static V2VException Invalid(string text, Exception? inner = null) =>
        V2VException.Corrupt("BackingReferenceInvalid", "The image's reference to its backing file is not valid.", text, inner);

    internal static V2VException Unsupported(string driver, string text) => V2VException.Unsupported(
        "BackingDriverUnsupported", $"The image's backing file is reached by '{driver}', which is not supported.", text, "Copy the backing file to this host.");

    /// <summary>Opens the backing file from the image that refers to it.</summary>
    internal BlockDevice Open(ImageOpenContext context) => OpenNode(context).Device;

    private static bool IsPlain(string path)
    {
        int colon = path.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 || (colon == 1 && char.IsAsciiLetter(path[0]) && path.IndexOf(':', 2) < 0);
    }

    private (BlockDevice Device, ImageOpenContext Context) OpenNode(ImageOpenContext context)
    {
        if (FileName is not null)
        {
            return context.OpenReference(FileName);
        }

        (BlockDevice device, ImageOpenContext opened) = Inner!.OpenNode(context);
        if (Driver == "raw")
        {
            return (OpenWindow(device), opened);
        }

        return (DiskImage.Open(device, opened, Driver.Length == 0 ? null : Driver), opened);
    }

    private BlockDevice OpenWindow(BlockDevice device)
    {
        if (Offset is null && Size is null)
        {
            return device;
        }

        try
        {
            // The last sector need not be there in full.
            long offset = Offset ?? 0;
            long available = device.Length - offset;
            long size = Size ?? available;
            return new SubDevice(device, offset, size > available && size - available < SectorSize ? available : size, ownsParent: true);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    private void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("driver", Driver);
        if (Offset is { } offset)
        {
            writer.WriteNumber("offset", offset);
        }

        if (Size is { } size)
        {
            writer.WriteNumber("size", size);
        }

        if (FileName is not null)
        {
            writer.WriteString("filename", FileName);
        }

        if (Inner is not null)
        {
            writer.WritePropertyName("file");
            Inner.WriteTo(writer);
        }

        writer.WriteEndObject();
    }
}

/// <summary>Reads the nodes of a <c>json:</c> reference, nested or with dotted keys (<c>file.filename</c>).</summary>
internal static class BackingReferenceReader
{
    public static BackingReference Read(JsonElement root, int depth, string text)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw BackingReference.Invalid(text);
        }

        List<(string Key, JsonElement Value)> options = [];
        Flatten(root, "", options);
        return ReadNode(options, "", depth, text);
    }

    private static BackingReference ReadNode(List<(string Key, JsonElement Value)> options, string prefix, int depth, string text)
    {
        string? driver = Text(options, prefix + "driver");
        string? fileName = Text(options, prefix + "filename");
        if (depth == 0)
        {
            throw BackingReference.Invalid(text);
        }

        if (driver == "file" || (driver is null && fileName is not null))
        {
            return BackingReference.Node("file", fileName ?? throw BackingReference.Invalid(text), null, null, null);
        }

        if (driver is not (null or "raw" or "vmdk" or "qcow2"))
        {
            throw BackingReference.Unsupported(driver, text);
        }

        BackingReference inner = fileName is not null
            ? BackingReference.Node("file", fileName, null, null, null)
            : ReadNode(options, prefix + "file.", depth - 1, text);
        return BackingReference.Node(driver ?? "", null, Number(options, prefix + "offset", text), Number(options, prefix + "size", text), inner);
    }

    private static void Flatten(JsonElement element, string prefix, List<(string Key, JsonElement Value)> options)
    {
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Object)
            {
                Flatten(property.Value, prefix + property.Name + ".", options);
            }
            else
            {
                options.Add((prefix + property.Name, property.Value));
            }
        }
    }

    private static string? Text(List<(string Key, JsonElement Value)> options, string key)
    {
        JsonElement value = options.Find(o => o.Key == key).Value;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    /// <summary>A number, or a number in a string, which QEMU takes too.</summary>
    private static long? Number(List<(string Key, JsonElement Value)> options, string key, string text)
    {
        JsonElement value = options.Find(o => o.Key == key).Value;
        return value.ValueKind switch
        {
            JsonValueKind.Undefined => null,
            JsonValueKind.Number when value.TryGetInt64(out long number) && number >= 0 => number,
            JsonValueKind.String when long.TryParse(value.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) => number,
            _ => throw BackingReference.Invalid(text),
        };
    }
}

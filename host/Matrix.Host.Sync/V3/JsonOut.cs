using Matrix.Core.Json;

namespace Matrix.Host.Sync.V3;

/// <summary>Writes objects member by member, in between events that are written as they are.</summary>
internal static class JsonOut
{
    /// <summary>A comma, unless nothing stands before in this object or array.</summary>
    public static void Next(this ByteBuffer output)
    {
        var written = output.Written;
        if (written.Length > 0 && written[^1] is not ((byte)'{' or (byte)'[' or (byte)':')) output.Byte((byte)',');
    }

    /// <summary>A member's name, which needs no escapes.</summary>
    public static void Name(this ByteBuffer output, ReadOnlySpan<byte> name)
    {
        output.Next();
        output.Byte((byte)'"');
        output.Raw(name);
        output.Raw("\":"u8);
    }

    /// <summary>A member's name.</summary>
    public static void Name(this ByteBuffer output, string name)
    {
        output.Next();
        CanonicalJson.writeString(output, name);
        output.Byte((byte)':');
    }

    /// <summary>A text.</summary>
    public static void Text(this ByteBuffer output, string value)
    {
        output.Next();
        CanonicalJson.writeString(output, value);
    }

    /// <summary>A member that is a number.</summary>
    public static void Number(this ByteBuffer output, ReadOnlySpan<byte> name, long value)
    {
        output.Name(name);
        CanonicalJson.writeInt(output, value);
    }

    /// <summary>A member that is an array of texts.</summary>
    public static void Texts(this ByteBuffer output, ReadOnlySpan<byte> name, IEnumerable<string> values)
    {
        output.Name(name);
        output.Byte((byte)'[');
        foreach (string value in values) output.Text(value);
        output.Byte((byte)']');
    }

    /// <summary>Opens a member that is an object.</summary>
    public static void Open(this ByteBuffer output, ReadOnlySpan<byte> name)
    {
        output.Name(name);
        output.Byte((byte)'{');
    }

    /// <summary>Closes an object.</summary>
    public static void Close(this ByteBuffer output) => output.Byte((byte)'}');

    /// <summary>Opens a member that holds events.</summary>
    public static void OpenEvents(this ByteBuffer output, ReadOnlySpan<byte> name)
    {
        output.Open(name);
        output.Raw("\"events\":["u8);
    }

    /// <summary>Closes a member that holds events.</summary>
    public static void CloseEvents(this ByteBuffer output) => output.Raw("]}"u8);

    /// <summary>An event that consists of a type and a content.</summary>
    public static void TypedContent(this ByteBuffer output, string type, ReadOnlySpan<byte> content)
    {
        output.Next();
        output.Raw("{\"content\":"u8);
        output.Raw(content);
        output.Raw(",\"type\":"u8);
        CanonicalJson.writeString(output, type);
        output.Byte((byte)'}');
    }
}

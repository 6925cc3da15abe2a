namespace Matrix.Host.Network;

/// <summary>The memory that JSON takes when it is parsed, estimated from its text: at least what it takes.</summary>
public static class JsonMemory
{
    /// <summary>A value of the tree, and its place in the array that holds it.</summary>
    private const int BytesOfValue = 64;

    /// <summary>A character of a string.</summary>
    private const int BytesOfCharacter = 2;

    /// <summary>The values of a text and its strings.</summary>
    public static long OfTree(ReadOnlySpan<byte> json) => OfValues(json) + ((long)BytesOfCharacter * json.Length);

    /// <summary>The values of a text, without the text of its strings.</summary>
    public static long OfValues(ReadOnlySpan<byte> json) => BytesOfValue * MostValues(json);

    /// <summary>At least as many as the text can have.</summary>
    private static long MostValues(ReadOnlySpan<byte> json) =>
        1L + json.Count((byte)',') + json.Count((byte)':') + json.Count((byte)'[') + json.Count((byte)'{');
}

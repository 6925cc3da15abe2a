namespace Matrix.Host.Storage.Copying;

/// <summary>
/// A value of a row: a number, text or bytes in their stored form, or nothing. Words are text, with spaces between
/// them.
/// </summary>
/// <param name="Number">A number, if it is one.</param>
/// <param name="Value">A <see cref="string"/>, an array of bytes, or null.</param>
/// <param name="IsNull">Whether it is nothing.</param>
internal readonly record struct Cell(long Number, object? Value, bool IsNull)
{
    /// <summary>Nothing.</summary>
    public static Cell Null => new(0, null, IsNull: true);

    /// <summary>The text of a column that has text.</summary>
    public string Text => (string)Value!;

    /// <summary>The bytes of a column that has bytes.</summary>
    public byte[] Bytes => (byte[])Value!;

    /// <summary>About how many bytes it has.</summary>
    public int Length => Value switch
    {
        string text => text.Length,
        byte[] bytes => bytes.Length,
        _ => sizeof(long),
    };

    /// <summary>A number.</summary>
    public static Cell Of(long number) => new(number, null, IsNull: false);

    /// <summary>Text.</summary>
    public static Cell Of(string text) => new(0, text, IsNull: false);

    /// <summary>Bytes.</summary>
    public static Cell Of(byte[] bytes) => new(0, bytes, IsNull: false);
}

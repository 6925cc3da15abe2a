using System.Text.Json;

namespace Matrix.Import.People;

/// <summary>The key of the last row that was read, as the text with which a part goes on.</summary>
internal static class RowKey
{
    /// <summary>The text of a key of several columns.</summary>
    public static string Of(params string[] columns) => JsonSerializer.Serialize(columns);

    /// <summary>The columns of a key; empty texts at the beginning, which come before all others.</summary>
    public static string[] Columns(string? reached, int columns) => reached is null
        ? [.. Enumerable.Repeat("", columns)]
        : JsonSerializer.Deserialize<string[]>(reached) ?? [];
}

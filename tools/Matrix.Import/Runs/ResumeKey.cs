using System.Globalization;
using System.Text.Json;
using Matrix.Import.Sources;

namespace Matrix.Import.Runs;

/// <summary>The key of a row as the place where a part goes on: texts and numbers, stored as a JSON array.</summary>
internal static class ResumeKey
{
    /// <summary>The key in the first columns of a row, of the same kinds as another one.</summary>
    public static string Of(ISourceRow row, IReadOnlyList<object> like)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            for (var at = 0; at < like.Count; at++)
            {
                if (like[at] is string) json.WriteStringValue(row.Text(at));
                else json.WriteNumberValue(row.Int64(at));
            }

            json.WriteEndArray();
        }

        return System.Text.Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>A key of these values.</summary>
    public static string Of(params object[] values) => JsonSerializer.Serialize(values);

    /// <summary>The stored key, or the one before all rows if nothing is stored.</summary>
    public static object[] Read(string? stored, IReadOnlyList<object> begin)
    {
        if (stored is null) return [.. begin];
        using var json = JsonDocument.Parse(stored);
        return
        [
            .. json.RootElement.EnumerateArray().Select(static value => value.ValueKind == JsonValueKind.String
                ? (object)value.GetString()!
                : value.GetInt64()),
        ];
    }

    /// <summary>A key as a person reads it.</summary>
    public static string Text(ISourceRow row, IReadOnlyList<object> like) => string.Join(
        ' ',
        like.Select((kind, at) =>
            kind is string ? row.Text(at) : row.Int64(at).ToString(CultureInfo.InvariantCulture)));
}

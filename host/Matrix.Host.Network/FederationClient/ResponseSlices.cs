using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Matrix.Host.Network.FederationClient;

/// <summary>
/// A response's members as slices of its bytes. The state of a large room is cut into events without a tree of the
/// whole; each event is parsed where it is checked.
/// </summary>
internal sealed class ResponseSlices
{
    private const int MaxDepth = 1024;

    private readonly Dictionary<string, ReadOnlyMemory<byte>> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<ReadOnlyMemory<byte>>> _lists = new(StringComparer.Ordinal);

    private ResponseSlices()
    {
    }

    /// <summary>The items of a list; null if there is no such list.</summary>
    internal IReadOnlyList<ReadOnlyMemory<byte>>? List(string name) => _lists.GetValueOrDefault(name);

    /// <summary>The bytes of a member; null if it is missing.</summary>
    internal ReadOnlyMemory<byte>? Member(string name)
    {
        // In a conditional expression, null would become empty memory.
        if (_members.TryGetValue(name, out var bytes)) return bytes;
        return null;
    }

    /// <summary>Whether a member is `true`.</summary>
    internal bool IsTrue(string name) => Member(name) is { } bytes && bytes.Span.SequenceEqual("true"u8);

    /// <summary>
    /// Cuts an object, or the object in the second place of a list, which old servers return. A member given twice has
    /// its last value.
    /// </summary>
    /// <param name="maxItems">The most items of all lists together.</param>
    internal static bool TryRead(
        ReadOnlyMemory<byte> json, bool isInList, int maxItems, [NotNullWhen(true)] out ResponseSlices? slices)
    {
        slices = null;
        try
        {
            var reader = new Utf8JsonReader(json.Span, new JsonReaderOptions { MaxDepth = MaxDepth });
            reader.Read();
            if (isInList && !IntoSecondItem(ref reader)) return false;
            if (reader.TokenType != JsonTokenType.StartObject) return false;

            var read = new ResponseSlices();
            if (!read.Cut(ref reader, json, maxItems)) return false;
            // The rest must be JSON too.
            while (reader.Read())
            {
                if (reader.TokenType is not JsonTokenType.EndArray) reader.Skip();
            }

            slices = read;
            return true;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // A name with a lone surrogate is an invalid operation.
            return false;
        }
    }

    private static bool IntoSecondItem(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray) return false;
        reader.Read();
        if (reader.TokenType == JsonTokenType.EndArray) return false;
        reader.Skip();
        return reader.Read();
    }

    private bool Cut(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json, int maxItems)
    {
        var items = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            _lists.Remove(name);
            if (reader.TokenType == JsonTokenType.StartArray)
            {
                var list = new List<ReadOnlyMemory<byte>>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (++items > maxItems) return false;
                    list.Add(Value(ref reader, json));
                }

                _lists[name] = list;
            }
            else
            {
                reader.Skip();
            }

            _members[name] = json[start..(int)reader.BytesConsumed];
        }

        return true;
    }

    private static ReadOnlyMemory<byte> Value(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return json[start..(int)reader.BytesConsumed];
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Matrix.Host.Configuration;

/// <summary>
/// YAML mappings and lists as JSON, for settings whose names the operator chooses. Plain scalars that look like
/// numbers, booleans or null are such values; quoted ones are text.
/// </summary>
internal static class YamlAsJson
{
    private const int Deepest = 32;

    /// <summary>The JSON text of the mapping whose start was read; null if JSON cannot express it.</summary>
    internal static string? ReadMapping(Parser events)
    {
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        var isFine = Members(events, json, 1);
        if (!isFine) return null;
        json.Flush();
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>The JSON text of the list whose start was read; null if JSON cannot express it.</summary>
    internal static string? ReadSequence(Parser events)
    {
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer);
        var isFine = Items(events, json, 1);
        if (!isFine) return null;
        json.Flush();
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static bool Items(Parser events, Utf8JsonWriter json, int depth)
    {
        var isFine = true;
        json.WriteStartArray();
        while (!events.TryConsume<SequenceEnd>(out _)) isFine &= Value(events, json, depth);
        json.WriteEndArray();
        return isFine;
    }

    private static bool Members(Parser events, Utf8JsonWriter json, int depth)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var isFine = true;
        while (!events.TryConsume<MappingEnd>(out _))
        {
            if (events.TryConsume<Scalar>(out var name) && names.Add(name.Value))
            {
                json.WritePropertyName(name.Value);
                isFine &= Value(events, json, depth);
                continue;
            }

            // Goes on to the end of the mapping, so that the rest of the file is checked.
            isFine = false;
            json.WritePropertyName($"{names.Count}");
            json.WriteNullValue();
            if (name is null) events.SkipThisAndNestedEvents();
            events.SkipThisAndNestedEvents();
        }

        json.WriteEndObject();
        return isFine;
    }

    private static bool Value(Parser events, Utf8JsonWriter json, int depth)
    {
        if (depth <= Deepest && events.TryConsume<MappingStart>(out _))
        {
            json.WriteStartObject();
            return Members(events, json, depth + 1);
        }

        if (depth <= Deepest && events.TryConsume<SequenceStart>(out _))
        {
            return Items(events, json, depth + 1);
        }

        if (events.TryConsume<Scalar>(out var scalar))
        {
            Write(json, scalar);
            return true;
        }

        // An alias of another part of the file, or too deep.
        json.WriteNullValue();
        events.SkipThisAndNestedEvents();
        return false;
    }

    private static void Write(Utf8JsonWriter json, Scalar scalar)
    {
        var text = scalar.Value;
        if (scalar.Style != ScalarStyle.Plain) json.WriteStringValue(text);
        else if (text is "" or "~" or "null") json.WriteNullValue();
        else if (text is "true" or "false") json.WriteBooleanValue(text == "true");
        else if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
        {
            json.WriteNumberValue(whole);
        }
        else if (IsNumber(text, out var number)) json.WriteNumberValue(number);
        else json.WriteStringValue(text);
    }

    private static bool IsNumber(string text, out double number) =>
        double.TryParse(
            text, NumberStyles.Float & ~NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out number)
        && double.IsFinite(number)
        && text[^1] is >= '0' and <= '9'
        && text[0] is '-' or (>= '0' and <= '9');
}

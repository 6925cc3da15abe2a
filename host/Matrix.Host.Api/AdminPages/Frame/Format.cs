using System.Globalization;
using System.Text.Json;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>Values as administrators read them. Times are in UTC.</summary>
internal static class Format
{
    private static readonly string[] _units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>A time in milliseconds since the epoch; `never` for null and 0.</summary>
    internal static Html Time(long? milliseconds)
    {
        if (milliseconds is not ({ } time and > 0)) return Html.Of($"""<span class="soft">never</span>""");
        if (time > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()) return Html.Of($"{time}");
        var at = DateTimeOffset.FromUnixTimeMilliseconds(time);
        return Html.Of($"""
            <time datetime="{AsText(at, "yyyy-MM-dd'T'HH:mm:ss'Z'")}"
            title="{AsText(at, "yyyy-MM-dd HH:mm:ss 'UTC'")}">{AsText(at, "yyyy-MM-dd HH:mm")}</time>
            """);
    }

    /// <summary>A number of bytes, in the largest unit that it fills.</summary>
    internal static string Bytes(long bytes)
    {
        var (value, unit) = ((double)bytes, 0);
        for (; value >= 1024 && unit < _units.Length - 1; unit++) value /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {_units[unit]}");
    }

    /// <summary>A number, in groups of three digits.</summary>
    internal static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A duration, in its two largest units.</summary>
    internal static string Duration(TimeSpan time) => time switch
    {
        { TotalDays: >= 1 } => $"{time.Days} d {time.Hours} h",
        { TotalHours: >= 1 } => $"{time.Hours} h {time.Minutes} min",
        { TotalMinutes: >= 1 } => $"{time.Minutes} min {time.Seconds} s",
        _ => $"{Math.Max(0, time.Seconds)} s",
    };

    /// <summary>A mark; the kind is `good`, `bad`, `warn`, `info` or empty.</summary>
    internal static Html Badge(string kind, string text) =>
        Html.Of($"""<span class="badge {kind}">{text}</span>""");

    /// <summary>A mark, if something is so.</summary>
    internal static Html BadgeIf(bool isSo, string kind, string text) => isSo ? Badge(kind, text) : Html.Empty;

    /// <summary>Text, or a dash for none.</summary>
    internal static Html TextOr(string? text, string none = "–") => string.IsNullOrEmpty(text)
        ? Html.Of($"""<span class="soft">{none}</span>""")
        : Html.Of($"{text}");

    /// <summary>A field of a list of fields.</summary>
    internal static Html Field(string name, Html value) => Html.Of($"<div><dt>{name}</dt><dd>{value}</dd></div>");

    /// <summary>A field that is text.</summary>
    internal static Html Field(string name, string? value) => Field(name, TextOr(value));

    /// <summary>A list of fields.</summary>
    internal static Html Fields(params ReadOnlySpan<Html> fields) =>
        Html.Of($"""<dl class="panel fields">{Html.Join(fields.ToArray())}</dl>""");

    /// <summary>The text of a JSON string; null if it is none.</summary>
    internal static string? JsonText(ReadOnlyMemory<byte>? json)
    {
        if (json is not { Length: > 0 } value) return null;
        using var document = JsonDocument.Parse(value);
        return document.RootElement.ValueKind == JsonValueKind.String ? document.RootElement.GetString() : null;
    }

    /// <summary>JSON, with a member a line.</summary>
    internal static string Json(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonSerializer.Serialize(document.RootElement, _readable);
    }

    private static readonly JsonSerializerOptions _readable = new()
    {
        WriteIndented = true,
        // It is escaped as HTML afterwards.
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static string AsText(DateTimeOffset at, string format) => at.ToString(format, CultureInfo.InvariantCulture);
}

using System.Globalization;
using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin;

/// <summary>Parts of requests to the administration API, and of its responses.</summary>
internal static class AdminCalls
{
    /// <summary>The administrator who makes a request.</summary>
    internal static AdminActor Actor(this Call call) => call.Caller.UserId == AdminActor.Operator.Who
        ? AdminActor.Operator
        : new AdminActor(call.Caller.UserId, call.Address);

    /// <summary>The page that a query asks for.</summary>
    internal static AdminPage ReadPage(QueryReader query, AdminOptions options)
    {
        const int UsualLimit = 100;
        var limit = query.Number("limit") ?? Math.Min(UsualLimit, options.LongestPage);
        return new AdminPage(query.Number("from") ?? 0, (int)Math.Min(limit, options.LongestPage));
    }

    /// <summary>The direction of a list: whether it is reversed.</summary>
    internal static bool ReadDirection(QueryReader query, string usual = "f") =>
        (query.OneOf("dir", "f", "b") ?? usual) == "b";

    /// <summary>`true` or `false`; null if it is absent.</summary>
    internal static bool? ReadFlag(QueryReader query, string name) =>
        query.Text(name) is null ? null : query.Flag(name);

    /// <summary>A JSON value that is stored as bytes, or null.</summary>
    internal static void WriteStored(Utf8JsonWriter json, string name, ReadOnlyMemory<byte>? value)
    {
        json.WritePropertyName(name);
        if (value is { } stored) json.WriteRawValue(stored.Span, skipInputValidation: true);
        else json.WriteNullValue();
    }

    /// <summary>A number, or null.</summary>
    internal static void WriteNumberOrNull(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }
}

/// <summary>A page of a list: how many items are skipped, and the most that are returned.</summary>
internal readonly record struct AdminPage(long From, int Limit)
{
    /// <summary>The start of the next page; null if there is none.</summary>
    internal long? Next(int returned, long total) =>
        returned > 0 && From + returned < total ? From + returned : null;

    /// <summary>Writes `next_token` as a string, if there is a next page.</summary>
    internal void WriteNextText(Utf8JsonWriter json, int returned, long total)
    {
        if (Next(returned, total) is { } next)
        {
            json.WriteString("next_token", next.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Writes `next_token` as a number, if there is a next page.</summary>
    internal void WriteNextNumber(Utf8JsonWriter json, int returned, long total)
    {
        if (Next(returned, total) is { } next) json.WriteNumber("next_token", next);
    }
}

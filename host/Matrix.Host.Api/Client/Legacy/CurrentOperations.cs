using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// The operations of today's Client-Server API, to which those of 2014 are translated: who may call one, its rate and
/// its bounds are the same under the old name.
/// </summary>
internal sealed class CurrentOperations(IEnumerable<Route> routes)
{
    private const string Prefix = "/_matrix/client/v3/";

    private readonly Dictionary<(string Method, string Template), Route> _routes = routes
        .ToDictionary(static route => (route.Method, route.Template));

    /// <summary>An operation by its path below `/_matrix/client/v3/`.</summary>
    /// <exception cref="InvalidOperationException">It is not mapped, or only after this.</exception>
    internal CurrentOperation Of(string method, string path) =>
        _routes.TryGetValue((method, Prefix + path), out var route)
            ? new CurrentOperation(route)
            : throw new InvalidOperationException($"{method} {path} is not mapped yet.");
}

/// <summary>One operation of today's API.</summary>
internal sealed class CurrentOperation(Route route)
{
    private readonly string[] _names =
    [
        .. route.Template.Split('/').Where(static part => part.StartsWith('{'))
            .Select(static part => part.Trim('{', '}', '?')),
    ];

    /// <summary>Who may call it, its rate and its bounds.</summary>
    internal RouteOptions Options => route.Options;

    /// <summary>Calls it for a request to its old name.</summary>
    /// <param name="body">The body in today's shape; null for none.</param>
    /// <param name="query">Query parameters that the request may lack; empty for none.</param>
    /// <param name="parameters">Path parameters that the request lacks or has in another shape.</param>
    internal ValueTask<Answer> CallAsync(
        Call call,
        JsonObject? body,
        CancellationToken stop,
        string query = "",
        params ReadOnlySpan<(string Name, string Value)> parameters)
    {
        var values = new string[_names.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = call[_names[i]];
            foreach (var (name, value) in parameters)
            {
                if (name == _names[i]) values[i] = value;
            }
        }

        return route.Handle(call.To(route, _names, values, query), body, stop);
    }
}

/// <summary>Responses of today's operations as JSON.</summary>
internal static class CurrentAnswers
{
    /// <summary>The bytes of a response that is translated: it is in memory as a whole.</summary>
    private const int MostBytes = 8 << 20;

    /// <summary>A response that is in memory with its object changed; errors stay.</summary>
    internal static Answer Change(this Answer answer, Func<JsonObject, JsonObject> change) =>
        answer.Status == 200 && Parse(answer) is { } json ? LegacyJson.AnswerOf(change(json)) : answer;

    /// <summary>The object of a success; or the error.</summary>
    internal static async ValueTask<(JsonObject? Json, Answer? Error)> ObjectAsync(
        this Answer answer, CancellationToken stop)
    {
        var (body, error) = await answer.ReadAsync(MostBytes, stop);
        if (body is null) return (null, error);
        return JsonText.TryParseStored(body, out var json) ? (json, null) : (null, answer);
    }

    /// <summary>The object of any response that is in memory, which is then released.</summary>
    internal static JsonObject? Parse(Answer answer)
    {
        var bytes = answer.ToArray();
        answer.Release();
        return JsonText.TryParseStored(bytes, out var json) ? json : null;
    }

    /// <summary>The array of a success; or the error.</summary>
    internal static async ValueTask<(Json[]? Items, Answer? Error)> ItemsAsync(
        this Answer answer, CancellationToken stop)
    {
        var (body, error) = await answer.ReadAsync(MostBytes, stop);
        if (body is null) return (null, error);
        return JsonText.TryParseArray(body, out var json) ? (json, null) : (null, answer);
    }
}

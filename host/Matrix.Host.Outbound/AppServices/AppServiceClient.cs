using System.Collections.Concurrent;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>A path of the Application Service API, with the one that older services know instead.</summary>
/// <param name="Legacy">The older path; null if there is none.</param>
internal readonly record struct ServicePath(string Path, string? Legacy)
{
    private const string Prefix = "/_matrix/app/v1/";

    /// <summary>A path whose older form has no prefix.</summary>
    internal static ServicePath Of(string kind, string name) =>
        new($"{Prefix}{kind}/{Uri.EscapeDataString(name)}", $"/{kind}/{Uri.EscapeDataString(name)}");

    /// <summary>A path of third-party networks.</summary>
    internal static ServicePath ThirdParty(string rest) =>
        new($"{Prefix}thirdparty/{rest}", $"/_matrix/app/unstable/thirdparty/{rest}");

    /// <summary>The ping.</summary>
    // v1.19 application-service-api#post_matrixappv1ping
    internal static ServicePath Ping { get; } = new(Prefix + "ping", null);
}

/// <summary>
/// Sends requests to application services. v1.19 application-service-api#authorisation,
/// v1.19 application-service-api#legacy-routes: a service that does not know a path is asked by the older one, and for
/// a while by that one first. Decision 67.
/// </summary>
internal sealed class AppServiceClient(OperatorUrlClient http, AppServiceOptions options, TimeProvider time)
{
    /// <summary>Services that know older paths only, and until when they are not asked by the newer ones.</summary>
    private readonly ConcurrentDictionary<string, DateTimeOffset> _legacy = new(StringComparer.Ordinal);

    /// <summary>Sends a request to a service, which has a URL.</summary>
    internal async ValueTask<HttpOutcome> SendAsync(
        AppService service,
        string method,
        ServicePath path,
        IReadOnlyList<(string Name, string Value)> query,
        ReadOnlyMemory<byte>? body,
        TimeSpan limit,
        CancellationToken stop)
    {
        if (path.Legacy is { } known && IsLegacy(service))
        {
            var older = await SendOneAsync(service, method, known, query, body, limit, stop);
            if (!IsUnknownPath(older)) return older;
            _legacy.TryRemove(service.Id, out _);
        }

        var newer = await SendOneAsync(service, method, path.Path, query, body, limit, stop);
        if (path.Legacy is not { } legacy || !IsUnknownPath(newer)) return newer;
        var again = await SendOneAsync(service, method, legacy, query, body, limit, stop);
        if (again.Reply is not { Status: >= 200 and < 300 }) return newer;
        _legacy[service.Id] = time.GetUtcNow() + options.LegacyTime;
        return again;
    }

    private bool IsLegacy(AppService service) =>
        _legacy.TryGetValue(service.Id, out var until) && until > time.GetUtcNow();

    private async ValueTask<HttpOutcome> SendOneAsync(
        AppService service,
        string method,
        string path,
        IReadOnlyList<(string Name, string Value)> query,
        ReadOnlyMemory<byte>? body,
        TimeSpan limit,
        CancellationToken stop)
    {
        IEnumerable<(string Name, string Value)> all = options.TokenInQuery
            ? query.Append(("access_token", service.HomeserverToken))
            : query;
        var text = string.Join(
            '&', all.Select(pair => $"{Uri.EscapeDataString(pair.Name)}={Uri.EscapeDataString(pair.Value)}"));
        var request = new OperatorRequest(service.Url!, method, text.Length == 0 ? path : $"{path}?{text}")
        {
            Authorization = "Bearer " + service.HomeserverToken,
            Body = body,
            MaxBytes = options.MaxResponseBytes,
            Time = limit,
        };
        return await http.SendAsync(request, stop);
    }

    /// <summary>
    /// Whether a service does not know the path. A 404 with another error code says that it does not know the user, the
    /// alias, or the like. v1.19 application-service-api#unknown-routes
    /// </summary>
    private static bool IsUnknownPath(HttpOutcome outcome) => outcome.Reply switch
    {
        { Status: 405 or 501 } => true,
        { Status: 404 } reply => ErrorCode(reply.Body) is null or "M_UNRECOGNIZED",
        _ => false,
    };

    private static string? ErrorCode(byte[] body) =>
        JsonText.TryParseObject(body, Reading.Lenient, JsonText.ClientBodyLimits, out var json, out _)
        && json.Text("errcode") is { } code
            ? code
            : null;
}

using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.TestWorld;

/// <summary>
/// The requests that docs/conformance.md is made of. Each is a line in a file of this process, in the folder that
/// `CONFORMANCE_FACTS` names. Without that variable nothing is written.
/// </summary>
public static class SeenRequests
{
    /// <summary>Paths of the Server-Server API, of application services and of push gateways.</summary>
    private static readonly string[] _prefixes =
    [
        "/_matrix/federation/", "/_matrix/key/", "/_matrix/policy/", "/.well-known/matrix/server", "/_matrix/app/",
        "/_matrix/push/",
    ];

    private static readonly ConcurrentDictionary<string, bool> _lines = new();
    private static readonly TextWriter? _file = Create(Environment.GetEnvironmentVariable("CONFORMANCE_FACTS"));

    /// <summary>A test sent this request to the server under test.</summary>
    public static void Received(string method, string target, int status) => Add("received", method, target, status);

    /// <summary>The server under test sent this request. A part of a test answered it.</summary>
    public static void Sent(string method, string target, int status) => Add("sent", method, target, status);

    /// <summary>The same answers, whose requests are recorded as sent by the server under test.</summary>
    public static RequestDelegate Recording(RequestDelegate answer) => _file is null ? answer : async http =>
    {
        await answer(http);
        // Nobody sees the response to a request that was given up.
        if (http.RequestAborted.IsCancellationRequested) return;
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        Sent(http.Request.Method, target, http.Response.StatusCode);
    };

    private static void Add(string side, string method, string target, int status)
    {
        if (_file is null || !_prefixes.Any(prefix => target.StartsWith(prefix, StringComparison.Ordinal))) return;
        var path = target.Split('?')[0];
        var line = string.Create(CultureInfo.InvariantCulture, $"{side} {method} {path} {status}");
        if (_lines.TryAdd(line, true)) _file.WriteLine(line);
    }

    private static TextWriter? Create(string? folder)
    {
        if (string.IsNullOrEmpty(folder)) return null;
        var file = Path.Combine(folder, $"dotnet-{Environment.ProcessId}");
        return TextWriter.Synchronized(new StreamWriter(file) { AutoFlush = true });
    }
}

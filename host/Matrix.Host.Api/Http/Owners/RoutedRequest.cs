using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Http.Owners;

/// <summary>What is known of a request once it is admitted, before its body is read.</summary>
/// <param name="Names">The names of the path's parameters.</param>
/// <param name="Values">Their values, which are valid, and perhaps more elements.</param>
/// <param name="Target">The request target as sent, with the query.</param>
internal readonly record struct RoutedRequest(string[] Names, string[] Values, string Target)
{
    /// <summary>The name of this server.</summary>
    internal required string ServerName { get; init; }

    /// <summary>The user who calls; null for none.</summary>
    internal Caller? Caller { get; init; }

    /// <summary>The application service that calls; null for none.</summary>
    internal AppService? Service { get; init; }

    /// <summary>The server that signed the request; null for none.</summary>
    internal Peer? Peer { get; init; }

    /// <summary>A parameter of the path; empty if it is absent.</summary>
    internal string this[string name]
    {
        get
        {
            var at = Array.IndexOf(Names, name);
            return at < 0 ? "" : Values[at];
        }
    }

    /// <summary>The first value of a parameter of the query; empty if it is absent, or not percent-encoded.</summary>
    internal string InQuery(string name)
    {
        var query = RequestPath.QueryOf(Target);
        foreach (var range in query.Split('&'))
        {
            var pair = query[range];
            var equals = pair.IndexOf('=');
            if (equals < 0 || !IsName(pair[..equals], name)) continue;
            return RequestPath.TryDecode(pair[(equals + 1)..], plusIsSpace: true, out var value) ? value : "";
        }

        return "";
    }

    // Names are seldom escaped: they are compared as sent first.
    private static bool IsName(ReadOnlySpan<char> sent, string name) =>
        sent.SequenceEqual(name)
        || (sent.ContainsAny('%', '+')
            && RequestPath.TryDecode(sent, plusIsSpace: true, out var decoded)
            && decoded == name);

    /// <summary>The names only: ids in paths and queries may be secret.</summary>
    public override string ToString() => string.Join(' ', Names);
}

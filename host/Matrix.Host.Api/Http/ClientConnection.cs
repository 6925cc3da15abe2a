using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>What is found once for the requests of a connection.</summary>
internal sealed class ClientConnection
{
    private const string Scheme = "Bearer ";
    private static readonly object _item = new();

    private Header? _last;

    private ClientConnection(string address) => Address = address;

    /// <summary>The address of the connection's peer.</summary>
    internal string Address { get; }

    /// <summary>The connection of a request.</summary>
    internal static ClientConnection Of(HttpContext http)
    {
        var items = http.Features.Get<IConnectionItemsFeature>()?.Items;
        if (items is not null && items.TryGetValue(_item, out var known)) return (ClientConnection)known!;
        var found = new ClientConnection(http.Connection.RemoteIpAddress?.ToString() ?? "unknown");
        if (items is not null) items[_item] = found;
        return found;
    }

    /// <summary>Whether an `Authorization` header is one of access tokens. If so, its token; null for none.</summary>
    internal bool TryToken(string authorization, out BearerToken? token)
    {
        // The web server passes on the same string while a connection's requests repeat the header.
        var last = _last;
        if (last is null || !ReferenceEquals(last.Text, authorization))
        {
            if (!authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            {
                token = null;
                return false;
            }

            var shown = authorization.AsSpan(Scheme.Length).Trim(' ');
            last = new Header(authorization, shown.IsEmpty ? null : new BearerToken(shown.ToString()));
            _last = last;
        }

        token = last.Token;
        return true;
    }

    private sealed record Header(string Text, BearerToken? Token);
}

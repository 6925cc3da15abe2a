using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;

namespace Matrix.Host.Network.IdentityServers;

/// <summary>An identity server that a client names, with the user's token there.</summary>
/// <param name="Name">Its name, with a port if it needs one.</param>
/// <param name="AccessToken">The token.</param>
public sealed record NamedIdentityServer(string Name, string AccessToken)
{
    /// <summary>Leaves out the token.</summary>
    public override string ToString() => Name;
}

/// <summary>Operations of the Identity Service API.</summary>
public sealed class IdentityApi(IdentityRequests requests)
{
    private const string Sha256 = "sha256";

    /// <summary>Whether users may name an identity server.</summary>
    public bool Trusts(string server) => requests.Trusts(server);

    /// <summary>The user to whom an address is bound; null for none. "Looking up users".</summary>
    public async ValueTask<IdentityResult<string?>> LookUpAsync(
        NamedIdentityServer server, string medium, string address, CancellationToken stop)
    {
        var details = await SendAsync(server, "/hash_details", null, stop);
        if (!details.IsOk) return details.Failure;
        if (details.Value!.Text("lookup_pepper") is not { } pepper
            || !JsonText.TryGet(details.Value, "algorithms", out var algorithms)
            || algorithms is not Json.Array { Item: var names }
            || !names.Any(static name => name is Json.String { Item: Sha256 }))
        {
            return Unusable;
        }

        var hash = Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($"{address} {medium} {pepper}")));
        var found = await SendAsync(
            server,
            "/lookup",
            JsonObject.OfSeq(
            [
                ("addresses", Json.Of([Json.Of(hash)])),
                ("algorithm", Json.Of(Sha256)),
                ("pepper", Json.Of(pepper)),
            ]),
            stop);
        if (!found.IsOk) return found.Failure;
        if (!JsonText.TryGet(found.Value!, "mappings", out var mappings)
            || mappings is not Json.Object { Item: var byHash })
        {
            return Unusable;
        }

        if (byHash.Text(hash) is not { } userId) return (string?)null;
        return UserId.IsValid(userId) ? userId : Unusable;
    }

    /// <summary>Stores an invite until the address is bound. "Invitation storage".</summary>
    /// <param name="invite">The members of the request's body.</param>
    public async ValueTask<IdentityResult<StoredInvite>> StoreInviteAsync(
        NamedIdentityServer server, JsonObject invite, CancellationToken stop)
    {
        var stored = await SendAsync(server, "/store-invite", invite, stop);
        if (!stored.IsOk) return stored.Failure;
        return StoredInvite.Read(stored.Value!) is { } read ? read : Unusable;
    }

    /// <summary>Binds the address of a validated session to a user. "Establishing associations".</summary>
    /// <returns>The medium and the address.</returns>
    public async ValueTask<IdentityResult<(string Medium, string Address)>> BindAsync(
        NamedIdentityServer server, string sessionId, string clientSecret, string userId, CancellationToken stop)
    {
        var bound = await SendAsync(
            server,
            "/3pid/bind",
            JsonObject.OfSeq(
            [
                ("client_secret", Json.Of(clientSecret)),
                ("mxid", Json.Of(userId)),
                ("sid", Json.Of(sessionId)),
            ]),
            stop);
        if (!bound.IsOk) return bound.Failure;
        return bound.Value!.Text("medium") is { } medium && bound.Value!.Text("address") is { } address
            ? (medium, address)
            : Unusable;
    }

    /// <summary>Ends the binding of an address to a user of this server, whose signature the request has.</summary>
    public async ValueTask<IdentityFailure?> UnbindAsync(
        string server, string medium, string address, string userId, CancellationToken stop)
    {
        var unbound = await requests.SendAsync(
            server,
            "/3pid/unbind",
            JsonObject.OfSeq(
            [
                ("mxid", Json.Of(userId)),
                ("threepid", Json.Of(JsonObject.OfSeq(
                    [("address", Json.Of(address)), ("medium", Json.Of(medium))]))),
            ]),
            accessToken: null,
            stop);
        return unbound.Failure;
    }

    private static IdentityFailure Unusable { get; } = new(0, null, "The identity server's response is not valid.");

    private ValueTask<IdentityResult<JsonObject>> SendAsync(
        NamedIdentityServer server, string path, JsonObject? body, CancellationToken stop) =>
        requests.SendAsync(server.Name, path, body, server.AccessToken, stop);
}

/// <summary>An invite that an identity server has stored.</summary>
/// <param name="Token">The token, which is the state key of the `m.room.third_party_invite`.</param>
/// <param name="Content">The content of that event.</param>
public sealed record StoredInvite(string Token, JsonObject Content)
{
    private const int LongestToken = 255;
    private const int MostKeys = 10;

    /// <summary>Reads a response; null if it is not valid.</summary>
    internal static StoredInvite? Read(JsonObject json)
    {
        if (json.Text("token") is not { Length: > 0 and <= LongestToken } token
            || !token.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '=' or '_' or '-')
            || json.Text("display_name") is not { } shown
            || !JsonText.TryGet(json, "public_keys", out var listed)
            || listed is not Json.Array { Item: { Length: > 0 and <= MostKeys } items })
        {
            return null;
        }

        var keys = new List<JsonObject>(items.Length);
        foreach (var item in items)
        {
            if (item is not Json.Object { Item: var key }
                || key.Text("public_key") is not { } text
                || key.Text("key_validity_url") is not { } url)
            {
                return null;
            }

            keys.Add(JsonObject.OfSeq(
                [("key_validity_url", Json.Of(url)), ("public_key", Json.Of(text))]));
        }

        return new StoredInvite(token, JsonObject.OfSeq(
            [
                ("display_name", Json.Of(shown)),
                ("key_validity_url", Json.Of(keys[0].Text("key_validity_url")!)),
                ("public_key", Json.Of(keys[0].Text("public_key")!)),
                ("public_keys", Json.Of([.. keys.Select(Json.Of)])),
            ]));
    }
}

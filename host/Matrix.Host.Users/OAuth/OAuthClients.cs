using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.OAuth;

namespace Matrix.Host.Users.OAuth;

/// <summary>A registered client.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Metadata">What it says about itself. None of it is verified.</param>
public sealed record OAuthClient(string Id, ClientMetadata Metadata)
{
    /// <summary>The name for people: its own, or the host of its page.</summary>
    public string ShownName => Metadata.Name ?? Metadata.ClientHost;
}

/// <summary>Registers and finds clients. v1.19 client-server-api#client-registration; RFC 7591.</summary>
public sealed class OAuthClients(OAuthTable oAuthTable, IStorageWriter writer, OAuthOptions options)
{
    private const int LongestId = 64;

    /// <summary>Registers a client. The same metadata gives the same client again.</summary>
    public async ValueTask<OAuthResult<OAuthClient>> RegisterAsync(JsonObject body, CancellationToken stop)
    {
        var read = ClientMetadata.Read(body);
        if (read.Value is not { } metadata) return read.Error!;
        var stored = CanonicalJson.Bytes(Json.Of(metadata.ToJson()));
        if (stored.Length > options.ClientBytes)
        {
            return new OAuthError(
                OAuthError.InvalidClientMetadata, $"The metadata must have at most {options.ClientBytes} bytes.");
        }

        var client = new OAuthClient(ClientMetadata.IdOf(stored), metadata);
        var change = new OAuthClientRegistered(client.Id, stored, options.Clients);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        return change.Applied
            ? client
            : new OAuthError(OAuthError.TemporarilyUnavailable, "Too many clients are registered.");
    }

    /// <summary>The client with this id; null if it is unknown.</summary>
    public async ValueTask<OAuthClient?> FindAsync(string? clientId, CancellationToken stop)
    {
        if (clientId is null or { Length: 0 or > LongestId }) return null;
        return await oAuthTable.FindClientAsync(clientId, stop) is { } stored
            && JsonText.TryParseStored(stored.Span, out var json)
            && ClientMetadata.Read(json) is { Value: { } metadata }
            ? new OAuthClient(clientId, metadata)
            : null;
    }
}

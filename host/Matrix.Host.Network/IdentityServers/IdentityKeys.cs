using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.Discovery.WellKnown;

namespace Matrix.Host.Network.IdentityServers;

/// <summary>
/// Whether keys of identity servers are valid, as those servers say. v1.19 client-server-api#third-party-invites
/// </summary>
public sealed class IdentityKeys(IWellKnownFetcher fetcher, NetworkOptions options)
{
    /// <summary>Fetches a key's `key_validity_url`. A server that does not answer has no valid keys.</summary>
    public async ValueTask<bool> IsValidAsync(string keyValidityUrl, string publicKey, CancellationToken stop)
    {
        if (!Uri.TryCreate(keyValidityUrl, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps)
        {
            return false;
        }

        var query = $"public_key={Uri.EscapeDataString(publicKey)}";
        var address = new UriBuilder(url)
        {
            Query = url.Query.Length > 1 ? $"{url.Query[1..]}&{query}" : query,
            Fragment = "",
        }.Uri;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(options.KeyFetchTime);
        try
        {
            var page = await fetcher.GetAsync(address, options.MaxKeyResponseBytes, limit.Token);
            return page is { Failure: null, Status: 200, IsTooLarge: false }
                && JsonText.TryParseObject(
                    page.Body, Reading.Lenient, JsonText.FederationBodyLimits, out var json, out _)
                && JsonText.TryGet(json, "valid", out var valid)
                && valid is Json.Bool { Item: true };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return false;
        }
    }
}

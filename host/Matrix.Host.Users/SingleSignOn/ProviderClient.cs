using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.Core.Json;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>
/// This server as a client of identity providers: the authorization code flow of OpenID Connect with PKCE. OpenID
/// Connect Core 1.0; RFC 7636; RFC 9207.
/// </summary>
public sealed class ProviderClient(
    ProviderHttp http, ProviderDocuments documents, ProviderTokens tokens, SsoOptions options)
{
    /// <summary>The URL at which a person signs in.</summary>
    /// <param name="attempt">The sign-in.</param>
    /// <param name="state">What the provider gives back.</param>
    /// <param name="redirectUri">Where the browser comes back.</param>
    /// <param name="stop">Cancels reading the provider's metadata.</param>
    /// <exception cref="ProviderException">The provider does not say where.</exception>
    public async ValueTask<string> AuthorizationUrlAsync(
        SsoAttempt attempt, string state, string redirectUri, CancellationToken stop)
    {
        var provider = attempt.Provider;
        var metadata = await documents.MetadataAsync(provider, stop);
        var parameters = new List<KeyValuePair<string, string>>
        {
            new("response_type", "code"),
            new("client_id", provider.ClientId),
            new("redirect_uri", redirectUri),
            new("scope", string.Join(' ', provider.Scopes)),
            new("state", state),
            new("nonce", attempt.Nonce),
            new("code_challenge", ChallengeOf(attempt.Verifier)),
            new("code_challenge_method", "S256"),
        };
        if (attempt.Purpose is SsoPurpose.Confirm)
        {
            parameters.Add(new("prompt", "login"));
            parameters.Add(new("max_age", "0"));
        }

        var url = metadata.Authorization.AbsoluteUri;
        return $"{url}{(url.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{ProviderHttp.FormOf(parameters)}";
    }

    /// <summary>The person who signed in.</summary>
    /// <param name="attempt">The sign-in.</param>
    /// <param name="code">The code that the browser brought.</param>
    /// <param name="issuer">The issuer that the browser brought; null for none.</param>
    /// <param name="redirectUri">Where the browser came back.</param>
    /// <exception cref="ProviderException">The provider's responses prove nobody.</exception>
    public async ValueTask<ProviderIdentity> IdentifyAsync(
        SsoAttempt attempt, string code, string? issuer, string redirectUri, CancellationToken stop)
    {
        var provider = attempt.Provider;
        var metadata = await documents.MetadataAsync(provider, stop);
        if (issuer is null ? metadata.NamesIssuer : issuer != provider.Issuer)
        {
            throw new ProviderException($"the response of {provider.Issuer} names another issuer");
        }

        var given = await ExchangeAsync(provider, metadata, attempt, code, redirectUri, stop);
        if (given.Text("id_token") is not { } token)
        {
            throw new ProviderException($"{metadata.Token}: no id_token");
        }

        var identity = await tokens.ReadIdTokenAsync(provider, token, attempt.Nonce, stop);

        // OpenID Connect Core 1.0, "Authentication Request": with `max_age`, the token must have an `auth_time`.
        if (attempt.Purpose is SsoPurpose.Confirm
            && (identity.AuthenticatedAt is not { } at || at < attempt.StartedAt - options.AuthTimeTolerance))
        {
            throw new ProviderException(
                $"{provider.Issuer} does not say that the person signed in again: no `auth_time`, or an old one");
        }

        return await CompleteAsync(identity, metadata, given.Text("access_token"), stop);
    }

    private async ValueTask<JsonObject> ExchangeAsync(
        SsoProvider provider,
        ProviderMetadata metadata,
        SsoAttempt attempt,
        string code,
        string redirectUri,
        CancellationToken stop)
    {
        var fields = new List<KeyValuePair<string, string>>
        {
            new("grant_type", "authorization_code"),
            new("code", code),
            new("redirect_uri", redirectUri),
            new("code_verifier", attempt.Verifier),
        };
        var isPublic = provider.ClientSecret.Length == 0;
        if (isPublic || metadata.SecretInBody) fields.Add(new("client_id", provider.ClientId));
        if (!isPublic && metadata.SecretInBody) fields.Add(new("client_secret", provider.ClientSecret));

        // RFC 6749, "Client Password": both are form-encoded first.
        var credentials = $"{Uri.EscapeDataString(provider.ClientId)}:{Uri.EscapeDataString(provider.ClientSecret)}";
        var header = isPublic || metadata.SecretInBody
            ? null
            : "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials));
        return await http.PostFormAsync(metadata.Token, fields, header, stop);
    }

    /// <summary>
    /// Adds what the provider says at its UserInfo endpoint, if the ID token lacks a claim that the names of a new user
    /// need.
    /// </summary>
    private async ValueTask<ProviderIdentity> CompleteAsync(
        ProviderIdentity identity, ProviderMetadata metadata, string? accessToken, CancellationToken stop)
    {
        var needed = identity.Provider.Localpart.Claims.Concat(identity.Provider.DisplayName.Claims);
        if (metadata.UserInfo is not { } url
            || accessToken is null
            || accessToken.AsSpan().ContainsAnyExceptInRange('!', '~')
            || needed.All(identity.Claims.ContainsKey))
        {
            return identity;
        }

        var (info, _) = await http.GetAsync(url, "Bearer " + accessToken, stop);

        // OpenID Connect Core 1.0, "Successful UserInfo Response": otherwise tokens could be swapped.
        if (info.Text("sub") != identity.Subject)
        {
            throw new ProviderException($"{url} speaks of another person than the ID token");
        }

        var claims = new Dictionary<string, string>(identity.Claims, StringComparer.Ordinal);
        foreach (var (name, value) in info.Members)
        {
            if (value is Json.String { Item: var text }) claims.TryAdd(name, text);
        }

        return identity with { Claims = claims };
    }

    private static string ChallengeOf(string verifier) =>
        Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
}

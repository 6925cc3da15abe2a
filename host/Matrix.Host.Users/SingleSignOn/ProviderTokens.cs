using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Users.Sessions;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>A person, as a provider's token says.</summary>
/// <param name="Provider">The provider.</param>
/// <param name="Subject">The person's id at the provider.</param>
/// <param name="Session">The provider's id of its session; empty if it has none.</param>
/// <param name="Claims">What the provider says about the person: claims that are texts.</param>
/// <param name="AuthenticatedAt">When the person authenticated; null if the provider does not say.</param>
public sealed record ProviderIdentity(
    SsoProvider Provider,
    string Subject,
    string Session,
    IReadOnlyDictionary<string, string> Claims,
    DateTimeOffset? AuthenticatedAt)
{
    /// <summary>Where a sign-in of the person comes from.</summary>
    public SsoOrigin Origin => new(Provider.Issuer, Session);

    /// <summary>The provider and the person's id.</summary>
    public override string ToString() => $"{Provider} {Subject}";
}

/// <summary>A person or session that a provider logged out.</summary>
/// <param name="Subject">The person; null if the provider names a session only.</param>
/// <param name="Session">The session; null if the provider means all of the person.</param>
/// <param name="TokenId">The id of the token, which must not be used twice.</param>
public sealed record ProviderLogout(string? Subject, string? Session, string TokenId);

/// <summary>
/// Validates the tokens of providers. OpenID Connect Core 1.0, "ID Token Validation"; OpenID Connect Back-Channel
/// Logout 1.0, "Logout Token Validation"; RFC 8725.
/// </summary>
public sealed class ProviderTokens(ProviderDocuments documents, SsoOptions options, TimeProvider clock)
{
    private const int LongestSubject = 255;
    private const int LongestSession = 512;
    private const string LogoutEvent = "http://schemas.openid.net/event/backchannel-logout";

    /// <summary>Asymmetric ones only: with a symmetric one, whoever knows a public key could sign.</summary>
    private static readonly string[] _algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    /// <summary>The person of an ID token.</summary>
    /// <param name="provider">The provider.</param>
    /// <param name="token">The token.</param>
    /// <param name="nonce">The nonce of the request that it answers.</param>
    /// <param name="stop">Cancels reading the provider's keys.</param>
    /// <exception cref="ProviderException">The token is not valid.</exception>
    internal async ValueTask<ProviderIdentity> ReadIdTokenAsync(
        SsoProvider provider, string token, string nonce, CancellationToken stop)
    {
        var jwt = await ValidateAsync(provider, token, stop);
        if (jwt.Typ is { Length: > 0 } type && !type.Equals("JWT", StringComparison.OrdinalIgnoreCase))
        {
            throw Wrong(provider, $"the type {type}");
        }

        if (!jwt.TryGetPayloadValue<string>("nonce", out var given)
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(nonce)))
        {
            throw Wrong(provider, "another nonce");
        }

        var isOfSeveral = jwt.Audiences.Skip(1).Any();
        var hasParty = jwt.TryGetPayloadValue<string>("azp", out var party);
        if (hasParty ? party != provider.ClientId : isOfSeveral) throw Wrong(provider, "another authorized party");
        if (jwt.Subject is not { Length: > 0 and <= LongestSubject } subject) throw Wrong(provider, "no usable sub");
        return new ProviderIdentity(
            provider,
            subject,
            jwt.TryGetPayloadValue<string>("sid", out var session) && session.Length <= LongestSession ? session : "",
            TextsOf(jwt),
            jwt.TryGetPayloadValue<long>("auth_time", out var at) && at is > 0 and < 1L << 40
                ? DateTimeOffset.FromUnixTimeSeconds(at)
                : null);
    }

    /// <summary>What a logout token says.</summary>
    /// <exception cref="ProviderException">The token is not valid.</exception>
    internal async ValueTask<ProviderLogout> ReadLogoutTokenAsync(
        SsoProvider provider, string token, CancellationToken stop)
    {
        var jwt = await ValidateAsync(provider, token, stop);
        if (jwt.TryGetPayloadValue<object>("nonce", out _)) throw Wrong(provider, "a nonce");

        // Used tokens are remembered for as long.
        if (jwt.IssuedAt < Now - options.AttemptLifetime) throw Wrong(provider, "an old time of issue");
        if (!jwt.TryGetPayloadValue<System.Text.Json.JsonElement>("events", out var events)
            || events.ValueKind != System.Text.Json.JsonValueKind.Object
            || !events.TryGetProperty(LogoutEvent, out var what)
            || what.ValueKind != System.Text.Json.JsonValueKind.Object)
        {
            throw Wrong(provider, "no logout event");
        }

        var subject = jwt.Subject is { Length: > 0 and <= LongestSubject } sub ? sub : null;
        var session = jwt.TryGetPayloadValue<string>("sid", out var sid) && sid.Length is > 0 and <= LongestSession
            ? sid
            : null;
        if (subject is null && session is null) throw Wrong(provider, "neither sub nor sid");
        if (jwt.Id is not { Length: > 0 and <= LongestSession } id) throw Wrong(provider, "no usable jti");
        return new ProviderLogout(subject, session, id);
    }

    /// <summary>A token of the provider for this server that is signed and valid now.</summary>
    private async ValueTask<JsonWebToken> ValidateAsync(SsoProvider provider, string token, CancellationToken stop)
    {
        if (token.Length > options.ResponseBytes) throw Wrong(provider, "too many bytes");
        var handler = new JsonWebTokenHandler { MaximumTokenSizeInBytes = options.ResponseBytes };
        if (!handler.CanReadToken(token)) throw Wrong(provider, "another form");
        JsonWebToken unproven;
        try
        {
            unproven = handler.ReadJsonWebToken(token);
        }
        catch (Exception fault) when (fault is ArgumentException or SecurityTokenException)
        {
            throw Wrong(provider, "another form");
        }

        var keys = await documents.KeysAsync(provider, unproven.Kid ?? "", stop);
        var result = await handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = provider.Issuer,
            ValidAudience = provider.ClientId,
            IssuerSigningKeys = keys,
            TryAllIssuerSigningKeys = string.IsNullOrEmpty(unproven.Kid),
            ValidAlgorithms = _algorithms,
            RequireSignedTokens = true,
            LifetimeValidator = IsCurrent,
        });
        if (!result.IsValid) throw Wrong(provider, result.Exception.GetType().Name);
        var jwt = (JsonWebToken)result.SecurityToken;
        if (jwt.IssuedAt == DateTime.MinValue || jwt.IssuedAt > Now + options.ClockSkew)
        {
            throw Wrong(provider, "no time of issue, or one to come");
        }

        return jwt;
    }

    private DateTime Now => clock.GetUtcNow().UtcDateTime;

    private bool IsCurrent(DateTime? from, DateTime? to, SecurityToken token, TokenValidationParameters parameters) =>
        to is { } end && end + options.ClockSkew > Now && (from is not { } begin || begin - options.ClockSkew <= Now);

    private static Dictionary<string, string> TextsOf(JsonWebToken jwt)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var claim in jwt.Claims)
        {
            if (claim.ValueType == ClaimValueTypes.String) texts.TryAdd(claim.Type, claim.Value);
        }

        return texts;
    }

    private static ProviderException Wrong(SsoProvider provider, string what) =>
        new($"a token of {provider.Issuer} has {what}");
}

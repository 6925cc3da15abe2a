using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.SingleSignOn;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>What a sign-in at a provider is for.</summary>
public abstract record SsoPurpose
{
    private SsoPurpose()
    {
    }

    /// <summary>The browser is signed in, and goes on.</summary>
    /// <param name="Next">Where it goes on.</param>
    public sealed record SignIn(string Next) : SsoPurpose;

    /// <summary>A user confirms a request. v1.19 client-server-api#sso-during-user-interactive-authentication</summary>
    /// <param name="AuthSession">The session of the request's authentication.</param>
    /// <param name="UserId">The user who must confirm it.</param>
    public sealed record Confirm(string AuthSession, string UserId) : SsoPurpose;
}

/// <summary>A sign-in that began.</summary>
/// <param name="Provider">The provider.</param>
/// <param name="Browser">The hash of the browser's session: another browser cannot end the sign-in.</param>
/// <param name="Nonce">What the ID token must have.</param>
/// <param name="Verifier">The code verifier.</param>
/// <param name="Purpose">What it is for.</param>
/// <param name="StartedAt">When it began.</param>
public sealed record SsoAttempt(
    SsoProvider Provider,
    string Browser,
    string Nonce,
    string Verifier,
    SsoPurpose Purpose,
    DateTimeOffset StartedAt)
{
    /// <summary>Leaves out the secrets.</summary>
    public override string ToString() => $"{nameof(SsoAttempt)} at {Provider}";
}

/// <summary>A person without an account who came from a provider, while they choose a name.</summary>
/// <param name="Identity">The person.</param>
/// <param name="Next">Where the browser goes on.</param>
public sealed record SsoNewcomer(ProviderIdentity Identity, string Next);

/// <summary>
/// The sign-ins at providers that wait for their end, in memory. Each ends once. One whose shard was given away is
/// gone.
/// </summary>
public sealed class SsoAttempts(ShardGates gates, SsoOptions options, TimeProvider clock) : IChangeConsumer
{
    private const int SecretSize = 32;

    private readonly TimedStore<SsoAttempt> _attempts = new(options.AttemptLifetime, options.Attempts, clock);
    private readonly TimedStore<SsoNewcomer> _newcomers = new(options.AttemptLifetime, options.Attempts, clock);

    /// <summary>
    /// Begins a sign-in; returns its state. The state is in the shard of what the sign-in is for, so that the node that
    /// ends it has both: the browser's session, or the request's authentication.
    /// </summary>
    /// <param name="provider">The provider.</param>
    /// <param name="browser">The browser's session.</param>
    /// <param name="purpose">What it is for.</param>
    /// <exception cref="StorageException">Another node has that shard.</exception>
    public (string State, SsoAttempt Attempt) Begin(SsoProvider provider, string browser, SsoPurpose purpose)
    {
        var beside = Authority.Minted(purpose is SsoPurpose.Confirm confirm ? confirm.AuthSession : browser);
        using var visit = gates.Enter(beside);
        var state = MintedIds.DrawBeside(gates, beside, NewSecret);
        var attempt = new SsoAttempt(
            provider,
            HashOf(browser),
            NewSecret(),
            NewSecret(),
            purpose,
            clock.GetUtcNow());
        _attempts.TryAdd(state, attempt, visit);
        return (state, attempt);
    }

    /// <summary>
    /// Ends the sign-in of a state in the browser that began it; null if there is none, or it is another browser's.
    /// </summary>
    /// <exception cref="StorageException">Another node has the sign-in, if there is one.</exception>
    public SsoAttempt? End(string state, string browser)
    {
        using var visit = gates.Enter(Authority.Minted(state));
        return _attempts.Find(state, visit) is { } found
            && CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(found.Browser), Encoding.UTF8.GetBytes(HashOf(browser)))
                ? _attempts.Take(state, visit)
                : null;
    }

    /// <summary>Remembers a person who has to choose a name in a browser.</summary>
    /// <exception cref="StorageException">Another node has the browser's session.</exception>
    public void Wait(string browser, SsoNewcomer newcomer)
    {
        using var visit = gates.Enter(Authority.Minted(browser));
        _newcomers.Put(HashOf(browser), newcomer, visit);
    }

    /// <summary>The person who has to choose a name in a browser; null for nobody.</summary>
    /// <exception cref="StorageException">Another node has the browser's session.</exception>
    public SsoNewcomer? WaitingIn(string browser)
    {
        using var visit = gates.Enter(Authority.Minted(browser));
        return _newcomers.Find(HashOf(browser), visit);
    }

    /// <summary>The person has chosen. False if they do not wait any more.</summary>
    /// <exception cref="StorageException">Another node has the browser's session.</exception>
    public bool Leave(string browser)
    {
        using var visit = gates.Enter(Authority.Minted(browser));
        return _newcomers.Take(HashOf(browser), visit) is not null;
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not SsoGrantsRevoked revoked) return;
        _newcomers.RemoveWhere(newcomer => revoked.EndsOfNewcomer(
            newcomer.Identity.Subject, newcomer.Identity.Provider.Issuer, newcomer.Identity.Session));
    }

    /// <inheritdoc/>
    public void Missed(long through) => _newcomers.RemoveWhere(static _ => true);

    private static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretSize));

    private static string HashOf(string browser) =>
        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(browser)));
}

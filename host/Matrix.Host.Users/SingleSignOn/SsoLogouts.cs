using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>
/// Ends what a provider logged in, when the provider says so. OpenID Connect Back-Channel Logout 1.0.
/// </summary>
public sealed class SsoLogouts(
    IStorage storage,
    ProviderTokens tokens,
    DeviceManagement devices,
    BrowserSignIns browsers,
    UsersOptions users,
    SsoOptions options,
    TimeProvider clock)
{
    private readonly TimedStore<string> _used = new(options.AttemptLifetime, options.Attempts, clock);

    /// <summary>Ends the sessions of a logout token.</summary>
    /// <exception cref="ProviderException">The token is not valid, or was used before.</exception>
    public async ValueTask EndAsync(SsoProvider provider, string logoutToken, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(provider);
        var logout = await tokens.ReadLogoutTokenAsync(provider, logoutToken, stop).ConfigureAwait(false);
        if (!_used.TryAdd($"{provider.Id} {logout.TokenId}", ""))
        {
            throw new ProviderException($"a logout token of {provider.Issuer} came twice");
        }

        // A session that is named means this one alone, even if the person is named too.
        if (logout.Session is { } session)
        {
            browsers.EndOf(origin => origin.Issuer == provider.Issuer && origin.Session == session);
            await DeleteAsync(
                await storage.SingleSignOn.SessionsAsync(provider.Issuer, session, users.Devices, stop)
                    .ConfigureAwait(false),
                stop).ConfigureAwait(false);
            return;
        }

        var userId = await storage.SingleSignOn.FindUserAsync(provider.Issuer, logout.Subject!, stop)
            .ConfigureAwait(false);
        if (userId is null) return;
        browsers.EndOf(userId, origin => origin.Issuer == provider.Issuer);
        await DeleteAsync(
            await storage.SingleSignOn.SessionsOfUserAsync(userId, provider.Issuer, stop).ConfigureAwait(false),
            stop).ConfigureAwait(false);
    }

    private async ValueTask DeleteAsync(IReadOnlyList<SsoSessionRow> sessions, CancellationToken stop)
    {
        foreach (var session in sessions)
        {
            await devices.DeleteAsync(new UserDevice(session.UserId, session.DeviceId), stop).ConfigureAwait(false);
        }
    }
}

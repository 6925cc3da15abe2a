using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.Devices;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>
/// Ends what a provider logged in, when the provider says so. OpenID Connect Back-Channel Logout 1.0.
/// </summary>
public sealed class SsoLogouts(
    ISingleSignOnTable singleSignOnTable,
    IStorageWriter writer,
    ProviderTokens tokens,
    DeviceManagement devices,
    ShardGates gates,
    UsersOptions users,
    SsoOptions options,
    TimeProvider clock)
{
    // A token counts for as long after its time of issue, which may be that much ahead.
    private readonly TimedStore<string> _used =
        new(options.AttemptLifetime + options.ClockSkew, options.Attempts, clock);

    /// <summary>Ends the sessions of a logout token.</summary>
    /// <param name="provider">The provider.</param>
    /// <param name="logoutToken">The token.</param>
    /// <param name="stop">Cancels the validation. A valid token is carried out in any case.</param>
    /// <exception cref="ProviderException">The token is not valid, or was used before.</exception>
    public async ValueTask EndAsync(SsoProvider provider, string logoutToken, CancellationToken stop)
    {
        var logout = await tokens.ReadLogoutTokenAsync(provider, logoutToken, stop);
        var key = $"{provider.Id} {logout.TokenId}";
        using var visit = gates.Enter(Authority.Minted(key));
        if (!_used.TryAdd(key, "", visit))
        {
            throw new ProviderException($"a logout token of {provider.Issuer} came twice");
        }

        try
        {
            await EndAsync(provider.Issuer, logout, CancellationToken.None);
        }
        catch
        {
            // The provider may send it again.
            _used.Take(key, visit);
            throw;
        }
    }

    private async ValueTask EndAsync(string issuer, ProviderLogout logout, CancellationToken stop)
    {
        var userId = logout.Subject is { } subject
            ? await singleSignOnTable.FindUserAsync(issuer, subject, stop)
            : null;

        // First what was granted, and the browsers and newcomers at all nodes: afterwards no new device can come from
        // it.
        var revoked = new SsoGrantsRevoked(issuer, logout.Session, userId) { Subject = logout.Subject };
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(revoked), stop);
        foreach (var session in await SessionsAsync(revoked, stop))
        {
            await devices.DeleteAsync(new UserDevice(session.UserId, session.DeviceId), stop);
        }
    }

    private async ValueTask<HashSet<SsoSessionRow>> SessionsAsync(SsoGrantsRevoked revoked, CancellationToken stop)
    {
        var sessions = new HashSet<SsoSessionRow>();
        if (revoked.Session is { } named)
        {
            sessions.UnionWith(await singleSignOnTable.SessionsAsync(revoked.Issuer, named, users.Devices, stop));
        }

        if (revoked.UserId is { } userId)
        {
            var all = await singleSignOnTable.SessionsOfUserAsync(userId, revoked.Issuer, stop);
            sessions.UnionWith(all.Where(row => revoked.Ends(userId, revoked.Issuer, row.Session)));
        }

        return sessions;
    }
}

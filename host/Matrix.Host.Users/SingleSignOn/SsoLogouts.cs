using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>
/// Ends what a provider logged in, when the provider says so. OpenID Connect Back-Channel Logout 1.0.
/// </summary>
public sealed class SsoLogouts(
    ISingleSignOnTable singleSignOnTable,
    IStorageWriter writer,
    ProviderTokens tokens,
    DeviceManagement devices,
    BrowserSignIns browsers,
    SsoAttempts attempts,
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
        attempts.LeaveWhere(person =>
            person.Provider.Issuer == issuer && logout.Ends(person.Session, person.Subject == logout.Subject));
        browsers.EndOf((user, origin) => origin.Issuer == issuer && logout.Ends(origin.Session, user == userId));
        if (logout.Session is null && userId is null) return;

        // First what was granted: afterwards no new device can come from it.
        var batch = new WriteBatch(Authority.Nobody, 1).Add(new SsoGrantsRevoked(issuer, logout.Session, userId));
        await writer.WriteAsync(batch, stop);
        foreach (var session in await SessionsAsync(issuer, logout, userId, stop))
        {
            await devices.DeleteAsync(new UserDevice(session.UserId, session.DeviceId), stop);
        }
    }

    private async ValueTask<HashSet<SsoSessionRow>> SessionsAsync(
        string issuer, ProviderLogout logout, string? userId, CancellationToken stop)
    {
        var sessions = new HashSet<SsoSessionRow>();
        if (logout.Session is { } named)
        {
            sessions.UnionWith(await singleSignOnTable.SessionsAsync(issuer, named, users.Devices, stop));
        }

        if (userId is not null)
        {
            var all = await singleSignOnTable.SessionsOfUserAsync(userId, issuer, stop);
            sessions.UnionWith(all.Where(row => logout.Ends(row.Session, isOfPerson: true)));
        }

        return sessions;
    }
}

using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>Ends sessions of OAuth, each with its device. v1.19 client-server-api#token-revocation; RFC 7009.</summary>
public sealed class OAuthSessions(IAccountsTable accountsTable, OAuthTable oAuthTable, IStorageWriter writer)
{
    /// <summary>
    /// Ends the session that an access or refresh token belongs to. A token that is unknown, or of the legacy API, ends
    /// nothing.
    /// </summary>
    public async ValueTask RevokeAsync(string token, CancellationToken stop)
    {
        if (await FindAsync(token, stop) is { } session)
        {
            await EndAsync(session, stop);
        }
    }

    /// <summary>The sessions of a user, by device.</summary>
    public async ValueTask<IReadOnlyDictionary<string, OAuthSessionRow>> OfUserAsync(
        string userId, CancellationToken stop)
    {
        var rows = await oAuthTable.SessionsAsync(userId, stop);
        return rows.ToDictionary(row => row.DeviceId, StringComparer.Ordinal);
    }

    /// <summary>Ends the session that came from a code, which was used again: somebody else may have it.</summary>
    internal async ValueTask EndMadeByAsync(ReadOnlyMemory<byte> code, CancellationToken stop)
    {
        if (await oAuthTable.FindSessionMadeByAsync(code, stop) is { } session)
        {
            await EndAsync(session, stop);
        }
    }

    /// <summary>Ends the session that a refresh token names, though the token was spent.</summary>
    internal async ValueTask EndNamedByAsync(string refreshToken, CancellationToken stop)
    {
        if (await FindNamedByAsync(refreshToken, stop) is { } session)
        {
            await EndAsync(session, stop);
        }
    }

    private async ValueTask<OAuthSessionRow?> FindAsync(string token, CancellationToken stop)
    {
        if (!TokenHash.TryOf(token, out var hash)) return null;
        var row = await accountsTable.FindTokenAsync(hash.ToBytes(), stop);
        return row switch
        {
            { ClientId: not null } => (await oAuthTable.SessionsAsync(row.UserId, stop))
                .FirstOrDefault(session => session.DeviceId == row.DeviceId),
            not null => null,
            null => await FindNamedByAsync(token, stop),
        };
    }

    private async ValueTask<OAuthSessionRow?> FindNamedByAsync(string refreshToken, CancellationToken stop) =>
        RefreshToken.SessionOf(refreshToken) is { } secret && TokenHash.TryOf(secret, out var hash)
            ? await oAuthTable.FindSessionAsync(hash.ToBytes(), stop)
            : null;

    /// <summary>Ends a session, unless its device has begun another one meanwhile.</summary>
    private async ValueTask EndAsync(OAuthSessionRow session, CancellationToken stop)
    {
        var batch = new WriteBatch(Authority.Nobody, 3)
            .Require(new OAuthSessionIs(session))
            .Add(new DeviceDeleted(session.UserId, session.DeviceId))
            .Add(new DeviceListChanged(session.UserId));
        await writer.WriteAsync(batch, stop);
    }
}

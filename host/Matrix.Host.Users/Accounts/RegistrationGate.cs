using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Users.Accounts;

/// <summary>The ways to register.</summary>
/// <param name="Freely">Without a token.</param>
/// <param name="ByToken">With a registration token.</param>
public readonly record struct RegistrationWays(bool Freely, bool ByToken)
{
    /// <summary>Whether nobody may register.</summary>
    public bool IsClosed => !Freely && !ByToken;
}

/// <summary>
/// Decides who may register: the configuration says so, and the first user has a token that the server logs.
/// </summary>
public sealed class RegistrationGate(
    IAccountsTable accountsTable, IStorageWriter writer, UsersOptions options, TimeProvider clock)
{
    private const int TokenLetters = 24;
    private const string TokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>
    /// The first user's registration token, which makes an administrator. It is created if there is none. Null once
    /// there are users.
    /// </summary>
    public async ValueTask<string?> FirstUserTokenAsync(CancellationToken stop)
    {
        if (await accountsTable.AnyUserAsync(stop)) return null;
        if (await OutstandingAsync(stop) is { } made) return made;

        var token = RandomNumberGenerator.GetString(TokenAlphabet, TokenLetters);
        var put = new RegistrationTokenIssued(token, UsesAllowed: 1, ExpiresAt: null, MakesAdmin: true);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(put), stop);
        return token;
    }

    /// <summary>The ways to register now.</summary>
    public async ValueTask<RegistrationWays> WaysAsync(CancellationToken stop)
    {
        if (options is { RegistrationEnabled: true, RegistrationRequiresToken: true })
        {
            return new RegistrationWays(Freely: false, ByToken: true);
        }

        var first = await OutstandingAsync(stop) is not null;
        return new RegistrationWays(options.RegistrationEnabled, ByToken: first);
    }

    /// <summary>
    /// Whether a registration token can be used now; false if registration does not require one.
    /// </summary>
    public async ValueTask<bool> AcceptsAsync(RegistrationWays ways, string token, CancellationToken stop) =>
        ways.ByToken && await IsValidAsync(token, stop);

    /// <summary>Whether a registration token is valid.</summary>
    public async ValueTask<bool> IsValidAsync(string token, CancellationToken stop) =>
        await accountsTable.FindRegistrationTokenAsync(token, stop) is { } row
        && row.IsValidAt(clock.GetUtcNow().ToUnixTimeMilliseconds());

    private async ValueTask<string?> OutstandingAsync(CancellationToken stop)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var tokens = await accountsTable.RegistrationTokensAsync(stop);
        return tokens.FirstOrDefault(t => t.MakesAdmin && t.IsValidAt(now))?.Token;
    }
}

using System.Security.Cryptography;
using Matrix.Core.Facade;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Guests;

/// <summary>A guest who becomes an ordinary user.</summary>
/// <param name="UserId">The guest's user id, which the user keeps.</param>
/// <param name="AccessToken">The guest's access token, which ends.</param>
/// <param name="PasswordHash">The hash of the new password.</param>
public sealed record GuestUpgrade(string UserId, string AccessToken, string PasswordHash)
{
    /// <summary>The registration token that is used up by this; null if none is needed.</summary>
    public string? RegistrationToken { get; init; }

    /// <summary>The policies that the user accepted.</summary>
    public IReadOnlyList<AcceptedPolicy> Accepted { get; init; } = [];

    /// <summary>The login that goes with it; null for none.</summary>
    public LoginWish? Login { get; init; }

    /// <summary>The session of authentication that allows it.</summary>
    public Authority Authority { get; init; }

    /// <summary>Must hold when it is written.</summary>
    public IReadOnlyList<ConditionalChange> Conditions { get; init; } = [];
}

/// <summary>Creates guests, and makes users of them. v1.19 client-server-api#guest-access</summary>
public sealed class GuestAccounts(
    IAccountsTable accountsTable,
    IStorageWriter writer,
    Registrations registrations,
    Usernames usernames,
    Logins logins,
    UsersOptions options)
{
    private const int NameLetters = 16;
    private const string NameAlphabet = "abcdefghijklmnopqrstuvwxyz";

    private static readonly UserFailure _closed = new(
        UserFailureKind.Forbidden, "This server has no guest accounts.");

    private static readonly UserFailure _full = new(
        UserFailureKind.Forbidden, "This server has as many guests as it admits.");

    private static readonly UserFailure _notTheirs = new(
        UserFailureKind.Forbidden, "`guest_access_token` is not the token of a guest of that name.");

    /// <summary>Creates a guest with one device, which never refreshes its token.</summary>
    /// <param name="deviceName">The display name of the device; null for none.</param>
    public async ValueTask<UserResult<Registered>> CreateAsync(string? deviceName, CancellationToken stop)
    {
        if (!options.GuestsEnabled) return _closed;
        var (userId, problem) = usernames.UserIdOf(RandomNumberGenerator.GetString(NameAlphabet, NameLetters));
        if (problem is not null) return _closed;
        var account = new NewAccount(userId, PasswordHash: null)
        {
            Kind = UserKind.Guest,
            Login = new LoginWish(DeviceId: null, deviceName, Refreshes: false),
        };
        var bound = new GuestsFewerThan(options.Guests);
        var created = await registrations.CreateAsync(account, stop, bound);
        return bound.Applied ? created : _full;
    }

    /// <summary>Why a token is not that of a guest with a name; null, and the user id, if it is.</summary>
    public async ValueTask<UserResult<string>> FindAsync(string accessToken, string username, CancellationToken stop)
    {
        if (!Identifiers.TryNewUserId(options.ServerName, username.ToLowerInvariant(), out var userId, out _)
            || !TokenHash.TryOf(accessToken, out var hash))
        {
            return _notTheirs;
        }

        return await accountsTable.FindTokenAsync(hash.ToBytes(), stop)
            is { Kind: TokenKind.Access, UserKind: UserKind.Guest, IsDeactivated: false, DeviceId.Length: > 0 } token
            && token.UserId == userId
                ? userId
                : _notTheirs;
    }

    /// <summary>
    /// Makes an ordinary user of a guest. The guest's token ends, and the device too unless the user goes on with it.
    /// </summary>
    public async ValueTask<UserResult<Registered>> UpgradeAsync(GuestUpgrade upgrade, CancellationToken stop)
    {
        var token = upgrade.RegistrationToken;
        var makesAdmin = token is not null
            && await accountsTable.FindRegistrationTokenAsync(token, stop)
                is { MakesAdmin: true };
        var redemption = token is null ? null : new RegistrationTokenRedeemed(token);
        var batch = new WriteBatch(upgrade.Authority);
        if (redemption is not null) batch.Require(redemption);
        foreach (var also in upgrade.Conditions) batch.Require(also);
        batch.Require(new GuestUpgraded(
            upgrade.UserId, TokenHash.BytesOf(upgrade.AccessToken), upgrade.PasswordHash, makesAdmin));
        DeviceManagement.AddDeletionOfAll(batch, upgrade.UserId, except: upgrade.Login?.DeviceId);
        foreach (var accepted in upgrade.Accepted) batch.Add(new PolicyAccepted(upgrade.UserId, accepted));
        var login = upgrade.Login is { } wish ? logins.Add(batch, upgrade.UserId, wish) : null;
        var receipt = await writer.WriteAsync(batch, stop);
        if (!receipt.Refused) return new Registered(upgrade.UserId, login);
        return redemption is { Applied: false } ? Registrations.TokenUsedUp : _notTheirs;
    }
}

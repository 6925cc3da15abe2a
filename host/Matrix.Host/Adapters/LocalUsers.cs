using Matrix.Core.Push;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Rooms;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Adapters;

/// <summary>Reads users for the rooms: profiles, ignored users, push rules, blocked invites.</summary>
internal sealed class LocalUsers(
    UserProfiles profiles,
    InviteSetting invites,
    IgnoredUsers ignored,
    PushRuleCache rules,
    AccountLocks locks,
    IAccountsTable accountsTable,
    RoomsOptions options)
    : ILocalUsers
{
    public async ValueTask<RoomFailure?> UnknownAsync(string userId, CancellationToken stop) =>
        await profiles.UnknownAsync(userId, stop) switch
        {
            null => null,
            { Kind: UserFailureKind.TimedOut } late => new RoomFailure(RoomFailureKind.TimedOut, late.Message),
            _ => new RoomFailure(RoomFailureKind.NotFound, $"There is no user {userId}."),
        };

    public async ValueTask<ShownProfile> ShownProfileAsync(string userId, CancellationToken stop)
    {
        // The sender of notices has no account.
        if (userId == $"@{options.Notices.Localpart}:{options.ServerName}")
        {
            return new ShownProfile(options.Notices.DisplayName, null);
        }

        var (name, avatar) = await profiles.ShownAsync(userId, stop);
        return new ShownProfile(name, avatar);
    }

    public ValueTask<bool> BlocksInvitesAsync(string userId, CancellationToken stop) =>
        invites.BlocksAsync(userId, stop);

    public async ValueTask<LocalAccount> AccountAsync(string userId, CancellationToken stop) =>
        await accountsTable.FindUserAsync(userId, stop) is { } user
            ? new LocalAccount(
                user.Kind == UserKind.Guest,
                await locks.OfUserAsync(user, stop) is not null,
                user.IsSuspended)
            : default;

    public ValueTask<IReadOnlySet<string>> IgnoredByAsync(string userId, CancellationToken stop) =>
        ignored.OfAsync(userId, stop);

    public ValueTask<Ruleset?> PushRulesAsync(string userId, CancellationToken stop) => rules.OfAsync(userId, stop);
}

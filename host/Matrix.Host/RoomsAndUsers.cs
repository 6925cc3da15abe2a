using Matrix.Core.Push;
using Matrix.Host.Media.Remote;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Upgrading;
using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Users;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Presence;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.RemoteKeys;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host;

/// <summary>Reads users for the rooms: profiles, ignored users, push rules, blocked invites.</summary>
internal sealed class LocalUsers(
    UserProfiles profiles,
    InviteSetting invites,
    IgnoredUsers ignored,
    PushRuleCache rules,
    AccountLocks locks,
    IStorage storage,
    RoomsOptions options)
    : ILocalUsers
{
    public async ValueTask<RoomFailure?> UnknownAsync(string userId, CancellationToken stop) =>
        await profiles.UnknownAsync(userId, stop).ConfigureAwait(false) switch
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

        var (name, avatar) = await profiles.ShownAsync(userId, stop).ConfigureAwait(false);
        return new ShownProfile(name, avatar);
    }

    public ValueTask<bool> BlocksInvitesAsync(string userId, CancellationToken stop) =>
        invites.BlocksAsync(userId, stop);

    public async ValueTask<LocalAccount> AccountAsync(string userId, CancellationToken stop) =>
        await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { } user
            ? new LocalAccount(
                user.Kind == UserKind.Guest,
                await locks.OfUserAsync(user, stop).ConfigureAwait(false) is not null,
                user.IsSuspended)
            : default;

    public ValueTask<IReadOnlySet<string>> IgnoredByAsync(string userId, CancellationToken stop) =>
        ignored.OfAsync(userId, stop);

    public ValueTask<Ruleset?> PushRulesAsync(string userId, CancellationToken stop) => rules.OfAsync(userId, stop);
}

/// <summary>
/// Passes typing users to the other servers of their room, and to application services. Who types is active.
/// </summary>
internal sealed class TypingObserver(
    FederationOutbound federation, PresenceBoard presence, AppServiceOutbound services) : ITypingObserver
{
    public void TypingChanged(RoomNid room, string userId, bool isTyping)
    {
        if (isTyping) presence.Acted(userId);
        federation.TypingChanged(room, userId, isTyping);
        services.TypingChanged(room, userId, isTyping);
    }
}

/// <summary>Copies users' settings for a room to the one that replaces it.</summary>
internal sealed class RoomSettings(ReplacedRooms settings) : IRoomSettings
{
    public ValueTask CopyAsync(string userId, string oldRoomId, string newRoomId, CancellationToken stop) =>
        settings.CopyAsync(userId, oldRoomId, newRoomId, stop);
}

/// <summary>Applies changes of accounts to the user's rooms.</summary>
internal sealed class AccountObserver(RoomAccounts rooms) : IAccountObserver
{
    public ValueTask ProfileChangedAsync(string userId, CancellationToken stop) => rooms.ShowProfileAsync(userId, stop);

    public ValueTask DeactivatedAsync(string userId, CancellationToken stop) => rooms.LeaveAllAsync(userId, stop);
}

/// <summary>Reads the encryption of rooms for the users.</summary>
internal sealed class EncryptedRooms(RoomSnapshots rooms) : IEncryptedRooms
{
    private const string EncryptionType = "m.room.encryption";

    public async ValueTask<bool> AnyAsync(IReadOnlyCollection<RoomNid> nids, CancellationToken stop)
    {
        foreach (var nid in nids)
        {
            if (await rooms.FindAsync(nid, stop).ConfigureAwait(false) is { } room
                && room.State.Find(EncryptionType, "") is not null)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Finds members of open rooms for the users.</summary>
internal sealed class OpenRoomMembers(OpenRooms rooms) : IOpenRooms
{
    public ValueTask<bool> HasMemberAsync(string userId, CancellationToken stop) =>
        rooms.HasMemberAsync(userId, stop);
}

/// <summary>Locks accounts that a policy list names.</summary>
internal sealed class AccountPolicy(PolicyLists policies) : IAccountPolicy
{
    public bool IsEmpty => policies.IsEmpty;

    public async ValueTask<string?> RefusalAsync(string userId, CancellationToken stop) =>
        await policies.OfUserAsync(userId, stop).ConfigureAwait(false) is not { } rule ? null
        : rule.Reason.Length == 0 ? "A policy list of this server refuses the account."
        : $"A policy list of this server refuses the account: {rule.Reason}";
}

/// <summary>Refuses media of servers that a policy list names.</summary>
internal sealed class MediaPolicy(PolicyLists policies) : IMediaPolicy
{
    public async ValueTask<bool> RefusesAsync(string server, CancellationToken stop) =>
        await policies.OfServerAsync(server, stop).ConfigureAwait(false) is not null;
}

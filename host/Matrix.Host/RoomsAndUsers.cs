using Matrix.Core.Push;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Users;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host;

/// <summary>Reads users for the rooms: profiles, ignored users, push rules, blocked invites.</summary>
internal sealed class LocalUsers(
    IStorage storage, UserProfiles profiles, InviteSetting invites, IgnoredUsers ignored, PushRuleCache rules)
    : ILocalUsers
{
    public async ValueTask<bool> ExistsAsync(string userId, CancellationToken stop) =>
        await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is not null;

    public async ValueTask<ShownProfile> ShownProfileAsync(string userId, CancellationToken stop)
    {
        var (name, avatar) = await profiles.ShownAsync(userId, stop).ConfigureAwait(false);
        return new ShownProfile(name, avatar);
    }

    public ValueTask<bool> BlocksInvitesAsync(string userId, CancellationToken stop) =>
        invites.BlocksAsync(userId, stop);

    public ValueTask<IReadOnlySet<string>> IgnoredByAsync(string userId, CancellationToken stop) =>
        ignored.OfAsync(userId, stop);

    public ValueTask<Ruleset?> PushRulesAsync(string userId, CancellationToken stop) => rules.OfAsync(userId, stop);
}

/// <summary>Passes typing users to the other servers of their room.</summary>
internal sealed class TypingObserver(FederationOutbound federation) : ITypingObserver
{
    public void TypingChanged(RoomNid room, string userId, bool isTyping) =>
        federation.TypingChanged(room, userId, isTyping);
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

using System.Text;
using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Shards;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Unread;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>
/// Changes of each kind that other nodes get, as they are after their commit. All values of one change differ. Where a
/// change has a secret, it has <see cref="Secret"/> in it.
/// </summary>
internal static class ChangeSamples
{
    public const string Secret = "-a secret-";

    private const string Phone = "PHONE";
    private const string Tablet = "TABLET";

    private static readonly EventNid _first = Live(Kitchen, 3);
    private static readonly EventNid _second = Live(Kitchen, 4);

    /// <summary>What may not be written.</summary>
    private static ReadOnlyMemory<byte> Hidden { get; } = Encoding.UTF8.GetBytes($"{{\"key\":\"{Secret}\"}}");

    private static RoomHeader Header { get; } = new()
    {
        Extremities = [new Extremity(_first.Ordinal, IdOf(_first))],
        Depth = 12,
        CurrentStep = 5,
        LastOrdinal = _second.Ordinal,
        FirstOrdinal = EventNid.FirstLiveOrdinal - 7,
        LastStep = 6,
        LastNode = 8,
        JoinedCount = 3,
        InvitedCount = 2,
    };

    /// <summary>Samples of all kinds, new ones each time.</summary>
    public static IReadOnlyList<Change> All() =>
    [
        .. OfEvents(), .. OfRooms(), .. OfMembers(), .. OfAccounts(), .. OfUserData(), .. OfKeys(), .. OfSending(),
    ];

    /// <summary>A state, its entries named by keys.</summary>
    public static StateTree State(params (string Key, uint Ordinal)[] entries) => StateTree.OfEntries(
        [.. entries.Select(each => Entry(each.Key, each.Ordinal))], isPartial: false);

    private static StateEntry Entry(string key, uint ordinal) =>
        StateEntry.Of("m.room.member", key, IdOf(EventNid.Of(Kitchen, ordinal)), ordinal);

    private static IEnumerable<Change> OfEvents()
    {
        var message = Event(_first) with
        {
            NotifyClass = 3,
            ThreadRoot = Live(Kitchen, 1),
            Transaction = new SentAs(Phone, "txn"),
            Request = 77,
        };
        var name = Event(_second, Bob) with
        {
            Type = "m.room.name",
            StateKey = "",
            Marks = EventMarks.State | EventMarks.OnTrust,
            Step = 6,
        };
        var stored = name.RelatedTo(IdOf(_first), "m.reference").ToStored();
        stored.Replaces = _first;
        yield return new EventsAppended(Identity(Kitchen), [message.ToStored(), stored]) { Request = 77 };
        yield return message;
        yield return Redacts(_first, _second);
        yield return new OutlierRenumbered(EventNid.Of(Kitchen, 9), _second);
        yield return new EventMarksChanged(_second, EventMarks.SoftFailed | EventMarks.Dummy);
        yield return new EventsPurged(Kitchen, [_first, _second]);
        yield return new EventsPurged(Kitchen, []);
        yield return new HistoryPurged(Kitchen, _second, [Alice]);
        yield return new EventStaged(Kitchen, IdOf(_first), "peer.example", Json("{}"), 99);
        yield return new StagedEventGivenUp(Kitchen, IdOf(_first), "auth event missing", 20);
    }

    private static IEnumerable<Change> OfRooms()
    {
        yield return new RoomCreated(Identity(Kitchen), Alice, Header);
        yield return new RoomAdvanced(Identity(Garden), Header, Header with { LastStep = 9 });
        yield return new StateChanged(Kitchen, 4, State((Alice, 3), (Bob, 4)), 6, State((Alice, 3), (Carol, 5)));
        yield return new StateChanged(
            Kitchen, 6, 7, StateStep.Of([StateChange.Added(Entry(Bob, 8))], isPartial: true));
        yield return new RoomDeleted(Identity(Garden), [Alice, Bob], 123) { Applied = true };
        yield return new RoomRowsDeleted(Garden, "search_events", 500);
        yield return new AliasCreated("#kitchen:example.org", Kitchen, Alice) { Applied = true };
        yield return new AliasDeleted("#garden:example.org") { Applied = true };
        yield return new DirectoryMoved(Kitchen, Garden);
    }

    private static IEnumerable<Change> OfMembers()
    {
        var row = new StrippedRoomRow(
            "!far:elsewhere.org", "11", "elsewhere.org", Membership.Invite, Remote, IdOf(_first), Hidden, Hidden, 0);
        yield return new MembershipChanged(Kitchen, Alice, Membership.Invite, Membership.Join, _first, IsLocal: true);
        yield return new MembershipChanged(Garden, Remote, null, Membership.Ban, _second, IsLocal: false);
        yield return new MembershipChanged(Garden, Remote, Membership.Knock, null, EventNid.None, IsLocal: false);
        yield return new RoomForgotten(Kitchen, Bob) { Applied = true };
        yield return new StrippedRoomEntered(Alice, row, 7) { Applied = true };
        yield return new StrippedRoomDescribed(Alice, row.RoomId, row.EventId, Hidden);
        yield return new StrippedRoomLeft(Alice, row.RoomId, row.EventId, Remote, IdOf(_second), Hidden, 6)
        {
            EndedAt = 44,
        };
        yield return new StrippedRoomForgotten(Alice, row.RoomId) { Applied = true };
        yield return new ReceiptMoved(Kitchen, Alice, "m.read", "main", _first, IdOf(_first), 1234, IsLocal: true)
        {
            Applied = true,
        };
        yield return new UnreadAdded(Bob, _second, _first, UnreadKind.Highlight | UnreadKind.Notify);
        yield return new ThreadSubscribed(Kitchen, IdOf(_first), Alice, 8, 100) { Applied = true };
        yield return new ThreadSubscribed(Kitchen, IdOf(_second), Alice, null, 100) { Applied = true };
        yield return new ThreadUnsubscribed(Garden, IdOf(_first), Bob) { Applied = true };
        yield return new EndedThreadsForgotten(Alice);
    }

    private static IEnumerable<Change> OfAccounts()
    {
        yield return new UserCreated(Alice, UserKind.Guest, Secret, IsAdmin: true) { Applied = true };
        yield return new GuestUpgraded(Alice, Hidden, Secret, IsAdmin: true) { Applied = true };
        yield return new UserDeactivated(Bob, Erase: true) { Applied = true };
        yield return new AdminChanged(Bob, IsAdmin: true) { Applied = true };
        yield return new AccountLockChanged(Alice, IsLocked: true, SparesAdmins: false) { Applied = true };
        yield return new AccountSuspensionChanged(Alice, IsSuspended: false, SparesAdmins: true) { Applied = true };
        yield return new DeviceAdded(Alice, Phone, "name") { Applied = true };
        yield return new DeviceRenamed(Alice, Tablet, "name") { Applied = true };
        yield return new DeviceDeleted(Bob, Phone) { Applied = true };
        yield return new OtherDevicesDeleted(Bob, Tablet);
        yield return new OtherDevicesDeleted(Bob, null);
        yield return new SsoGrantsRevoked("https://id.example.org", "session", null);
        yield return new SsoGrantsRevoked("https://id.example.org", null, Bob) { Subject = "person" };
        yield return new TokensIssued(Alice, Phone, Hidden, 8, Hidden, 9) { ByService = true };
        yield return new TokensRotated(Hidden, Hidden, 8, Hidden, 9) { Applied = true, UserId = Alice };
        yield return new TokensConfirmed(Bob, Hidden);
        yield return new SessionEnded(Bob, 4_711);
        yield return new RateLimitSet(new UserRateLimit(Alice, 4, 5));
        yield return new RateLimitRemoved(Bob);
    }

    private static IEnumerable<Change> OfUserData()
    {
        yield return new AccountDataPut(Alice, Kitchen, "m.tag", Hidden);
        yield return new AccountDataPut(Bob, null, "m.direct", Hidden);
        yield return new AccountDataDeleted(Alice);
        yield return new ProfileFieldChanged(Alice, "displayname", Json("\"Alice\""));
        yield return new ProfileFieldDeleted(Alice, "avatar_url");
        yield return new ProfileDeleted(Bob);
    }

    private static IEnumerable<Change> OfKeys()
    {
        yield return new DeviceListChanged(Alice);
        yield return new DeviceListChanged(Alice, Bob);
        yield return new DeviceKeysUploaded(Alice, Phone, Hidden);
        yield return new OneTimeKeyUploaded(Alice, Phone, "curve25519", Secret, Hidden) { Applied = true };
        yield return new FallbackKeyUploaded(Alice, Phone, "curve25519", Secret, Hidden);
        yield return new KeysClaimed(
        [
            new ClaimOfKey(Alice, Phone, "curve25519") { KeyId = Secret, Json = Hidden, IsFallback = true },
            new ClaimOfKey(Bob, Tablet, "ed25519"),
        ])
        {
            Applied = true,
        };
        yield return new CrossSigningKeyUploaded(Alice, CrossSigningUsage.UserSigning, Secret, Hidden);
        yield return new CrossSigningKeysDeleted(Bob);
        yield return new KeySignatureUploaded(Alice, Secret, Bob, Secret, Secret);
    }

    private static IEnumerable<Change> OfSending()
    {
        yield return new ToDeviceSent(Alice, Phone, Hidden) { Sender = Bob };
        yield return new MessageEnqueued("peer.example", Alice, Hidden) { StoredAt = 55 };
        yield return new DeviceUpdatesEnqueued("peer.example", Alice, 56);
        yield return new ShardMoved(511, new ShardOwner("a", 57), ShardOwner.Nobody) { Applied = true };
        var pusher = new PusherRow(
            0, PusherKind.Email, Alice, Phone, PusherApps.Email, Secret, "app", "device", "en", null, Hidden, 66)
        {
            Secret = Secret,
        };
        yield return new MediaUploaded(
            new MediaRow("test.example", "abc", null, 0, "", null, null, 0, 0, null, false))
        { Applied = true };
        yield return new PusherSet(pusher, IsAppended: true) { Applied = true, PusherId = 88 };
    }
}

using Matrix.Core.Json;
using Matrix.Core.Search;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.UserDirectory;

namespace Matrix.Host.Rooms.UserDirectory;

/// <summary>
/// Makes the entries of the user directory: of active local users, and of other servers' users who are in a room with
/// one. The changes that concern a user note them in the same transaction, so that none is missed.
/// </summary>
public sealed class DirectoryIndexer(
    IMembershipsTable membershipsTable,
    IAccountsTable accountsTable,
    UserDirectoryTable directoryTable,
    IStorageWriter writer,
    ShardGates gates,
    RoomSnapshots rooms,
    OpenRooms openRooms,
    EventStore events,
    ILocalUsers users,
    UserDirectoryOptions options,
    RoomsOptions roomsOptions,
    TimeProvider time)
    : IndexWorker(Name, writer, gates, time)
{
    private const string Name = "user_directory";

    /// <summary>The steps since the directory last had all changes.</summary>
    private int _steps;

    /// <summary>The duty of the index: searches are answered where it is.</summary>
    public static Authority Duty { get; } = Authority.Duty(Name);

    /// <inheritdoc/>
    protected override IndexTimes Times =>
        new(options.IndexDelay, options.IndexWait, roomsOptions.LongestConsumerPause);

    /// <inheritdoc/>
    protected override bool Concerns(Change change) => change
        is MembershipChanged or ProfileFieldChanged or ProfileFieldDeleted or ProfileDeleted or UserCreated
            or GuestUpgraded or UserDeactivated or StateChanged;

    /// <inheritdoc/>
    protected internal override async ValueTask<IndexStep> StepAsync(long through, CancellationToken stop)
    {
        var pending = await directoryTable.PendingAsync(through, options.EntriesAtOnce, stop);
        var batch = new WriteBatch(Authority, pending.Count + 1);
        var isLast = pending.Count < options.EntriesAtOnce;
        if (isLast && await directoryTable.PendingEntryAsync(through, stop) is { } room)
        {
            // The members are noted, and have their turn in a later step.
            batch.Add(await MembersAsync(room, stop));
            isLast = false;
        }

        _steps = isLast ? 0 : _steps + 1;
        if (pending.Count + batch.Changes.Count == 0) return new IndexStep(HasWritten: false, Left: 0);
        var open = new Dictionary<RoomNid, bool>();
        foreach (var each in pending) batch.Add(await EntryAsync(each, open, stop));
        await Writer.WriteAsync(batch, stop);

        // How many are left is not counted. It may be as many as there were.
        return new IndexStep(HasWritten: true, Left: _steps);
    }

    /// <inheritdoc/>
    protected override void Forget()
    {
        // All that it knows is in the database.
    }

    /// <summary>Notes the next members of a room. A large room takes many steps, and no long transaction.</summary>
    private async ValueTask<Change> MembersAsync(PendingEntry room, CancellationToken stop)
    {
        var members = await membershipsTable.MembersAsync(
            room.Room, MembershipSet.Join, room.AfterUser, options.EntriesAtOnce, stop);
        return new DirectoryMembersNoted(
            room, [.. members.Select(static member => member.UserId)], members.Count < options.EntriesAtOnce);
    }

    private async ValueTask<Change> EntryAsync(
        PendingUser pending, Dictionary<RoomNid, bool> open, CancellationToken stop)
    {
        var isLocal = RoomNames.ServerOf(pending.UserId) == roomsOptions.ServerName;
        if (isLocal
            && await accountsTable.FindUserAsync(pending.UserId, stop)
                is not { DeactivatedAt: null, Kind: not UserKind.Guest })
        {
            return new DirectoryEntryDeleted(pending);
        }

        var joined = await directoryTable.RoomsAsync(pending.UserId, options.RoomsOfUser, stop);
        if (joined.Count == 0 && !isLocal) return new DirectoryEntryDeleted(pending);
        JoinedRoomRow? isOpenBy = null;
        foreach (var room in joined)
        {
            if (!open.TryGetValue(room.Room, out var isOpen))
            {
                open.Add(room.Room, isOpen = await openRooms.IsOpenAsync(room.Room, stop));
            }

            if (!isOpen) continue;
            isOpenBy = room;
            break;
        }

        // A name that another server's user has in a private room is not shown to everyone.
        var (name, avatar) = isLocal
            ? await users.ShownProfileAsync(pending.UserId, stop)
            : await ProfileInAsync(isOpenBy ?? joined[0], stop);
        return new DirectoryEntryPut(
            pending, name, avatar, isOpenBy is not null, isLocal, WordsOf(pending.UserId, name));
    }

    /// <summary>The words by which a user with this name is found.</summary>
    internal string[] WordsOf(string userId, string? name) =>
    [
        .. SearchWords.Of($"{LocalPartOf(userId)} {name}", options.WordsOfUser)
            .Prepend(SearchWords.Folded(userId))
            .Distinct(),
    ];

    /// <summary>The name and avatar of a user in a room.</summary>
    internal async ValueTask<ShownProfile> ProfileInAsync(JoinedRoomRow room, CancellationToken stop)
    {
        if (await rooms.FindAsync(room.Room, stop) is not { } snapshot) return default;
        var member = await events.GetAsync(snapshot.Room, room.Event, stop);
        return member is null
            ? default
            : new ShownProfile(
                member.Pdu.Content.Text("displayname") is { Length: > 0 } name ? name : null,
                member.Pdu.Content.Text("avatar_url") is { Length: > 0 } avatar ? avatar : null);
    }

    private static string LocalPartOf(string userId) => userId[1..userId.IndexOf(':', StringComparison.Ordinal)];
}

using Matrix.Core.Event;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Storage.Tables.UserDirectory;

/// <summary>
/// The user directory: the words by which users are found, and users whose entry may be out of date.
/// v1.19 client-server-api#user-directory
/// </summary>
/// <remarks>
/// A user takes about 250 bytes: a row, and two for each word of the name, of which there are at most
/// `user_directory.words`. Users who are known to share no room with anyone are deleted.
/// </remarks>
public sealed class UserDirectoryTable(IReads reads)
{
    /// <summary>The last character: texts that begin with a word are less than the word and this.</summary>
    private const string Last = "\U0010FFFF";

    private const string Found = "u.user_id, u.display_name, u.avatar_url, w.word";

    private const string Matches = "w.word >= $1 AND w.word < $2";

    private const string Others = """
        ($3 = '' OR EXISTS (SELECT 1 FROM directory_words x
            WHERE x.user_id = w.user_id AND x.word >= $3 AND x.word < $4))
        AND ($5 = '' OR EXISTS (SELECT 1 FROM directory_words x
            WHERE x.user_id = w.user_id AND x.word >= $5 AND x.word < $6))
        """;

    private const string IsOpen = "(w.is_open = 1 OR (w.is_local = 1 AND $7 = 1))";
    private const string Users = "JOIN directory_users u ON u.user_id = w.user_id";

    private static readonly Statement Open = Statement.Of($"""
        SELECT {Found} FROM directory_words w {Users} WHERE {Matches} AND {IsOpen} AND {Others}
        ORDER BY w.word, w.user_id LIMIT $8
        """);

    private static readonly Statement Closed = Statement.Of($"""
        SELECT {Found} FROM directory_words w {Users} WHERE {Matches} AND NOT {IsOpen} AND {Others}
        ORDER BY w.word, w.user_id LIMIT $8
        """);

    // Each user has few rooms; the conditions are those of the indexes.
    private static readonly Statement SharingOf = Statement.ByKeys("""
        SELECT b.user_id FROM memberships b JOIN memberships a
            ON a.room_nid = b.room_nid AND a.user_id = $2 AND a.membership = 1
        WHERE b.user_id = KEY AND b.is_local = 1 AND b.membership = 1
        UNION
        SELECT b.user_id FROM memberships b JOIN memberships a
            ON a.room_nid = b.room_nid AND a.user_id = $2 AND a.membership = 1
        WHERE b.user_id = KEY AND b.is_local = 0 AND b.membership = 1
        """);

    // The words are looked up by user: CROSS JOIN makes SQLite begin with the members.
    private static readonly Statement SharingMembers = Statement.Of(
        SharingBy("CROSS JOIN directory_words w ON w.user_id = b.user_id"),
        SharingBy("JOIN directory_words w ON w.user_id = b.user_id"));

    private static readonly Statement Pending = Statement.Of(
        "SELECT user_id, position FROM directory_pending WHERE position <= $2 ORDER BY user_id LIMIT $1");

    private static readonly Statement RoomPending = Statement.Of("""
        SELECT room_nid, position, after_user FROM directory_pending_rooms WHERE position <= $1
        ORDER BY room_nid LIMIT 1
        """);

    private static readonly Statement SharedRooms = Statement.ByKeys("""
        SELECT user_id, room_nid, event_nid FROM (
            SELECT b.user_id, b.room_nid, b.event_nid,
                ROW_NUMBER() OVER (PARTITION BY b.user_id ORDER BY b.position DESC) AS place
            FROM memberships b JOIN memberships a
                ON a.room_nid = b.room_nid AND a.user_id = $2 AND a.membership = 1
            WHERE b.user_id = KEY AND b.is_local = 0 AND b.membership = 1) shared
        WHERE place = 1
        """);

    private static readonly Statement Rooms = Statement.Of("""
        SELECT room_nid, event_nid, position FROM memberships
        WHERE user_id = $1 AND is_local = 1 AND membership = 1
        UNION ALL
        SELECT m.room_nid, m.event_nid, m.position FROM memberships m
        WHERE m.user_id = $1 AND m.is_local = 0 AND m.membership = 1 AND EXISTS (SELECT 1 FROM memberships l
            WHERE l.room_nid = m.room_nid AND l.is_local = 1 AND l.membership = 1)
        ORDER BY 3 DESC LIMIT $2
        """);

    private static readonly Statement AddPending = Statement.Of("""
        INSERT INTO directory_pending (user_id, position) VALUES ($1, $2)
        ON CONFLICT (user_id) DO UPDATE SET position = excluded.position
        """);

    private static readonly Statement AddRoom = Statement.Of("""
        INSERT INTO directory_pending_rooms (room_nid, position, after_user) VALUES ($1, $2, '')
        ON CONFLICT (room_nid) DO UPDATE SET position = excluded.position, after_user = excluded.after_user
        """);

    // Nobody here follows a room that the last local user left, until one joins again. Only other servers' users have
    // another entry by that.
    private static readonly Statement AddRoomOfOne = Statement.Of("""
        INSERT INTO directory_pending_rooms (room_nid, position, after_user)
        SELECT $1, $2, '' WHERE NOT EXISTS (SELECT 1 FROM memberships
            WHERE room_nid = $1 AND is_local = 1 AND membership = 1 AND user_id <> $3)
        AND EXISTS (SELECT 1 FROM memberships WHERE room_nid = $1 AND is_local = 0 AND membership = 1)
        ON CONFLICT (room_nid) DO UPDATE SET position = excluded.position, after_user = excluded.after_user
        """);

    private static readonly Statement MoveRoom = Statement.Of(
        "UPDATE directory_pending_rooms SET after_user = $3 WHERE room_nid = $1 AND position = $2");

    private static readonly Statement EndRoom = Statement.Of(
        "DELETE FROM directory_pending_rooms WHERE room_nid = $1 AND position = $2");

    private static readonly Statement EndPending = Statement.Of(
        "DELETE FROM directory_pending WHERE user_id = $1 AND position = $2");

    private static readonly Statement DeleteUser = Statement.Of("DELETE FROM directory_users WHERE user_id = $1");

    private static readonly Statement DeleteWords = Statement.Of("DELETE FROM directory_words WHERE user_id = $1");

    private static readonly Statement PutUser = Statement.Of("""
        INSERT INTO directory_users (user_id, display_name, avatar_url) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET display_name = excluded.display_name, avatar_url = excluded.avatar_url
        """);

    private static readonly Statement PutWord = Statement.Of(
        "INSERT INTO directory_words (word, user_id, is_open, is_local) VALUES ($1, $2, $3, $4)");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<DirectoryEntryPut>(static (op, writes) =>
        {
            writes.Run(DeleteWords, op, static (a, op) => a.Text(op.Of.UserId));
            writes.Run(PutUser, op, static (a, op) =>
                a.Text(op.Of.UserId).TextOrNull(op.DisplayName).TextOrNull(op.AvatarUrl));
            foreach (var word in op.Words)
            {
                writes.Run(PutWord, (op, word), static (a, q) =>
                    a.Text(q.word).Text(q.op.Of.UserId).Bool(q.op.IsOpen).Bool(q.op.IsLocal));
            }

            End(op.Of, writes);
        })
        .On<DirectoryEntryDeleted>(static (op, writes) =>
        {
            writes.Run(DeleteWords, op, static (a, op) => a.Text(op.Of.UserId));
            writes.Run(DeleteUser, op, static (a, op) => a.Text(op.Of.UserId));
            End(op.Of, writes);
        })
        .On<DirectoryMembersNoted>(static (op, writes) =>
        {
            foreach (var user in op.Users) Add(user, writes);
            if (op.IsEnd) writes.Run(EndRoom, op.Of, static (a, of) => a.Room(of.Room).Int(of.Position));
            else
            {
                writes.Run(MoveRoom, op, static (a, op) => a
                    .Room(op.Of.Room).Int(op.Of.Position).Text(op.Users[^1]));
            }
        })
        .On<MembershipChanged>(static (op, writes) =>
        {
            Add(op.UserId, writes);
            if (op.IsLocal && (op.Before == Membership.Join) != (op.After == Membership.Join))
            {
                writes.Run(AddRoomOfOne, op, static (a, op) => a.Room(op.Room).Position().Text(op.UserId));
            }
        })
        .On<ProfileFieldChanged>(static (op, writes) => AddIfShown(op.UserId, op.Field, writes))
        .On<ProfileFieldDeleted>(static (op, writes) => AddIfShown(op.UserId, op.Field, writes))
        .On<ProfileDeleted>(static (op, writes) => Add(op.UserId, writes))
        .On<UserCreated>(static (op, writes) => Add(op.UserId, writes))
        .On<GuestUpgraded>(static (op, writes) => Add(op.UserId, writes))
        .On<UserDeactivated>(static (op, writes) => Add(op.UserId, writes))
        .On<StateChanged>(static (op, writes) =>
        {
            if (MayOpen(op))
            {
                writes.Run(AddRoom, op, static (a, op) => a.Room(op.Room).Position());
            }
        });

    /// <summary>
    /// Users whom everyone finds, the best matches of the first word first. The cost follows the matches.
    /// </summary>
    public ValueTask<IReadOnlyList<DirectoryRow>> OpenAsync(
        DirectoryQuery query, int limit, CancellationToken stop) =>
        reads.ListAsync(Open, (query, limit), static (a, q) => Bind(a, q.query).Int(q.limit), Row, stop);

    /// <summary>Users whom only some find, in the same order, whether or not this user is one of these.</summary>
    public ValueTask<IReadOnlyList<DirectoryRow>> ClosedAsync(
        DirectoryQuery query, int limit, CancellationToken stop) =>
        reads.ListAsync(Closed, (query, limit), static (a, q) => Bind(a, q.query).Int(q.limit), Row, stop);

    /// <summary>Those of these users who share a room with the local user. Reads the rooms of each.</summary>
    public async ValueTask<IReadOnlySet<string>> SharingAsync(
        string localUser, IReadOnlyCollection<string> users, CancellationToken stop) =>
        (await reads.ByKeysAsync(
            SharingOf, users, By.Text, localUser, static (a, user) => a.Text(user), static row => row.Text(0), stop))
        .ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// Users whom only some find, and who share a room with the local user. Reads all members of that user's rooms.
    /// </summary>
    public ValueTask<IReadOnlyList<DirectoryRow>> SharingAsync(
        string localUser, DirectoryQuery query, int limit, CancellationToken stop) =>
        reads.ListAsync(
            SharingMembers,
            (localUser, query, limit),
            static (a, q) => Bind(a, q.query).Int(q.limit).Text(q.localUser),
            Row,
            stop);

    /// <summary>
    /// Of each of these users of other servers who share a room with the local user, the room that they joined last.
    /// </summary>
    public async ValueTask<IReadOnlyDictionary<string, JoinedRoomRow>> SharedRoomsAsync(
        string localUser, IReadOnlyCollection<string> remoteUsers, CancellationToken stop) =>
        (await reads.ByKeysAsync(
            SharedRooms,
            remoteUsers,
            By.Text,
            localUser,
            static (a, user) => a.Text(user),
            static row => (User: row.Text(0), Room: new JoinedRoomRow(row.Room(1), row.Nid(2))),
            stop))
        .ToDictionary(static row => row.User, static row => row.Room, StringComparer.Ordinal);

    /// <summary>Users whose entry may be out of date, by changes up to a position.</summary>
    public ValueTask<IReadOnlyList<PendingUser>> PendingAsync(long through, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Pending,
            (through, limit),
            static (a, q) => a.Int(q.limit).Int(q.through),
            static row => new PendingUser(row.Text(0), row.Int64(1)),
            stop);

    /// <summary>
    /// A room whose members' entries may be out of date, by a change up to a position; null for none.
    /// </summary>
    public async ValueTask<PendingEntry?> PendingEntryAsync(long through, CancellationToken stop) =>
        (await reads.ListAsync(
            RoomPending,
            through,
            static (a, through) => a.Int(through),
            static row => new PendingEntry(row.Room(0), row.Int64(1), row.Text(2)),
            stop)) is [var room] ? room : null;

    /// <summary>The rooms to which a user and a local user are joined, the latest of the user first.</summary>
    public ValueTask<IReadOnlyList<JoinedRoomRow>> RoomsAsync(string userId, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Rooms,
            (userId, limit),
            static (a, q) => a.Text(q.userId).Int(q.limit),
            static row => new JoinedRoomRow(row.Room(0), row.Nid(1)),
            stop);

    private static string SharingBy(string words) => $"""
        SELECT DISTINCT {Found} FROM memberships a
        JOIN memberships b ON b.room_nid = a.room_nid AND b.membership = 1
        {words} {Users}
        WHERE a.user_id = $9 AND a.is_local = 1 AND a.membership = 1
            AND {Matches} AND NOT {IsOpen} AND {Others}
        ORDER BY w.word, u.user_id LIMIT $8
        """;

    private static IArguments Bind(IArguments arguments, DirectoryQuery query) => arguments
        .Text(query.First).Text(query.First + Last)
        .Text(query.Second).Text(query.Second + Last)
        .Text(query.Third).Text(query.Third + Last)
        .Bool(query.AllLocal);

    private static DirectoryRow Row(IRow row) => new(row.Text(0), row.TextOrNull(1), row.TextOrNull(2), row.Text(3));

    private static void Add(string userId, IWrites writes) =>
        writes.Run(AddPending, userId, static (a, userId) => a.Text(userId).Position());

    private static void AddIfShown(string userId, string field, IWrites writes)
    {
        if (field is "displayname" or "avatar_url") Add(userId, writes);
    }

    private static void End(PendingUser of, IWrites writes) =>
        writes.Run(EndPending, of, static (a, of) => a.Text(of.UserId).Int(of.Position));

    /// <summary>Whether the room's members may have become findable for everyone, or no longer be.</summary>
    private static bool MayOpen(StateChanged changed) =>
        changed.ChangeOf(EventTypes.JoinRules, "") is not null
        || changed.ChangeOf(EventTypes.HistoryVisibility, "") is not null;
}

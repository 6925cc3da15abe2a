using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Memberships;

internal sealed class MembershipsTable(IReads reads) : IMembershipsTable
{
    private const string Columns = "user_id, membership, event_nid, position, forgotten";
    private const string InSet = "(1 << membership) &";

    private static readonly Statement OfUser = Statement.Of($"""
        SELECT m.room_nid, r.room_id, m.membership, m.event_nid, m.position, m.forgotten
        FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid WHERE m.user_id = $1 AND m.is_local = 1
            AND {InSet} $2 <> 0
        """);

    private static readonly Statement One = Statement.Of(
        $"SELECT {Columns} FROM memberships WHERE room_nid = $1 AND user_id = $2");
    private static readonly Statement Many = Statement.ByKeys(
        $"SELECT {Columns} FROM memberships WHERE user_id = KEY AND room_nid = $2");

    private static readonly Statement Page = Statement.Of($"""
        SELECT {Columns} FROM memberships WHERE room_nid = $1 AND user_id > $2 AND {InSet} $3 <> 0
            ORDER BY user_id LIMIT $4
        """);

    private static readonly Statement JoinedLocal = Statement.ByKeys(
        "SELECT room_nid, user_id FROM memberships WHERE room_nid = KEY AND is_local = 1 AND membership = 1");

    private static readonly Statement Local = Statement.Of($"""
        SELECT {Columns} FROM memberships WHERE room_nid = $1 AND is_local = 1 AND {InSet} $2 <> 0 ORDER BY user_id
        """);

    private static readonly Statement Counts = Statement.Of("""
        SELECT membership, COUNT(*) FROM memberships WHERE room_nid = $1 GROUP BY membership
        """);

    private static readonly Statement Share = Statement.Of("""
        SELECT 1 FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.user_id = $2
            AND b.membership = 1
        WHERE a.user_id = $1 AND a.is_local = 1 AND a.membership = 1 LIMIT 1
        """);

    private const string Mutual = """
        FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.user_id = $2 AND b.membership = 1
        """;

    private const string OfFirst = "WHERE a.user_id = $1 AND a.is_local = 1 AND a.membership = 1";

    private static readonly Statement MutualRooms = Statement.Of($"""
        SELECT a.room_nid, r.room_id {Mutual} JOIN rooms r ON r.room_nid = a.room_nid
        {OfFirst} AND a.room_nid > $3 ORDER BY a.room_nid LIMIT $4
        """);

    private static readonly Statement MutualCount = Statement.Of($"SELECT COUNT(*) {Mutual} {OfFirst}");

    private static readonly Statement LocalSharing = Statement.Of("""
        SELECT DISTINCT b.user_id
        FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.is_local = 1 AND b.membership = 1
        WHERE a.user_id = $1 AND a.is_local = 1 AND a.membership = 1 AND b.user_id <> $1
        UNION
        SELECT b.user_id
        FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.is_local = 1 AND b.membership = 1
        WHERE a.user_id = $1 AND a.is_local = 0 AND a.membership = 1
        """);

    private static readonly Statement RemoteRooms = Statement.ByKeys("""
        SELECT user_id, room_nid, position FROM memberships WHERE user_id = KEY AND is_local = 0 AND membership = 1
        """);

    private static readonly Statement LocalSince = Statement.ByKeys("""
        SELECT room_nid, MIN(position) FROM memberships WHERE room_nid = KEY AND is_local = 1 AND membership = 1
        GROUP BY room_nid
        """);

    private static readonly Statement ServersSharing = Statement.Of(
        ServersSharingBy("instr(b.user_id, ':')"), ServersSharingBy("strpos(b.user_id, ':')"));

    private static readonly Statement ServersSharingBefore = Statement.Of(
        ServersSharingBy("instr(b.user_id, ':')", "AND a.position < $2"),
        ServersSharingBy("strpos(b.user_id, ':')", "AND a.position < $2"));

    private static readonly Statement SharingAmong = Statement.ByKeys("""
        SELECT DISTINCT b.user_id FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid
            AND b.user_id = KEY AND b.membership = 1
        WHERE a.user_id = $2 AND a.is_local = 1 AND a.membership = 1
        """);

    private static readonly Statement SharedAt = Statement.ByKeys($"""
        SELECT b.user_id, a.room_nid, {SharedMemberships.WereJoined("$3")}
        FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.user_id = KEY
        WHERE a.user_id = $2 AND a.is_local = 1 AND {SharedMemberships.MayHaveBeenJoined("$3")}
        """);

    private static readonly Statement JoinedOrChanged = Statement.Of($"""
        SELECT {Columns} FROM memberships WHERE room_nid = $1 AND user_id > $2 AND (membership = 1 OR position > $3)
            ORDER BY user_id LIMIT $4
        """);

    // The domain of a user id is everything after the first colon.
    private static readonly Statement RemoteServers = Statement.Of(
        RemoteServersBy("instr(user_id, ':')"), RemoteServersBy("strpos(user_id, ':')"));

    private static readonly Statement IsJoined = Statement.Of(
        IsMemberBy("instr(user_id, ':')", Membership.Join), IsMemberBy("strpos(user_id, ':')", Membership.Join));

    private static readonly Statement IsInvited = Statement.Of(
        IsMemberBy("instr(user_id, ':')", Membership.Invite), IsMemberBy("strpos(user_id, ':')", Membership.Invite));

    private static readonly Statement RemoteMembers = Statement.Of(
        RemoteMembersBy("instr(user_id, ':')"), RemoteMembersBy("strpos(user_id, ':')"));

    // A new profile, or another join event, does not begin the membership again.
    private static readonly Statement Put = Statement.Of("""
        INSERT INTO memberships (room_nid, user_id, membership, event_nid, position, is_local, forgotten)
            VALUES ($1, $2, $3, $4, $5, $6, 0)
        ON CONFLICT (room_nid, user_id) DO UPDATE
        SET membership = excluded.membership, event_nid = excluded.event_nid,
            position = CASE WHEN memberships.membership = 1 AND excluded.membership = 1
                THEN memberships.position ELSE excluded.position END,
            forgotten = 0
        """);

    private static readonly Statement Remove = Statement.Of(
        "DELETE FROM memberships WHERE room_nid = $1 AND user_id = $2");

    private static readonly Statement Forget = Statement.Of("""
        UPDATE memberships SET forgotten = 1 WHERE room_nid = $1 AND user_id = $2 AND membership IN (4, 5)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<MembershipChanged>(static (op, writes) =>
        {
            if (op.After is { } after)
            {
                // Any change of the membership ends "forgotten".
                writes.Run(Put, (op, after), static (a, q) => a
                    .Room(q.op.Room).Text(q.op.UserId).Int((int)q.after).Nid(q.op.Event).Position().Bool(q.op.IsLocal));
            }
            else
            {
                writes.Run(Remove, op, static (a, op) => a.Room(op.Room).Text(op.UserId));
            }
        })
        .OnCondition<RoomForgotten>(Forget, static (a, op) => a.Room(op.Room).Text(op.UserId));

    public ValueTask<IReadOnlyList<UserRoomRow>> RoomsOfAsync(
        string userId, MembershipSet memberships, CancellationToken stop) =>
        reads.ListAsync(
            OfUser,
            (userId, memberships),
            static (a, q) => a.Text(q.userId).Int((int)q.memberships),
            static row => new UserRoomRow(
                row.Room(0), row.Text(1), (Membership)row.Int64(2), row.Nid(3), row.Int64(4), row.Bool(5)),
            stop);

    public ValueTask<MemberRow?> FindAsync(RoomNid room, string userId, CancellationToken stop) =>
        reads.FirstAsync(One, (room, userId), static (a, q) => a.Room(q.room).Text(q.userId), Row, stop);

    public ValueTask<IReadOnlyList<MemberRow>> FindManyAsync(
        RoomNid room, IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(Many, userIds, By.Text, room, static (a, room) => a.Room(room), Row, stop);

    public ValueTask<IReadOnlyList<MemberRow>> MembersAsync(
        RoomNid room, MembershipSet memberships, string afterUser, int limit, CancellationToken stop) =>
            reads.ListAsync(
            Page,
            (room, memberships, afterUser, limit),
            static (a, q) => a.Room(q.room).Text(q.afterUser).Int((int)q.memberships).Int(q.limit),
            Row,
            stop);

    public ValueTask<IReadOnlyList<MemberRow>> LocalMembersAsync(
        RoomNid room, MembershipSet memberships, CancellationToken stop) =>
        reads.ListAsync(Local, (room, memberships), static (a, q) => a.Room(q.room).Int((int)q.memberships), Row, stop);

    public ValueTask<IReadOnlyList<(RoomNid Room, string UserId)>> JoinedLocalMembersAsync(
        IReadOnlyCollection<RoomNid> rooms, CancellationToken stop) =>
        reads.ByKeysAsync(JoinedLocal, rooms, By.Room, static row => (row.Room(0), row.Text(1)), stop);

    public async ValueTask<MembershipCounts> CountAsync(RoomNid room, CancellationToken stop)
    {
        var rows = await reads.ListAsync(
            Counts, room, static (a, room) => a.Room(room),
            static row => (Membership: (Membership)row.Int64(0), Count: row.Int32(1)), stop);
        int Of(Membership membership) => rows.FirstOrDefault(row => row.Membership == membership).Count;
        return new MembershipCounts(
            Of(Membership.Join), Of(Membership.Invite), Of(Membership.Knock), Of(Membership.Leave), Of(Membership.Ban));
    }

    public async ValueTask<bool> ShareRoomAsync(string localUser, string otherUser, CancellationToken stop) =>
        await reads.FirstAsync(
            Share, (localUser, otherUser), static (a, q) => a.Text(q.localUser).Text(q.otherUser), static _ => true,
            stop);

    public ValueTask<IReadOnlyList<MutualRoomRow>> MutualRoomsAsync(
        string localUser, string otherUser, RoomNid after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            MutualRooms,
            (localUser, otherUser, after, limit),
            static (a, q) => a.Text(q.localUser).Text(q.otherUser).Room(q.after).Int(q.limit),
            static row => new MutualRoomRow(row.Room(0), row.Text(1)),
            stop);

    public ValueTask<int> MutualRoomCountAsync(string localUser, string otherUser, CancellationToken stop) =>
        reads.FirstAsync(
            MutualCount,
            (localUser, otherUser),
            static (a, q) => a.Text(q.localUser).Text(q.otherUser),
            static row => row.Int32(0),
            stop);

    public ValueTask<IReadOnlyList<string>> LocalUsersSharingWithAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(LocalSharing, userId, static (a, user) => a.Text(user), static row => row.Text(0), stop);

    public async ValueTask<IReadOnlyList<SharedRoomRow>> SharedRoomsAsync(
        IReadOnlyCollection<string> remoteUsers, CancellationToken stop)
    {
        var rooms = await reads.ByKeysAsync(
            RemoteRooms,
            remoteUsers,
            By.Text,
            static row => new SharedRoomRow(row.Text(0), row.Room(1), row.Int64(2)),
            stop);
        if (rooms.Count == 0) return [];
        var local = await reads.ByKeysAsync(
            LocalSince,
            [.. rooms.Select(row => row.Room).Distinct()],
            By.Room,
            static row => (Room: row.Room(0), Since: row.Int64(1)),
            stop);
        var since = local.ToDictionary(row => row.Room, row => row.Since);
        return
        [
            .. rooms.Where(row => since.ContainsKey(row.Room))
                .Select(row => row with { Since = Math.Max(row.Since, since[row.Room]) }),
        ];
    }

    public async ValueTask<IReadOnlyDictionary<string, int>> ServersSharingWithAsync(
        string localUser, CancellationToken stop)
    {
        var rows = await reads.ListAsync(
            ServersSharing,
            localUser,
            static (a, user) => a.Text(user),
            static row => (Server: row.Text(0), Rooms: row.Int32(1)),
            stop);
        return rows.ToDictionary(row => row.Server, row => row.Rooms);
    }

    public async ValueTask<IReadOnlySet<string>> ServersSharingBeforeAsync(
        string localUser, long position, CancellationToken stop)
    {
        var servers = await reads.ListAsync(
            ServersSharingBefore,
            (localUser, position),
            static (a, q) => a.Text(q.localUser).Int(q.position),
            static row => row.Text(0),
            stop);
        return servers.ToHashSet(StringComparer.Ordinal);
    }

    public async ValueTask<IReadOnlySet<string>> SharingAmongAsync(
        string localUser, IReadOnlyCollection<string> candidates, CancellationToken stop)
    {
        var users = await reads.ByKeysAsync(
            SharingAmong, candidates, By.Text, localUser, static (a, user) => a.Text(user), static row => row.Text(0),
            stop);
        return users.ToHashSet(StringComparer.Ordinal);
    }

    public ValueTask<IReadOnlyList<FormerlySharedRow>> SharedAtAsync(
        string localUser, IReadOnlyCollection<string> candidates, long position, CancellationToken stop) =>
        reads.ByKeysAsync(
            SharedAt,
            candidates,
            By.Text,
            (localUser, position),
            static (a, q) => a.Text(q.localUser).Int(q.position),
            static row => new FormerlySharedRow(row.Text(0), row.Room(1), row.Bool(2)),
            stop);

    public ValueTask<IReadOnlyList<MemberRow>> JoinedOrChangedAsync(
        RoomNid room, long position, string afterUser, int limit, CancellationToken stop) => reads.ListAsync(
        JoinedOrChanged,
        (room, position, afterUser, limit),
        static (a, q) => a.Room(q.room).Text(q.afterUser).Int(q.position).Int(q.limit),
        Row,
        stop);

    public ValueTask<IReadOnlyList<string>> RemoteServersAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            RemoteServers,
            (room, limit),
            static (a, q) => a.Room(q.room).Int(q.limit),
            static row => row.Text(0),
            stop);

    public async ValueTask<IReadOnlyDictionary<string, int>> RemoteMembersAsync(RoomNid room, CancellationToken stop)
    {
        var rows = await reads.ListAsync(
            RemoteMembers,
            room,
            static (a, room) => a.Room(room),
            static row => (Server: row.Text(0), Count: row.Int32(1)),
            stop);
        return rows.ToDictionary(row => row.Server, row => row.Count);
    }

    private static string ServersSharingBy(string colon, string condition = "") => $"""
        SELECT substr(b.user_id, {colon} + 1), COUNT(DISTINCT b.room_nid)
        FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.is_local = 0 AND b.membership = 1
        WHERE a.user_id = $1 AND a.is_local = 1 AND a.membership = 1 {condition} GROUP BY 1
        """;

    private static string RemoteMembersBy(string colon) => $"""
        SELECT substr(user_id, {colon} + 1), COUNT(*) FROM memberships
        WHERE room_nid = $1 AND membership = 1 AND is_local = 0 GROUP BY 1
        """;

    private static string RemoteServersBy(string colon) => $"""
        SELECT substr(user_id, {colon} + 1) FROM memberships
        WHERE room_nid = $1 AND membership = 1 AND is_local = 0 GROUP BY 1 ORDER BY COUNT(*) DESC, 1 LIMIT $2
        """;

    public ValueTask<bool> IsJoinedAsync(RoomNid room, string serverName, CancellationToken stop) =>
        HasMemberAsync(IsJoined, room, serverName, stop);

    public ValueTask<bool> IsInvitedAsync(RoomNid room, string serverName, CancellationToken stop) =>
        HasMemberAsync(IsInvited, room, serverName, stop);

    private async ValueTask<bool> HasMemberAsync(
        Statement statement, RoomNid room, string serverName, CancellationToken stop) =>
        await reads.FirstAsync(
            statement,
            (room, serverName),
            static (a, q) => a.Room(q.room).Text(q.serverName),
            static _ => true,
            stop);

    private static string IsMemberBy(string colon, Membership membership) => $"""
        SELECT 1 FROM memberships
        WHERE room_nid = $1 AND membership = {(int)membership} AND is_local = 0
            AND substr(user_id, {colon} + 1) = $2
        LIMIT 1
        """;

    private static MemberRow Row(IRow row) =>
        new(row.Text(0), (Membership)row.Int64(1), row.Nid(2), row.Int64(3), row.Bool(4));
}

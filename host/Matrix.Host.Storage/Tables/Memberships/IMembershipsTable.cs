namespace Matrix.Host.Storage.Tables.Memberships;

/// <summary>
/// Who is what in which room, by the rooms' current state. Questions by user answer for local users; questions by room for all.
/// </summary>
public interface IMembershipsTable
{
    /// <summary>A local user's rooms with one of these memberships, forgotten ones included (they say so).</summary>
    ValueTask<IReadOnlyList<UserRoomRow>> RoomsOfAsync(string userId, MembershipSet memberships, CancellationToken stop);

    /// <summary>What the user is in the room; null if the room's state does not mention them.</summary>
    ValueTask<MemberRow?> FindAsync(RoomNid room, string userId, CancellationToken stop);

    /// <summary>What these users are in the room; users it does not mention are left out.</summary>
    ValueTask<IReadOnlyList<MemberRow>> FindManyAsync(RoomNid room, IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>Members by user id, a page at a time: those after <paramref name="afterUser"/> (empty for the first page).</summary>
    ValueTask<IReadOnlyList<MemberRow>> MembersAsync(
        RoomNid room, MembershipSet memberships, string afterUser, int limit, CancellationToken stop);

    /// <summary>Local members with one of these memberships. Costs the local members, however many remote ones there are.</summary>
    ValueTask<IReadOnlyList<MemberRow>> LocalMembersAsync(RoomNid room, MembershipSet memberships, CancellationToken stop);

    /// <summary>How many users have each membership. Reads all of them: the room's header has the counts that requests need.</summary>
    ValueTask<MembershipCounts> CountAsync(RoomNid room, CancellationToken stop);

    /// <summary>Whether both, at least one of them local, are joined to one room.</summary>
    ValueTask<bool> ShareRoomAsync(string localUser, string otherUser, CancellationToken stop);

    /// <summary>Local users, the asker not among them, who are joined to a room that the local user is joined to.</summary>
    ValueTask<IReadOnlyList<string>> LocalUsersSharingWithAsync(string localUser, CancellationToken stop);

    /// <summary>Which of the candidates are joined to a room that the local user is joined to.</summary>
    ValueTask<IReadOnlySet<string>> SharingAmongAsync(
        string localUser, IReadOnlyCollection<string> candidates, CancellationToken stop);
}

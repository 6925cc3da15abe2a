using Matrix.Core.Cluster;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.TestWorld.Authorities;

/// <summary>
/// Whether batches name their authorities: what their changes need, and nothing else. A batch of a room's lane names
/// the room only, whatever it writes beside.
/// </summary>
internal sealed class AuthorityLaw
{
    private readonly Dictionary<RoomNid, string> _rooms = [];

    /// <summary>What is wrong with a batch; null if nothing is. Not thread-safe.</summary>
    internal string? FaultOf(WriteBatch batch)
    {
        var named = new HashSet<Authority>(batch.OtherAuthorities);
        if (batch.Authority != Authority.Nobody) named.Add(batch.Authority);
        Change[] changes = [.. batch.Preconditions, .. batch.Changes];

        // A lane waits for its earlier batches by an empty one.
        if (changes.Length == 0)
        {
            return named.All(static each => each.Kind == AuthorityKind.Room) ? null : Text("has no changes");
        }

        foreach (var change in changes) Learn(change);
        var claims = new List<Claim>(changes.Length);
        foreach (var change in changes)
        {
            if (ChangeClaims.Of(change, batch) is not { } claim) return Text($"has an unknown change {change}");
            claims.Add(claim);
        }

        if (claims.Exists(static claim => claim is Claim.OfRoom))
        {
            claims.RemoveAll(static claim => claim is not Claim.OfRoom);

            // A room may replace another one.
            if (changes.Any(static change => change is RoomCreated)) claims.Add(new Claim.Maybe(AuthorityKind.Room));
        }

        var missing = claims.Find(claim => Demands(claim) && !named.Any(authority => Satisfies(authority, claim)));
        if (missing is not null) return Text($"needs {missing}");
        return named.All(authority => claims.Exists(claim => Satisfies(authority, claim)))
            ? null
            : Text("names more than its changes need");

        string Text(string what) =>
            $"A batch of [{string.Join(", ", changes.Select(static change => change.ToString()))}] that names "
            + $"[{string.Join(", ", named)}] {what}.";
    }

    private static bool Demands(Claim claim) => claim is not Claim.Maybe && claim != Claim.None;

    private bool Satisfies(Authority authority, Claim claim) => claim switch
    {
        Claim.OfRoom { Room: var room } => authority.Kind == AuthorityKind.Room
            && (!_rooms.TryGetValue(room, out var id) || id == authority.Name),
        Claim.OfRoomId { RoomId: var id } => authority == Authority.Room(id),
        Claim.Of { Authority: var wanted } => authority == wanted,
        Claim.OfSome { Kind: var kind } => authority.Kind == kind,
        Claim.Maybe { Kind: var kind } => authority.Kind == kind,
        _ => false,
    };

    /// <summary>Notes the id of a room that a change says with its number.</summary>
    private void Learn(Change change)
    {
        var room = change switch
        {
            RoomCreated created => created.Room,
            RoomAdvanced advanced => advanced.Room,
            EventsAppended appended => appended.Room,
            RoomDeleted deleted => deleted.Room,
            _ => null,
        };
        if (room is not null) _rooms[room.Nid] = room.RoomId;
    }
}

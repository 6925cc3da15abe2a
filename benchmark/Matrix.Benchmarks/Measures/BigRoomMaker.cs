using Matrix.Benchmarks.Floor;
using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.State;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Benchmarks.Measures;

/// <summary>
/// Makes two rooms of 100 local members, one of them with 99,900 remote members too. The remote joins are written to
/// storage as if they had been received.
/// </summary>
internal static class BigRoomMaker
{
    private const int LocalMembers = 100;
    private const int RemoteMembers = 99_900;
    private const int PerStep = 1_850;

    /// <summary>Makes both rooms and returns their ids; the server restarts in between.</summary>
    public static async Task<(string Small, string Big)> MakeAsync(
        HomeserverProcess server, string? databaseUrl, Population population, CancellationToken stop)
    {
        var users = population.First(LocalMembers);
        var rooms = new[] { users[0].CreateRoom("small"), users[0].CreateRoom("big") };
        foreach (var room in rooms)
        {
            foreach (var user in users.Skip(1))
            {
                user.Join(room);
            }
        }

        await server.StopAsync(stop);
        await AddRemoteMembersAsync(
            databaseUrl ?? "sqlite:matrix.db",
            server.DataFolder,
            "hybrid.test",
            rooms[1],
            [.. Enumerable.Range(0, RemoteMembers).Select(i => $"@remote-{i}:server-{i % 500}.example")],
            stop);
        await server.StartAsync(stop);
        return (rooms[0], rooms[1]);
    }

    /// <summary>
    /// Writes joins of remote users into the database of a server that does not run, as if they had been received.
    /// </summary>
    public static async Task AddRemoteMembersAsync(
        string databaseUrl,
        string dataFolder,
        string serverName,
        string roomId,
        IReadOnlyList<string> users,
        CancellationToken stop)
    {
        var options = new StorageOptions { Url = databaseUrl, DataDir = dataFolder, ServerName = serverName };
        await using var storage = await StorageEngine.OpenAsync(options, stop);
        await AddRemoteMembersAsync(storage, roomId, users, stop);
    }

    private static async Task AddRemoteMembersAsync(
        OpenedStorage storage, string roomId, IReadOnlyList<string> users, CancellationToken stop)
    {
        var row = await storage.Rooms.FindAsync(roomId, stop)
            ?? throw new InvalidOperationException($"{roomId} is not stored.");
        var room = new RoomIdentity(row.Nid, roomId, RoomRules.Find(row.Version)!);
        var header = row.Header;
        var state = await new StateStore(storage.State, 1 << 30).AtAsync(row.Nid, header.CurrentStep, stop);
        var chain = await storage.State.ChainAsync(row.Nid, header.CurrentStep, stop);
        var last = await storage.State.LastCheckpointAsync(row.Nid, stop);
        var newest = last is null ? null : CheckpointHeader.Parse(last.Data.ToArray());
        for (var added = 0; added < users.Count; added += PerStep)
        {
            var (before, stateBefore) = (header, state);
            var step = header.LastStep + 1;
            var batch = new WriteBatch(Authority.Room(roomId), PerStep + 4);
            var joins = new List<StoredEvent>(PerStep);
            var changes = new List<StateChange>(PerStep);
            for (var i = added; i < Math.Min(added + PerStep, users.Count); i++)
            {
                header = header with { LastOrdinal = header.LastOrdinal + 1 };
                var userId = users[i];
                var nid = EventNid.Of(row.Nid, header.LastOrdinal);
                var join = PlainEvent.Join(room, nid, step, userId);
                joins.Add(join);
                changes.Add(StateChange.Added(StateEntry.Of("m.room.member", userId, join.EventId, nid.Ordinal)));
                batch.Add(new MembershipChanged(row.Nid, userId, null, Membership.Join, nid, IsLocal: false));
            }

            // The last state is stored as a whole checkpoint.
            state = state.Apply(changes);
            var isLast = added + PerStep >= users.Count;
            var checkpoint = isLast ? StateCheckpoint.Take(state, newest) : null;
            var delta = StateStep.Of(changes, isPartial: false);
            header = header with
            {
                CurrentStep = step,
                LastStep = step,
                LastNode = checkpoint?.Header.RootNode ?? header.LastNode,
                JoinedCount = header.JoinedCount + changes.Count,
            };
            var numbered = new StateNumbered(row.Nid, step, before.CurrentStep, chain?.Checkpoint?.Step ?? 0, delta)
            {
                Checkpoint = checkpoint,
            };
            batch.Add(new EventsAppended(room, joins))
                .Add(numbered)
                .Add(new StateChanged(row.Nid, before.CurrentStep, stateBefore, step, state))
                .Add(new RoomAdvanced(room, before, header));
            await storage.Writer.WriteAsync(batch, stop);
        }
    }
}

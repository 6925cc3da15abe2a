using Matrix.Benchmarks.Floor;
using Matrix.Core.State;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.State;
using Matrix.Host.Storage.Writing;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Benchmarks.Measures;

/// <summary>
/// Two rooms of 100 local members, and in one of them 99,900 remote ones besides. Those come through storage, as if their joins had been
/// received: there is no federation to bring them.
/// </summary>
internal static class BigRoomMaker
{
    private const int LocalMembers = 100;
    private const int RemoteMembers = 99_900;
    private const int PerStep = 1_850;

    /// <summary>Makes them; the server restarts in between. Answers the small room and the big one.</summary>
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
        var options = new StorageOptions
        {
            Url = databaseUrl ?? "sqlite:matrix.db",
            DataDir = server.DataFolder,
            ServerName = "hybrid.test",
        };
        await using (var storage = await StorageEngine.OpenAsync(options, stop))
        {
            await AddRemoteMembersAsync(storage, rooms[1], stop);
        }

        await server.StartAsync(stop);
        return (rooms[0], rooms[1]);
    }

    private static async Task AddRemoteMembersAsync(IStorage storage, string roomId, CancellationToken stop)
    {
        var row = await storage.Rooms.FindAsync(roomId, stop) ?? throw new InvalidOperationException($"{roomId} is not stored.");
        var header = row.Header;
        var state = await new StateStore(storage.State, 1 << 30).AtAsync(row.Nid, header.CurrentStep, stop);
        var chain = await storage.State.ChainAsync(row.Nid, header.CurrentStep, stop);
        for (var added = 0; added < RemoteMembers; added += PerStep)
        {
            var step = header.LastStep + 1;
            var set = new WriteSet(2 * PerStep);
            var changes = new List<StateChange>();
            for (var i = added; i < Math.Min(added + PerStep, RemoteMembers); i++)
            {
                header = header with { LastOrdinal = header.LastOrdinal + 1 };
                changes.Add(AddJoin(set, row.Nid, header.LastOrdinal, step, $"@remote-{i}:server-{i % 500}.example"));
            }

            state = state.Apply(changes);
            set.Add(new InsertStep(
                row.Nid, step, header.CurrentStep, chain?.Checkpoint?.Step ?? 0, StateStep.Of(changes, isPartial: false).ToBytes()));
            header = header with { CurrentStep = step, LastStep = step, JoinedCount = header.JoinedCount + changes.Count };
            await storage.Writer.WriteAsync(set.Add(new PutRoomHeader(row.Nid, header)), stop);
        }

        await CheckpointAsync(storage, row.Nid, header, state, stop);
    }

    private static StateChange AddJoin(WriteSet set, RoomNid room, uint ordinal, int step, string userId)
    {
        var nid = EventNid.Of(room, ordinal);
        var row = PlainEvent.Join(nid, step, userId);
        set.Add(row).Add(new SetMembership(room, userId, Membership.Join, nid, IsLocal: false));
        return StateChange.Added(StateEntry.Of("m.room.member", userId, row.EventId, ordinal));
    }

    private static async Task CheckpointAsync(IStorage storage, RoomNid room, RoomHeader header, StateTree state, CancellationToken stop)
    {
        var last = await storage.State.LastCheckpointAsync(room, stop);
        var newest = last is null ? null : CheckpointHeader.Parse(last.Data.ToArray());
        var checkpoint = StateCheckpoint.Take(state, newest);
        var stored = checkpoint.Header;
        await storage.Writer.WriteAsync(
            new WriteSet()
                .Add(new InsertNodes(room, [new NodeRow(stored.FirstNode, checkpoint.Pack)]))
                .Add(new InsertCheckpoint(room, header.CurrentStep, stored.RootNode, stored.ToBytes()))
                .Add(new LogCurrentState(room, header.CurrentStep))
                .Add(new PutRoomHeader(room, header with { LastNode = stored.RootNode })),
            stop);
    }
}

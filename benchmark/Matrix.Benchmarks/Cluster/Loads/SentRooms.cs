using System.Runtime.CompilerServices;
using System.Text.Json;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>
/// Users of a cluster, each in some rooms that another one made: a room is made at the node that its creator uses, so
/// rooms of their own would all be at hand there.
/// </summary>
internal static class SentRooms
{
    private static readonly ConditionalWeakTable<ClusterStage, Dictionary<(int, int), (Account, string[])[]>> _made =
        [];

    /// <summary>A message of 200 bytes.</summary>
    public static byte[] Content { get; } =
        JsonSerializer.SerializeToUtf8Bytes(new { msgtype = "m.text", body = Account.Sentence });

    /// <summary>The users and their rooms, made when they are first needed.</summary>
    public static (Account User, string[] Rooms)[] Of(ClusterStage stage, int users, int roomsOfEach)
    {
        var made = _made.GetOrCreateValue(stage);
        if (made.TryGetValue((users, roomsOfEach), out var rooms)) return rooms;
        var all = stage.Population.First(users);
        return made[(users, roomsOfEach)] =
        [
            .. all.Select((user, i) => (
                user,
                (string[])[.. Enumerable.Range(0, roomsOfEach).Select(j => Room(all[(i + 1 + j) % users], user))])),
        ];
    }

    private static string Room(Account creator, Account sender)
    {
        var room = creator.CreateRoom("sent");
        sender.Join(room);
        return room;
    }
}

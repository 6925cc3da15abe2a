using System.Diagnostics;
using Matrix.Benchmarks.Floor;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Benchmarks.Disk;

/// <summary>
/// Measures the writer's commits of one row per second, without HTTP: one after another, and concurrently.
/// </summary>
internal static class CommitSpeed
{
    private static readonly RoomNid Room = new(1);
    private static readonly Authority OfRoom = Authority.Room(PlainEvent.Room(Room).RoomId);
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    public static async Task<(double OneByOne, double ByTen)> MeasureAsync(
        string databaseUrl, string folder, CancellationToken stop)
    {
        var options = new StorageOptions { Url = databaseUrl, DataDir = folder, ServerName = "floor.test" };
        await using var storage = await StorageEngine.OpenAsync(options, stop);
        await storage.Writer.WriteAsync(
            new WriteBatch(OfRoom).Add(new RoomCreated(PlainEvent.Room(Room), "@floor:floor.test", new RoomHeader())),
            stop);
        var ordinal = EventNid.FirstLiveOrdinal;

        async Task<int> CommitsAsync()
        {
            var watch = Stopwatch.StartNew();
            var count = 0;
            for (; watch.Elapsed < Duration; count++)
            {
                var nid = EventNid.Of(Room, Interlocked.Increment(ref ordinal));
                await storage.Writer.WriteAsync(new WriteBatch(OfRoom, 1).Add(PlainEvent.Message(nid)), stop);
            }

            return count;
        }

        await CommitsAsync();
        var one = await CommitsAsync();
        var ten = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(CommitsAsync, stop)));
        return (one / Duration.TotalSeconds, ten.Sum() / Duration.TotalSeconds);
    }
}

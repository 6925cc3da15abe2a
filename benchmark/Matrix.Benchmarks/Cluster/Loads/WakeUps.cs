using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>
/// Rooms in which eight others wait by long-poll for each message: the next one is sent when all have it.
/// </summary>
internal sealed class WakeUps : IClusterLoad
{
    private const int Rooms = 30;
    private const int Waiting = 8;

    public string Name => "wakeups";

    public string Operations => "long-polls that a message wakes";

    public double Target => 2.7;

    public double SprayedTarget => 2.2;

    public Task<IPreparedLoad> PrepareAsync(ClusterStage stage, CancellationToken stop) => Task.Run<IPreparedLoad>(
        () =>
        {
            var rooms = new List<(Account Sender, string Room, Account[] Others)>();
            for (var i = 0; i < Rooms; i++)
            {
                stop.ThrowIfCancellationRequested();
                var sender = stage.Population.Fresh();
                var room = sender.CreateRoom("wake-ups");
                Account[] others = [.. Enumerable.Range(0, Waiting).Select(_ => stage.Population.Fresh())];
                foreach (var other in others) other.Join(room);
                rooms.Add((sender, Uri.EscapeDataString(room), others));
            }

            return new Prepared(stage, rooms);
        },
        stop);

    private sealed class Prepared(
        ClusterStage stage, IReadOnlyList<(Account Sender, string Room, Account[] Others)> rooms) : IPreparedLoad
    {
        private readonly Dictionary<Balancing, AsyncClient> _clients =
            new[] { Balancing.Token, Balancing.Turns }.ToDictionary(
                static route => route, route => new AsyncClient(stage.Server(route).Target));

        private int _messages;

        public async Task<LoadFigures> RunAsync(Balancing route, double seconds, CancellationToken stop)
        {
            var watch = Stopwatch.StartNew();
            var done = await Task.WhenAll(rooms.Select(each => Task.Run(
                () => RunAsync(_clients[route], each.Sender, each.Room, each.Others, watch, seconds, stop), stop)));
            var times = new Durations();
            foreach (var (woken, _) in done) times.Add(woken);
            return new LoadFigures(
                times.Count, done.Sum(static each => each.Requests), watch.Elapsed.TotalSeconds, times);
        }

        public void Dispose()
        {
            foreach (var client in _clients.Values) client.Dispose();
        }

        private async Task<(Durations Woken, long Requests)> RunAsync(
            AsyncClient client,
            Account sender,
            string room,
            Account[] others,
            Stopwatch watch,
            double seconds,
            CancellationToken stop)
        {
            var woken = new Durations();
            var requests = 0L;
            var tokens = await Task.WhenAll(others.Select(each => SyncAsync(client, each, null, stop)));
            while (watch.Elapsed.TotalSeconds < seconds)
            {
                var polls = others.Zip(tokens, (each, token) => SyncAsync(client, each, token, stop)).ToArray();
                var sent = Stopwatch.GetTimestamp();
                await SendAsync(client, sender, room, stop);
                tokens = await Task.WhenAll(polls);
                var took = Stopwatch.GetTimestamp() - sent;
                foreach (var _ in polls) woken.Add(took);
                requests += polls.Length + 1;
            }

            return (woken, requests);
        }

        private async Task SendAsync(AsyncClient client, Account sender, string room, CancellationToken stop)
        {
            var path = $"/_matrix/client/v3/rooms/{room}/send/m.room.message/w{Interlocked.Increment(ref _messages)}";
            using var reply = await client.SendAsync(
                HttpMethod.Put, path, "Bearer " + sender.AccessToken, SentRooms.Content, stop);
            Require(reply);
        }

        private static async Task<string> SyncAsync(
            AsyncClient client, Account user, string? since, CancellationToken stop)
        {
            var path = since is null ? "/_matrix/client/v3/sync?timeout=0"
                : $"/_matrix/client/v3/sync?timeout=30000&since={Uri.EscapeDataString(since)}";
            using var reply = await client.SendAsync(HttpMethod.Get, path, "Bearer " + user.AccessToken, null, stop);
            Require(reply);
            using var json = JsonDocument.Parse(reply.Body);
            return json.RootElement.GetProperty("next_batch").GetString()!;
        }

        private static void Require(Reply reply)
        {
            if (reply.Status != 200)
                throw new InvalidDataException($"{reply.Status}: {Encoding.UTF8.GetString(reply.Body.Span)}");
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Processes;

/// <summary>A second machine takes the database over from one that stands still, is cut off, or still runs.</summary>
[Category(TestDatabase.Postgres)]
public sealed class TakeOverTests() : DatabaseTests(TestDatabase.Postgres)
{
    [Test]
    public async Task A_server_that_stood_still_under_load_ends_when_it_goes_on_and_nothing_acknowledged_is_lost()
    {
        var database = await NewDatabaseAsync();
        await using var first = new Node(database!, "a");
        await using var second = new Node(database!, "b");

        // The first start of a server makes its signing key, and is of one machine.
        first.Process.Settings["MATRIX_CLUSTER__NODE"] = "";
        await first.Process.StartAsync();
        await first.Process.StopAsync();
        first.Process.Settings["MATRIX_CLUSTER__NODE"] = "a";
        Directory.CreateDirectory(second.Process.DataFolder);
        File.Copy(
            Path.Combine(first.Process.DataFolder, "signing.key"),
            Path.Combine(second.Process.DataFolder, "signing.key"));
        await first.Process.StartAsync();
        var alice = await first.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        var acknowledged = new ConcurrentQueue<string>();

        var (writes, stands) = (first, second);
        for (var round = 0; round < 3; round++)
        {
            var user = At(alice, writes);
            var sends = Enumerable.Range(0, 8).Select(_ => SendUntilItFailsAsync(user, room, acknowledged)).ToArray();
            var before = acknowledged.Count;
            await Until.HoldsAsync(() => acknowledged.Count > before + 50);
            Signals.SendStop(writes.Process.ProcessId);

            var watch = Stopwatch.StartNew();
            await stands.Process.StartAsync();
            acknowledged.Enqueue(await At(alice, stands).SaysAsync(room, $"after round {round}"));
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)), "with the start of the process");

            Signals.SendContinue(writes.Process.ProcessId);
            Assert.That(await writes.Process.EndsAsync(TimeSpan.FromSeconds(30)), Is.EqualTo(1));
            Assert.That(writes.Process.LoggedLines("has taken the database over"), Is.Not.Empty);
            await Task.WhenAll(sends);
            (writes, stands) = (stands, writes);
        }

        var shown = new List<string>();
        string? from = null;
        do
        {
            var path = $"rooms/{PeerRoom.Escape(room)}/messages?dir=b&limit=500";
            var page = (await At(alice, writes).GetAsync(from is null ? path : $"{path}&from={from}")).Is(200).Json;
            shown.AddRange(page["chunk"]!.AsArray().Select(each => (string)each!["event_id"]!));
            from = (string?)page["end"];
        }
        while (from is not null);
        Assert.That(shown, Is.Unique.And.SupersetOf(acknowledged));
    }

    /// <summary>The user, at another machine.</summary>
    private static TestUser At(TestUser user, Node node) =>
        new(node, user.UserId, user.DeviceId, user.Token!, user.Password);

    private static async Task SendUntilItFailsAsync(TestUser user, string room, ConcurrentQueue<string> acknowledged)
    {
        var path = $"rooms/{PeerRoom.Escape(room)}/send/m.room.message/";
        while (true)
        {
            try
            {
                var content = new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" };
                var sent = await user.PutAsync(path + Guid.NewGuid(), content);
                if (sent.Status != 200) return;
                acknowledged.Enqueue(sent.Member("event_id"));
            }
            catch (Exception fault) when (fault is HttpRequestException or TaskCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>One of two machines that serve the same name on the same database.</summary>
    private sealed class Node(string database, string node) : ServerUnderTest
    {
        internal HomeserverProcess Process { get; } = new(
            database,
            new Dictionary<string, string>
            {
                ["MATRIX_CLUSTER__NODE"] = node,
                ["MATRIX_CLUSTER__TAKE_OVER_AFTER"] = "3s",
                ["MATRIX_REGISTRATION__ENABLED"] = "true",
            });

        public override string Name => "hybrid.test";

        public override Uri ClientAddress => new(Process.Url);

        public override Uri FederationAddress => throw new NotSupportedException();

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            Process.Dispose();
        }
    }
}

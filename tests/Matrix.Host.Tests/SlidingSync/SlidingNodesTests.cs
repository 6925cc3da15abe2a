using System.Text.Json.Nodes;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>Connections whose requests come to any of two nodes.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SlidingNodesTests(string kind) : TwoUsersTests(kind)
{
    private string _room = null!;

    private SprayedSync Nodes => Server.Services.GetRequiredService<SprayedSync>();

    [SetUp]
    public async Task SetUpAsync()
    {
        Server.Replaces = SprayedSync.AddTo;
        await Server.RestartAsync();
        _room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(_room);
    }

    [Test]
    public async Task The_client_sees_each_change_once()
    {
        var shown = await Bob.SlidesAsync(AllRooms());
        var (sent, seen) = (new List<string>(), new List<string>());
        for (var n = 0; n < 12; n++)
        {
            sent.Add(await Alice.SaysAsync(_room, $"message {n}"));
            if (n % 5 == 4) Nodes.Forget(n % 2);
            shown = await Bob.SlidesAsync(AllRooms(), shown.Pos);
            seen.AddRange(Messages(shown));
        }

        Assert.That(seen, Is.EqualTo(sent));
        Assert.That(Messages(await Bob.SlidesAsync(AllRooms(), shown.Pos)), Is.Empty);
    }

    [Test]
    public async Task A_repeated_request_is_answered_again_by_whichever_node()
    {
        Nodes.Next = 0;
        var first = await Bob.SlidesAsync(AllRooms());
        await Alice.SaysAsync(_room, "first");
        var second = await Bob.SlidesAsync(AllRooms(), first.Pos);
        var message = await Alice.SaysAsync(_room, "hello");
        Nodes.Next = 1;
        var lost = await Bob.SlidesAsync(AllRooms(), second.Pos);
        Assert.That(Messages(lost), Is.EqualTo(new[] { message }));

        Nodes.Next = 0;
        var again = await Bob.SlidesAsync(AllRooms(), second.Pos);
        Assert.That(Messages(again), Is.EqualTo(new[] { message }));

        // As of one server: the client went back, so that what it was sent after that is forgotten.
        foreach (var node in new[] { 1, 0 })
        {
            Nodes.Next = node;
            foreach (var unknown in new[] { first.Pos, lost.Pos })
            {
                (await Bob.SlidingAsync(AllRooms(), unknown)).Is(400, "M_UNKNOWN_POS");
            }
        }

        var next = await Alice.SaysAsync(_room, "and more");
        Assert.That(Messages(await Bob.SlidesAsync(AllRooms(), again.Pos)), Is.EqualTo(new[] { next }));
    }

    [Test]
    public async Task A_request_that_another_node_has_overtaken_changes_nothing()
    {
        Nodes.Next = 0;
        var first = await Bob.SlidesAsync(AllRooms());
        var pos = (await Bob.SlidesAsync(AllRooms(), first.Pos)).Pos;
        var polling = Bob.SlidesAsync(AllRooms(), pos, timeout: 20_000);
        await Until.HoldsAsync(() => Server.Services.GetRequiredService<Streams.Notifying.Notifier>().Waiting == 1);

        // The other node answers at once, with other lists.
        Nodes.Next = 1;
        var other = await Bob.SlidesAsync(AllRooms(last: 5), pos);
        var message = await Alice.SaysAsync(_room, "hello");
        var overtaken = await polling;
        Assert.That((overtaken.Pos, Messages(overtaken).Count), Is.EqualTo((pos, 0)));

        foreach (var node in new[] { 0, 1 })
        {
            Nodes.Next = node;
            Assert.That(Messages(await Bob.SlidesAsync(AllRooms(last: 5), other.Pos)), Is.EqualTo(new[] { message }));
        }
    }

    [Test]
    public async Task An_answer_without_news_is_not_written()
    {
        var first = await Bob.SlidesAsync(AllRooms().WithExtensions("to_device", "e2ee", "account_data", "receipts"));
        await Alice.SaysAsync(_room, "hello");
        var body = AllRooms().WithExtensions("to_device", "e2ee", "account_data", "receipts");
        var shown = await Bob.SlidesAsync(body, first.Pos);
        var written = 0;
        Server.Writes = batch =>
        {
            if (batch.Changes.Any(static each => each is SlidingConnectionAdvanced)) Interlocked.Increment(ref written);
        };
        for (var n = 0; n < 4; n++)
        {
            Assert.That((await Bob.SlidesAsync(body, shown.Pos)).Pos, Is.EqualTo(shown.Pos));
        }

        Assert.That(written, Is.Zero);
        var message = await Alice.SaysAsync(_room, "more");
        Assert.That(Messages(await Bob.SlidesAsync(body, shown.Pos)), Is.EqualTo(new[] { message }));
        Assert.That(written, Is.EqualTo(1));
    }

    [Test]
    public async Task A_new_connection_takes_the_place_of_that_of_another_node()
    {
        Nodes.Next = 0;
        var old = await Bob.SlidesAsync(AllRooms());
        Nodes.Next = 1;
        var shown = await Bob.SlidesAsync(AllRooms());
        Nodes.Next = 0;
        (await Bob.SlidingAsync(AllRooms(), old.Pos)).Is(400, "M_UNKNOWN_POS");
        var message = await Alice.SaysAsync(_room, "hello");
        Assert.That(Messages(await Bob.SlidesAsync(AllRooms(), shown.Pos)), Is.EqualTo(new[] { message }));
    }

    [Test]
    public async Task A_connection_outlasts_the_end_of_its_nodes()
    {
        var shown = await Bob.SlidesAsync(AllRooms());
        var message = await Alice.SaysAsync(_room, "hello");
        await Server.RestartAsync();
        Assert.That(Messages(await Bob.SlidesAsync(AllRooms(), shown.Pos)), Is.EqualTo(new[] { message }));
    }

    private List<string> Messages(SlidingReply shown) =>
    [
        .. (shown.Json["rooms"]?[_room]?["timeline"]?.AsArray() ?? [])
            .Where(static each => (string?)each!["type"] == "m.room.message")
            .Select(static each => (string)each!["event_id"]!),
    ];
}

using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.ReceivedMessages;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Messages to devices between servers.</summary>
internal sealed class MessagesBetweenServersTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";

    [Test]
    public async Task Messages_wait_for_their_server_in_order_until_it_took_them()
    {
        await Write(Pending("b.org", "1"), Pending("a.org", "other"), Pending("b.org", "2"));
        await Write(Pending("b.org", "3"));
        await ReopenAsync();

        Assert.That(await Store.OutboundMessages.ServersAsync("", 9, Stop), Is.EqualTo(new[] { "a.org", "b.org" }));
        Assert.That(await Store.OutboundMessages.ServersAsync("a.org", 1, Stop), Is.EqualTo(new[] { "b.org" }));
        var first = await NextAsync("b.org", default, 2);
        Assert.That(first.Select(row => Text(row.Json)), Is.EqualTo(new[] { "1", "2" }));
        var rest = await NextAsync("b.org", first[^1].Place, 2);
        Assert.That(rest.Select(row => Text(row.Json)), Is.EqualTo(new[] { "3" }));

        await Write(new MessagesTaken("b.org", first[0].Place));
        Assert.That(
            (await NextAsync("b.org", default, 9)).Select(row => Text(row.Json)), Is.EqualTo(new[] { "2", "3" }));
        await Write(new MessagesTaken("b.org", rest[0].Place));
        Assert.That(await Store.OutboundMessages.ServersAsync("", 9, Stop), Is.EqualTo(new[] { "a.org" }));
    }

    [Test]
    public async Task Messages_that_a_server_has_not_taken_stay_when_later_ones_go()
    {
        await Write(Pending("b.org", "1"), Pending("b.org", "2"), Pending("b.org", "3"));
        await Write(Pending("b.org", "4"), Pending("b.org", "5"), Pending("a.org", "other"));
        var places = (await NextAsync("b.org", default, 9)).Select(row => row.Place).ToArray();

        await Write(new MessagesTaken("b.org", places[3]) { Except = [places[2], places[0]] });
        Assert.That(
            (await NextAsync("b.org", default, 9)).Select(row => Text(row.Json)), Is.EqualTo(new[] { "1", "3", "5" }));
        await Write(new MessagesTaken("b.org", places[3]) { Except = [places[2]] });
        Assert.That(
            (await NextAsync("b.org", default, 9)).Select(row => Text(row.Json)), Is.EqualTo(new[] { "3", "5" }));
        Assert.That(await NextAsync("a.org", default, 9), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Messages_expire_by_the_time_at_which_they_were_stored()
    {
        await Write(
            Pending("b.org", "1") with { StoredAt = 100 },
            Pending("b.org", "2") with { StoredAt = 200 },
            Pending("a.org", "3") with { StoredAt = 100 });

        Assert.That(await Store.OutboundMessages.CountStoredBeforeAsync("b.org", 100, Stop), Is.Zero);
        Assert.That(await Store.OutboundMessages.CountStoredBeforeAsync("b.org", 200, Stop), Is.EqualTo(1));
        Assert.That(await Store.OutboundMessages.CountStoredBeforeAsync("nowhere.org", 200, Stop), Is.Zero);
        await Write(new MessagesExpired("b.org", 200));

        Assert.That(
            (await NextAsync("b.org", default, 9)).Select(row => Text(row.Json)), Is.EqualTo(new[] { "2" }));
        Assert.That(await NextAsync("a.org", default, 9), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task The_servers_that_a_senders_messages_wait_for_are_listed()
    {
        await Write(
            Pending("b.org", "1"),
            Pending("a.org", "2"),
            Pending("b.org", "3"),
            Pending("c.org", "4", "@bob:example.org"));

        Assert.That(
            await Store.OutboundMessages.ServersOfSenderAsync(Alice, 9, Stop), Is.EqualTo(new[] { "a.org", "b.org" }));
        Assert.That(await Store.OutboundMessages.ServersOfSenderAsync(Alice, 1, Stop), Is.EqualTo(new[] { "a.org" }));
    }

    [Test]
    public async Task A_page_of_messages_is_bounded_in_bytes_and_has_one_at_least()
    {
        await Write(Pending("b.org", "123456"), Pending("b.org", "78"), Pending("b.org", "9"));

        Assert.That(await NextAsync("b.org", default, 9, 8), Has.Count.EqualTo(2));
        Assert.That(await NextAsync("b.org", default, 9, 7), Has.Count.EqualTo(1));
        Assert.That(await NextAsync("b.org", default, 9, 1), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Waiting_bytes_are_counted_by_server_and_by_sender()
    {
        await Write(
            Pending("a.org", "1234"),
            Pending("b.org", "12"),
            Pending("b.org", "123", "@bob:example.org"),
            Pending("c.org", "1"));

        var bytes = await Store.OutboundMessages.BytesAsync(["a.org", "b.org", "nowhere.org"], Stop);

        Assert.That(bytes, Is.EquivalentTo(new[]
        {
            new OutboundBytesRow("a.org", 4 + MessageEnqueued.Overhead),
            new OutboundBytesRow("b.org", 5 + (2 * MessageEnqueued.Overhead)),
        }));
        Assert.That(
            await Store.OutboundMessages.BytesOfSenderAsync(Alice, Stop),
            Is.EqualTo(7 + (3 * MessageEnqueued.Overhead)));
        Assert.That(await Store.OutboundMessages.BytesOfSenderAsync("@nobody:example.org", Stop), Is.Zero);
    }

    [Test]
    public async Task A_batch_with_an_id_that_came_before_is_refused()
    {
        var receipts = new List<WriteReceipt>();
        foreach (var (origin, id) in new[] { ("a.org", "1"), ("a.org", "2"), ("b.org", "1"), ("a.org", "1") })
        {
            var batch = Batches.New(1).Require(new MessageReceived(origin, id))
                .Add(new MessageEnqueued("c.org", Alice, Json($"{origin} {id}")));
            receipts.Add(await Store.Writer.WriteAsync(batch, Stop));
        }

        Assert.That(receipts.Select(each => each.Refused), Is.EqualTo(new[] { false, false, false, true }));
        Assert.That(
            (await NextAsync("c.org", default, 9)).Select(row => Text(row.Json)),
            Is.EqualTo(new[] { "a.org 1", "a.org 2", "b.org 1" }));
    }

    [Test]
    public async Task The_latest_ids_of_a_server_are_kept()
    {
        for (var n = 0; n < 10; n++) await ReceiveAsync("a.org", $"{n}");
        await ReceiveAsync("b.org", "1");

        await Write(new ReceivedMessagesTrimmed("a.org", 4));

        Assert.That(await Store.ReceivedMessages.CountAsync("a.org", Stop), Is.EqualTo(4));
        Assert.That(await Store.ReceivedMessages.CountAsync("b.org", Stop), Is.EqualTo(1));
        Assert.That((await ReceiveAsync("a.org", "6")).Refused, Is.True);
        Assert.That((await ReceiveAsync("a.org", "5")).Refused, Is.False);
        await Write(new ReceivedMessagesTrimmed("b.org", 4));
        Assert.That(await Store.ReceivedMessages.CountAsync("b.org", Stop), Is.EqualTo(1));
    }

    private static MessageEnqueued Pending(string server, string json, string sender = Alice) =>
        new(server, sender, Json(json));

    private async Task<WriteReceipt> ReceiveAsync(string origin, string id) =>
        await Store.Writer.WriteAsync(Batches.New(1).Require(new MessageReceived(origin, id)), Stop);

    private async Task<IReadOnlyList<OutboundMessageRow>> NextAsync(
        string server, MessagePlace after, int limit, long bytes = 1000) =>
        await Store.OutboundMessages.NextAsync(server, after, limit, bytes, Stop);
}

using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.ReceivedMessages;
using Matrix.Host.Storage.Tables.ReceivedTransactions;

namespace Matrix.Federation.Tests.Edus;

/// <summary>What another server sends, and what it was sent, is decided by memory of that server.</summary>
internal sealed class AuthorityTests : EduTests
{
    private readonly ConcurrentQueue<WriteBatch> _written = new();

    private Authority OfPeer => Authority.Server(Peer.Peer.Name);

    [Test]
    public async Task The_record_of_a_transaction_and_its_messages_name_the_server()
    {
        Server.Writes = _written.Enqueue;
        await SendAsync("m.direct_to_device", new JsonObject
        {
            ["sender"] = Bob,
            ["type"] = "org.example",
            ["message_id"] = "one",
            ["messages"] = new JsonObject { [Alice.UserId] = new JsonObject { ["*"] = new JsonObject() } },
        });

        Assert.That(Of<TransactionReceived>(), Is.EqualTo(new[] { OfPeer }));
        Assert.That(Of<MessageReceived>(), Is.EqualTo(new[] { OfPeer }));
    }

    [Test]
    public async Task A_message_is_enqueued_by_its_sender_and_taken_by_its_server()
    {
        await RoomAsync();
        Server.Writes = _written.Enqueue;
        (await Alice.PutAsync(
            "sendToDevice/org.example/one",
            new JsonObject
            {
                ["messages"] = new JsonObject { [Bob] = new JsonObject { ["*"] = new JsonObject() } },
            })).Is(200);
        await Until.HoldsAsync(() => Of<MessagesTaken>().Length > 0);

        Assert.That(Of<MessageEnqueued>(), Is.EqualTo(new[] { Authority.User(Alice.UserId) }));
        Assert.That(Of<MessagesTaken>(), Is.EqualTo(new[] { OfPeer }));
    }

    /// <summary>The authorities of the batches with a change of a kind.</summary>
    private Authority[] Of<T>()
        where T : Change =>
    [
        .. _written.Where(static batch => batch.Changes.Concat(batch.Preconditions).Any(static change => change is T))
            .SelectMany(static batch => batch.OtherAuthorities.Prepend(batch.Authority)),
    ];
}

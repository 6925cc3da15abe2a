using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Host.Rooms.Inbound;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Transactions of another server: their responses, and events that are not as they should be.</summary>
public sealed class IncomingTransactionTests : IncomingEventsTests
{
    [Test]
    public async Task A_repeated_transaction_gets_the_same_response_and_shows_its_events_once()
    {
        var room = await JoinedAsync();
        var hello = room.Says("bob", "hello");

        var first = await room.SendAsync(Server, "again", hello);
        var second = await room.SendAsync(Server, "again", hello);
        var third = await room.SendAsync(Server, "another", hello);

        Assert.That(second.Is(200).Text, Is.EqualTo(first.Is(200).Text));
        Assert.That(third.Is(200).Text, Is.EqualTo(first.Text));
        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "hello" }));
    }

    [TestCase("1")]
    [TestCase("11")]
    public async Task An_event_that_cannot_be_read_has_an_entry_with_an_error(string version)
    {
        var room = await JoinedAsync(version);
        var malformed = PeerRoom.Json(room.Says("bob", "one"));
        malformed["depth"] = "deep";
        var id = version == "1" ? (string)malformed["event_id"]! : ReferenceHash(malformed);
        var nothing = new JsonObject { ["room_id"] = room.RoomId };

        var reply = await room.Peer.SendAsync(
            Server,
            "PUT",
            $"/_matrix/federation/v1/send/malformed{version}",
            room.Transaction([malformed, nothing]));

        var entries = reply.Is(200).Json["pdus"]!.AsObject();
        Assert.That((string?)entries[id]?["error"], Does.Contain("depth"));
        Assert.That(entries, Has.Count.EqualTo(version == "1" ? 1 : 2), "without an id there is no entry");
    }

    /// <summary>The id of a message. Server-Server API, "Calculating the reference hash for an event".</summary>
    private static string ReferenceHash(JsonObject message)
    {
        var redacted = message.DeepClone().AsObject();
        redacted.Remove("signatures");
        redacted["content"] = new JsonObject();
        return "$" + Base64Url.EncodeToString(SHA256.HashData(TestWorld.Peers.Peer.Canonical(redacted)));
    }

    [TestCase("signature")]
    [TestCase("hash")]
    [TestCase("format")]
    public async Task Only_genuine_events_are_taken(string wrong)
    {
        var room = await JoinedAsync();
        var said = room.Says("bob", "genuine");
        var json = PeerRoom.Json(said);
        if (wrong == "signature")
        {
            var forged = Convert.ToBase64String(new byte[64]).TrimEnd('=');
            json["signatures"]![Peer.Peer.Name]![Peer.Peer.Current.Key.Id] = forged;
        }
        else if (wrong == "hash") json["content"]!["body"] = "changed on the way";
        else json["depth"] = "five";

        var reply = await Peer.Peer.SendAsync(
            Server, "PUT", "/_matrix/federation/v1/send/" + Next(), room.Transaction([json]));

        reply.Is(200);
        if (wrong != "hash") Assert.That(await BodiesAsync(room), Is.Empty);
        else
        {
            // Its own server sent it so: the redacted form is what everybody can agree on.
            Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "" }));
        }
    }

    [Test]
    public async Task Events_of_unknown_rooms_and_of_rooms_without_a_local_user_get_an_error()
    {
        var unknown = new PeerRoom(Peer.Peer, "10", "!nowhere:example.org").Says("bob", "hello");
        var room = await JoinedAsync();
        await Alice.LeavesAsync(room.RoomId);
        var left = room.Says("bob", "hello");

        var reply = (await room.SendAsync(Server, Next(), unknown, left)).Is(200).Json["pdus"]!;

        Assert.That((string?)reply[left.EventId]!["error"], Is.Not.Empty);
    }

    [TestCase("\0")]
    [TestCase("\ud800")]
    [TestCase("\u0010d800")]
    public async Task Text_that_a_database_cannot_hold_does_no_harm(string text)
    {
        // Lone surrogates are valid JSON escapes, so the text of the event is written by hand.
        var room = await JoinedAsync(version: "5", powerful: true);
        var odd = room.Makes("bob", "org.example.odd" + text, "key" + text, new()
        {
            ["body"] = text,
            ["m.relates_to"] = new JsonObject
            {
                ["rel_type"] = "m.thread" + text,
                ["event_id"] = "$x" + text,
                ["key"] = text,
            },
        });
        var said = room.Says("bob", "after it");

        await SendAsync(room, odd, said);

        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "after it" }));
        Assert.That((await StoredAsync(room, odd.EventId)).Pdu.StateKey, Is.EqualTo("key" + text));
        var again = room.Says("bob", "and after that");
        await SendAsync(room, again);
        Assert.That((await BodiesAsync(room))[^1], Is.EqualTo("and after that"));
    }

    [Test]
    public async Task Relations_and_redactions_that_name_more_than_an_id_do_no_harm()
    {
        var room = await JoinedAsync();
        var tooLong = "$" + new string('x', 400);
        var related = room.Makes("bob", "m.room.message", null, new()
        {
            ["msgtype"] = "m.text",
            ["body"] = "related",
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = tooLong },
        });
        var redaction = room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = tooLong });
        var said = room.Says("bob", "after it");

        await SendAsync(room, related, redaction, said);

        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "related", "after it" }));
    }

    [Test]
    public async Task A_transaction_with_too_many_events_is_refused()
    {
        var room = await JoinedAsync();
        var many = Enumerable.Range(0, 51).Select(_ => room.Says("bob", "x")).ToArray();

        (await room.SendAsync(Server, Next(), many)).Is(400, "M_TOO_LARGE");
    }

    [TestCase("send_join", "join", 2)]
    [TestCase("send_leave", "leave", 2)]
    [TestCase("send_knock", "knock", 1)]
    public async Task A_membership_that_follows_unknown_events_is_refused_and_not_kept(
        string endpoint, string membership, int version)
    {
        var room = await JoinedAsync();
        var fork = room.Latest;
        _ = room.Says("bob", "never sent");
        var member = room.Makes(
            "carol", "m.room.member", room.User("carol"), new() { ["membership"] = membership });
        var before = Peer.Requests.Count;

        var reply = await Peer.Peer.SendAsync(
            Server,
            "PUT",
            $"/_matrix/federation/v{version}/{endpoint}/{Escape(room.RoomId)}/{Escape(member.EventId)}",
            PeerRoom.Json(member));

        reply.Is(400, "M_INVALID_PARAM");
        room.Latest = fork;
        await SendAsync(room, room.Says("bob", "afterwards"));
        await EventuallyAsync(room, ["afterwards"]);
        var nid = (await Storage.Rooms.FindAsync(room.RoomId, CancellationToken.None))!.Identity.Nid;
        Assert.That(await Storage.StagedEvents.AnyAsync(nid, CancellationToken.None), Is.False);

        // The server may still ask for what the events of an earlier test lack.
        var asked = Peer.Requests.Skip(before).Select(target => Uri.UnescapeDataString(target));
        string[] ofRoom = [room.RoomId, .. room.Events.Keys];
        Assert.That(asked.Where(target => ofRoom.Any(target.Contains)), Is.Empty);
        Assert.That(await Storage.Events.FindAnywhereAsync(member.EventId, 1, CancellationToken.None), Is.Empty);
    }

    [Test]
    public async Task Transactions_of_one_server_are_carried_out_one_after_the_other_and_too_many_are_refused()
    {
        // No message follows another, because any of them may be refused.
        var room = await JoinedAsync();
        var fork = room.Latest;
        var said = new Pdu[5];
        for (var n = 0; n < said.Length; n++)
        {
            room.Latest = fork;
            said[n] = room.Says("bob", $"{n}");
        }

        var entering = Server.Services.GetRequiredService<EnteringRooms>();
        Task<Reply>[] sent;
        Task<Reply> repeated;
        int refused;
        using (entering.Begin(room.RoomId))
        {
            // One is carried out and three wait, so that only the refused one gets a response.
            sent = [.. said.Select((pdu, n) => room.SendAsync(Server, $"slow{n}", pdu))];
            var first = await Task.WhenAny(sent);
            (await first).Is(429, "M_LIMIT_EXCEEDED");
            refused = Array.IndexOf(sent, first);

            // A repeated one is not another one.
            var again = (refused + 1) % said.Length;
            repeated = room.SendAsync(Server, $"slow{again}", said[again]);
        }

        (await repeated).Is(200);
        foreach (var reply in await Task.WhenAll(sent.Where((_, n) => n != refused))) reply.Is(200);
        await ShowsAsync(Enumerable.Range(0, said.Length).Where(n => n != refused));
        (await room.SendAsync(Server, "slow", said[refused])).Is(200);
        await ShowsAsync(Enumerable.Range(0, said.Length));

        Task ShowsAsync(IEnumerable<int> numbers)
        {
            var bodies = numbers.Select(n => $"{n}").ToArray();
            return EventuallyAsync(room, shown => shown.Order(StringComparer.Ordinal).SequenceEqual(bodies));
        }
    }

    [Test]
    public async Task A_room_that_is_being_joined_delays_only_its_own_events()
    {
        var room = await JoinedAsync();
        var other = await JoinedAsync();
        var slow = room.Says("bob", "slow");
        var fast = other.Says("bob", "fast");
        var entering = Server.Services.GetRequiredService<EnteringRooms>();
        Task<Reply> sent;
        using (entering.Begin(room.RoomId))
        {
            sent = room.SendAsync(Server, Next(), slow, fast);
            await EventuallyAsync(other, ["fast"]);
            Assert.That(await BodiesAsync(room), Is.Empty);
        }

        (await sent).Is(200);
        await EventuallyAsync(room, ["slow"]);
    }
}

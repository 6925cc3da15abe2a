using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Crypto;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Users of another server join restricted rooms through this server, which checks the conditions and authorises the
/// join. Server-Server API, "Restricted rooms".
/// </summary>
public sealed class RestrictedJoinTests
{
    private const string AuthorisingUser = "join_authorised_via_users_server";

    private TestServer _server = null!;
    private Peer _peer = null!;
    private TestUser _alice = null!;
    private TestUser _carol = null!;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync();
        _peer = new Peer("127.0.252.1:1");
        _server.Knows(_peer);
        _alice = await _server.RegistersAsync("alice");
        _carol = await _server.RegistersAsync("carol");
    }

    [OneTimeTearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    [TestCase("8", "restricted")]
    [TestCase("9", "restricted")]
    [TestCase("10", "restricted")]
    [TestCase("10", "knock_restricted")]
    [TestCase("11", "knock_restricted")]
    [TestCase("12", "restricted")]
    [TestCase("12", "knock_restricted")]
    public async Task A_member_of_an_allowed_room_joins_with_this_servers_signature(string version, string rule)
    {
        var club = await ClubWithBobAsync(version);
        var roomId = await _alice.CreatesRestrictedRoomAsync(version, rule, "!elsewhere:third.example", club);

        var (room, join) = await PeerRoom.PrepareAsync(_server, _peer, roomId, "bob");
        Assert.That(join.Content.Text(AuthorisingUser), Is.EqualTo(_alice.UserId));
        var sent = await room.SendJoinAsync(_server, join);

        var joined = sent.Is(200).Matches("joins-v2.yaml", "/send_join/{roomId}/{eventId}", "put").Json["event"]!;
        AssertSigned(room, joined.AsObject());
        Assert.That(room.Knows(joined.AsObject()).EventId, Is.EqualTo(join.EventId));
        Assert.That(await MembershipOfBobAsync(roomId), Is.EqualTo("join"));
        var again = (await room.SendJoinAsync(_server, join)).Is(200).Json["event"]!;
        AssertSigned(room, again.AsObject());

        // Stored with the signature: the event is served so.
        var served = await _peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/event/{PeerRoom.Escape(join.EventId)}");
        AssertSigned(room, served.Is(200).Json["pdus"]![0]!.AsObject());
    }

    [Test]
    public async Task A_user_who_meets_no_condition_is_refused([Values("8", "10", "12")] string version)
    {
        var club = await ClubWithBobAsync(version);
        var roomId = await _alice.CreatesRestrictedRoomAsync(version, "restricted", club);
        (await PeerRoom.MakeJoinAsync(_server, _peer, roomId, "eve")).Is(403, "M_FORBIDDEN");
        var (room, join) = await PeerRoom.PrepareAsync(_server, _peer, roomId, "bob");
        await _alice.KicksAsync(club, Bob);

        (await room.SendJoinAsync(_server, join)).Is(403, "M_FORBIDDEN");

        Assert.That(await MembershipOfBobAsync(roomId), Is.Null);
    }

    [Test]
    public async Task Rules_without_a_valid_condition_refuse_everyone()
    {
        var none = await _alice.CreatesRestrictedRoomAsync("10", "restricted");
        var other = await _alice.CreatesRestrictedRoomAsync("10", "restricted");
        await _alice.SetsAsync(other, "m.room.join_rules", new()
        {
            ["join_rule"] = "restricted",
            ["allow"] = new JsonArray(1, new JsonObject { ["type"] = "org.example.condition", ["room_id"] = "!a:b" }),
        });

        (await PeerRoom.MakeJoinAsync(_server, _peer, none, "bob")).Is(403, "M_FORBIDDEN");
        (await PeerRoom.MakeJoinAsync(_server, _peer, other, "bob")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Conditions_that_cannot_be_checked_here_are_for_other_servers(
        [Values("8", "10", "12")] string version)
    {
        const string Elsewhere = "!elsewhere:third.example";
        var known = await _alice.CreatesRoomAsync(version: version);
        var one = await _alice.CreatesRestrictedRoomAsync(version, "restricted", Elsewhere);
        var both = await _alice.CreatesRestrictedRoomAsync(version, "restricted", known, Elsewhere);
        (await PeerRoom.MakeJoinAsync(_server, _peer, one, "bob")).Is(400, "M_UNABLE_TO_AUTHORISE_JOIN");
        (await PeerRoom.MakeJoinAsync(_server, _peer, both, "bob")).Is(400, "M_UNABLE_TO_AUTHORISE_JOIN");
        var club = await ClubWithBobAsync(version);
        var roomId = await _alice.CreatesRestrictedRoomAsync(version, "restricted", club);
        var (room, join) = await PeerRoom.PrepareAsync(_server, _peer, roomId, "bob");

        // The server no longer knows who is in the allowed room.
        await _alice.LeavesAsync(club);

        (await room.SendJoinAsync(_server, join)).Is(400, "M_UNABLE_TO_AUTHORISE_JOIN");
        Assert.That(await MembershipOfBobAsync(roomId), Is.Null);
    }

    [Test]
    public async Task Without_a_local_user_who_may_invite_the_join_is_for_other_servers(
        [Values("8", "10", "12")] string version)
    {
        var club = await ClubWithBobAsync(version);
        await _carol.JoinsAsync(club);
        var roomId = await _alice.CreatesRestrictedRoomAsync(version, "restricted", club);
        await _carol.JoinsAsync(roomId);
        var (room, join) = await PeerRoom.PrepareAsync(_server, _peer, roomId, "bob");
        await _alice.LeavesAsync(roomId);

        (await PeerRoom.MakeJoinAsync(_server, _peer, roomId, "bob")).Is(400, "M_UNABLE_TO_GRANT_JOIN");
        (await room.SendJoinAsync(_server, join)).Is(400, "M_UNABLE_TO_GRANT_JOIN");
    }

    [Test]
    public async Task A_join_is_signed_only_for_a_member_who_may_invite(
        [Values("no one", "no member", "no power", "other server")] string authorising)
    {
        var club = await ClubWithBobAsync("10");
        await _carol.JoinsAsync(club);
        var roomId = await _alice.CreatesRestrictedRoomAsync("10", "restricted", club);
        if (authorising == "no power") await _carol.JoinsAsync(roomId);
        var made = (await PeerRoom.MakeJoinAsync(_server, _peer, roomId, "bob")).Is(200).Json["event"]!.AsObject();
        var content = made["content"]!.AsObject();
        if (authorising == "no one") content.Remove(AuthorisingUser);
        else content[AuthorisingUser] = authorising == "other server" ? "@root:third.example" : _carol.UserId;
        var room = new PeerRoom(_peer, "10", roomId);

        var sent = await room.SendJoinAsync(_server, room.Completes(made));

        if (authorising is "no member" or "no power") sent.Is(400, "M_UNABLE_TO_GRANT_JOIN");
        else sent.Is(403, "M_FORBIDDEN");
        Assert.That(sent.Text, Does.Not.Contain("signatures"));
        Assert.That(await MembershipOfBobAsync(roomId), Is.Null);
    }

    [Test]
    public async Task A_member_who_joins_again_needs_no_condition()
    {
        var club = await ClubWithBobAsync("11");
        var roomId = await _alice.CreatesRestrictedRoomAsync("11", "restricted", club);
        await _peer.JoinsAsync(_server, roomId, "bob");
        await _alice.KicksAsync(club, Bob);

        var (room, join) = await PeerRoom.PrepareAsync(_server, _peer, roomId, "bob");

        Assert.That(join.Content.Text(AuthorisingUser), Is.Null);
        (await room.SendJoinAsync(_server, join)).Is(200);
    }

    private string Bob => "@bob:" + _peer.Name;

    private async Task<string> ClubWithBobAsync(string version)
    {
        var club = await _alice.CreatesRoomAsync(version: version);
        await _peer.JoinsAsync(_server, club, "bob");
        return club;
    }

    private void AssertSigned(PeerRoom room, JsonObject join)
    {
        var key = _server.Services.GetRequiredService<SigningKeyRing>().InUse;
        var signature = (string?)join["signatures"]?[_server.Name]?[key.Id];
        Assert.That(signature, Is.Not.Null, join.ToJsonString());
        Assert.That(room.IsSigned(join, key.Key.PublicKey, signature!), Is.True);
        Assert.That(join["signatures"]![_peer.Name], Is.Not.Null);
    }

    private async Task<string?> MembershipOfBobAsync(string roomId)
    {
        foreach (var user in new[] { _alice, _carol })
        {
            var reply = await user.GetAsync($"rooms/{roomId}/state/m.room.member/{Bob}");
            if (reply.Status == 200) return (string?)reply.Json["membership"];
        }

        return null;
    }
}

using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Snapshots;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Invites;

/// <summary>A policy list in a room of another server, which bans a third one.</summary>
public sealed class PolicyListTests
{
    private ResidentServer _keeper = null!;
    private AnsweringPeer _banned = null!;
    private TestServer _server = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _keeper = await ResidentServer.StartAsync();
        _banned = await AnsweringPeer.StartAsync();
        var list = _keeper.CreatesRoom("10");
        list.Adds(list.Creator, "m.policy.rule.server", "1", new JsonObject
        {
            ["entity"] = _banned.Peer.Name,
            ["recommendation"] = "m.ban",
            ["reason"] = "they know why",
        });
        _server = await TestServer.StartWithKnownKeysAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            ("policy_lists.rooms", list.RoomId),
            ("policy_lists.via", _keeper.Peer.Name),
            ("policy_lists.join_interval", "200ms"));
        _server.Knows(_keeper.Peer);
        _server.Knows(_banned.Peer);

        // The server joins the list by itself.
        var rooms = _server.Services.GetRequiredService<RoomSnapshots>();
        await Until.HoldsAsync(
            async () => await rooms.FindAsync(list.RoomId, default) is { Local.Joined.Count: 1 });
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        await _banned.DisposeAsync();
        await _keeper.DisposeAsync();
    }

    [Test]
    public async Task Its_users_neither_invite_nor_are_invited_nor_join()
    {
        var alice = await _server.RegistersAsync("alice");
        var room = MembershipRoom.Create(_banned.Peer, "10");

        var refused = (await room.InvitesAsync(_server, room.Sets(alice.UserId, "invite"))).Is(403, "M_FORBIDDEN");
        Assert.That(refused.Text, Does.Contain("they know why"));

        var own = (string)(await alice.PostAsync(
            "createRoom", new JsonObject { ["preset"] = "public_chat" })).Is(200).Json["room_id"]!;
        var mallory = $"@mallory:{_banned.Peer.Name}";
        var path = Uri.EscapeDataString(own);
        (await alice.PostAsync($"rooms/{path}/invite", new JsonObject { ["user_id"] = mallory }))
            .Is(403, "M_FORBIDDEN");
        Assert.That(_banned.Requests, Is.Empty);
        foreach (var asked in new[] { "make_join", "make_knock" })
        {
            var answer = await _banned.Peer.SendAsync(
                _server,
                "GET",
                $"/_matrix/federation/v1/{asked}/{path}/{Uri.EscapeDataString(mallory)}?ver=10&ver=11&ver=12",
                null);
            Assert.That(answer.Is(403, "M_FORBIDDEN").Text, Does.Contain("they know why"));
        }
    }
}

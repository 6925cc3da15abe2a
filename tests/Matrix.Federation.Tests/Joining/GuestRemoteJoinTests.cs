using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Joining;

/// <summary>Guests join rooms of other servers that admit guests, and no others.</summary>
public sealed class GuestRemoteJoinTests
{
    private TestServer _server = null!;
    private ResidentServer _peer = null!;
    private TestUser _guest = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            ("registration.guests", "true"));
        _peer = await ResidentServer.StartAsync();
        _server.Knows(_peer.Peer);
        _guest = await _server.RegistersGuestAsync();
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task A_guest_joins_a_room_that_admits_guests()
    {
        var room = Room("can_join");
        _peer.Hierarchy = roomId => roomId == room.RoomId ? Summary(room, true) : null;

        (await JoinsAsync(room)).Is(200);

        Assert.That((_peer.Joins, await MembershipAsync(room)), Is.EqualTo((1, "join")));
    }

    [Test]
    public async Task A_guest_does_not_ask_to_join_a_room_that_is_not_known_to_admit_guests([Values] bool isShown)
    {
        var room = Room("forbidden");
        _peer.Hierarchy = _ => isShown ? Summary(room, false) : null;

        (await JoinsAsync(room)).Is(403, isShown ? "M_GUEST_ACCESS_FORBIDDEN" : "M_FORBIDDEN");

        Assert.That((_peer.JoinTemplates, _peer.Joins), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task A_guest_leaves_a_room_whose_state_does_not_admit_guests(
        [Values("forbidden", null)] string? access)
    {
        var room = Room(access);
        _peer.Hierarchy = _ => Summary(room, true);

        (await JoinsAsync(room)).Is(403, "M_GUEST_ACCESS_FORBIDDEN");

        await Until.HoldsAsync(async () => await MembershipAsync(room) is not "join");
    }

    [Test]
    public async Task What_one_server_says_of_a_room_opens_it_through_no_other()
    {
        var room = Room("forbidden");
        await using var byzantine = await ResidentServer.StartAsync();
        _server.Knows(byzantine.Peer);
        byzantine.Hierarchy = _ => Summary(room, true);
        _peer.Hierarchy = _ => Summary(room, false);

        var reply = await _guest.PostAsync(
            $"join/{Uri.EscapeDataString(room.RoomId)}?via={byzantine.Peer.Name}&via={_peer.Peer.Name}");

        Assert.That((reply.Status, _peer.JoinTemplates), Is.EqualTo((502, 0)).Or.EqualTo((404, 0)), reply.Text);
    }

    private ResidentRoom Room(string? access)
    {
        var room = _peer.CreatesRoom("10");
        if (access is not null)
        {
            room.Adds(room.Creator, "m.room.guest_access", "", new JsonObject { ["guest_access"] = access });
        }

        return room;
    }

    private static JsonObject Summary(ResidentRoom room, bool guestsMayJoin) => new()
    {
        ["room_id"] = room.RoomId,
        ["num_joined_members"] = 1,
        ["join_rule"] = "public",
        ["world_readable"] = false,
        ["guest_can_join"] = guestsMayJoin,
        ["children_state"] = new JsonArray(),
    };

    private Task<Reply> JoinsAsync(ResidentRoom room) =>
        _guest.PostAsync($"join/{Uri.EscapeDataString(room.RoomId)}?via={_peer.Peer.Name}");

    private async Task<string?> MembershipAsync(ResidentRoom room)
    {
        var filter = Uri.EscapeDataString("""{"room":{"include_leave":true}}""");
        var rooms = (await _guest.GetAsync("sync?timeout=0&filter=" + filter)).Is(200).Json["rooms"];
        return rooms?["join"]?[room.RoomId] is not null ? "join"
            : rooms?["leave"]?[room.RoomId] is not null ? "leave"
            : null;
    }
}

using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Crypto;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.TestWorld.Peers;

/// <summary>A peer's own room, from which users of the server under test are invited.</summary>
public static class MembershipRoom
{
    /// <summary>The user who creates the rooms.</summary>
    public const string Creator = "carol";

    /// <summary>Creates a room with a name.</summary>
    public static PeerRoom Create(Peer peer, string version, string joinRule = "invite")
    {
        var number = int.Parse(version, System.Globalization.CultureInfo.InvariantCulture);
        var room = new PeerRoom(peer, version, number >= 12 ? "" : $"!{Guid.NewGuid():N}:{peer.Name}");
        var create = new JsonObject { ["room_version"] = version };
        if (number < 11) create["creator"] = room.User(Creator);
        room.Makes(Creator, "m.room.create", "", create);
        room.Makes(Creator, "m.room.member", room.User(Creator), new JsonObject { ["membership"] = "join" });
        var users = number >= 12 ? new JsonObject() : new JsonObject { [room.User(Creator)] = 100 };
        room.Makes(Creator, "m.room.power_levels", "", new JsonObject { ["users"] = users });
        room.Makes(Creator, "m.room.join_rules", "", new JsonObject { ["join_rule"] = joinRule });
        room.Makes(Creator, "m.room.name", "", new JsonObject { ["name"] = "The parlour" });
        return room;
    }

    /// <summary>The creator sets a user's membership.</summary>
    public static Pdu Sets(this PeerRoom room, string userId, string membership) => room.Makes(
        Creator, "m.room.member", userId, new JsonObject { ["membership"] = membership });

    /// <summary>The body of an invite in version 2 of the endpoint, with the room's state.</summary>
    public static JsonObject InviteBody(this PeerRoom room, JsonObject invite) => new()
    {
        ["room_version"] = room.Rules.Id,
        ["event"] = invite,
        ["invite_room_state"] = new JsonArray(
        [
            .. room.State.Values
                .Where(pdu => pdu.Type is "m.room.create" or "m.room.name" or "m.room.join_rules")
                .Select(pdu => (JsonNode)PeerRoom.Json(pdu)),
        ]),
    };

    /// <summary>Sends an invite to the server.</summary>
    public static Task<Reply> InvitesAsync(
        this PeerRoom room, ServerUnderTest server, Pdu invite, JsonObject? body = null, string api = "v2") =>
        room.Peer.SendAsync(
            server,
            "PUT",
            $"/_matrix/federation/{api}/invite/{PeerRoom.Escape(room.RoomId)}/{PeerRoom.Escape(invite.EventId)}",
            body ?? room.InviteBody(PeerRoom.Json(invite)));

    /// <summary>The response to `make_leave` and `make_knock`: a template of a user's membership event.</summary>
    public static JsonObject Template(this PeerRoom room, string userId, string membership)
    {
        var draft = new Draft(
            "m.room.member", userId, userId, Parse(new JsonObject { ["membership"] = membership }), null);
        var auth = room.Rules.AuthKeys(draft)
            .Where(key => room.Rules.AuthEventsIncludeCreate || key.Type != "m.room.create")
            .Select(key => room.State.GetValueOrDefault((key.Type, key.Key)))
            .OfType<Pdu>()
            .ToArray();
        var depth = room.Latest.Max(pdu => pdu.Depth);
        using var unsigned = room.Rules.AssignsIds
            ? room.Rules.ComposeNamed(room.RoomId, draft, "t", room.Peer.Name, room.Latest, auth, depth, 1).Value
            : room.Rules.Compose(
                room.RoomId,
                draft,
                [.. room.Latest.Select(each => each.EventId)],
                [.. auth.Select(each => each.EventId)],
                depth,
                1).Value;
        var template = PeerRoom.Json(
            room.Rules.Sign(unsigned, room.Peer.Name, "ed25519:0", new byte[64]).Value);
        foreach (var name in (string[])["hashes", "signatures", "event_id"]) template.Remove(name);
        return new JsonObject { ["room_version"] = room.Rules.Id, ["event"] = template };
    }

    /// <summary>The event with the peer's signature added.</summary>
    public static JsonObject CoSigned(this PeerRoom room, JsonObject json)
    {
        var signed = json.DeepClone().AsObject();
        var read = room.Rules.ReadReceived(Parse(signed)).Value;
        var key = room.Peer.Current.Key;
        signed["signatures"]!.AsObject()[room.Peer.Name] = new JsonObject
        {
            [key.Id] = Base64Text.Encode(key.Key.Sign(read.SignedBytes.Span)),
        };
        return signed;
    }

    /// <summary>Whether a signature of an event is valid.</summary>
    public static bool IsSigned(this PeerRoom room, JsonObject json, ReadOnlySpan<byte> key, string signature) =>
        Ed25519.Verify(
            key,
            room.Rules.ReadReceived(Parse(json)).Value.SignedBytes.Span,
            Convert.FromBase64String(signature.PadRight((signature.Length + 3) / 4 * 4, '=')));

    private static Matrix.Core.Json.JsonObject Parse(JsonObject json) => JsonReader.ParseObject(
        Encoding.UTF8.GetBytes(json.ToJsonString()), Reading.Lenient, new JsonLimits(64 << 20, 100)).ResultValue;
}

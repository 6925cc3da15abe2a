using System.Text.Json.Nodes;
using Matrix.Core.Facade;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Values at the limits of a room version, which a user of another server chose, stop no user of this one: they send,
/// change the state, upgrade the room and leave. Server-Server API, "PDUs" (`depth`); room versions, "Event format".
/// </summary>
public sealed class ExtremeValuesTests : IncomingEventsTests
{
    /// <summary>2^53 - 1.</summary>
    private const long Canonical = 9_007_199_254_740_991;

    private static IEnumerable<string> Versions => RoomRules.Known;

    [TestCaseSource(nameof(Versions))]
    public async Task An_event_of_the_greatest_depth_blocks_no_writing(string version)
    {
        foreach (var depth in IsStrict(version) ? [Canonical] : (long[])[Canonical, Canonical + 1, long.MaxValue])
        {
            var room = await JoinedAsync(version);
            room.Depth = depth;
            await SendAsync(room, room.Says("bob", "deep"));
            await EventuallyAsync(room, ["deep"]);

            var last = (await SaysAsync(room, "here")).Is(200).Json;
            var own = (await StoredAsync(room, (string)last["event_id"]!)).Pdu;
            Assert.That(own.Depth, Is.EqualTo(Math.Min(depth, Greatest(version) - 1) + 1));
            room.Depth = null;
            await TakeAsync(room, own.EventId);
            await SendAsync(room, room.Says("bob", "again"));
            await EventuallyAsync(room, ["deep", "here", "again"]);
            await WritesAsync(room, version);
        }
    }

    [TestCaseSource(nameof(Versions))]
    public async Task Drawn_values_block_no_writing(string version)
    {
        var number = int.Parse(version, System.Globalization.CultureInfo.InvariantCulture);
        var random = new Random(number);
        for (var round = 0; round < 3; round++)
        {
            var room = await JoinedAsync(version, powerful: true);
            for (var n = 0; n < 12; n++)
            {
                room.Depth = random.Next(3) == 0 ? null : Pick(random, Depths(version));
                room.Time = random.Next(3) == 0 ? null : Pick(random, Times(version));
                var odd = JsonNode.Parse(Pick(random, Numbers(version)));
                var last = random.Next(5) switch
                {
                    0 => room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "t", ["n"] = odd }),
                    1 => room.Makes("bob", "m.room.power_levels", "", LevelsOf(room, random, version)),
                    2 => room.Makes(
                        "bob",
                        "m.room.member",
                        room.User("bob"),
                        new() { ["membership"] = "join", ["n"] = odd }),
                    3 => room.Makes(
                        "bob",
                        "m.room.member",
                        $"@banned{n}:{Peer.Peer.Name}",
                        new() { ["membership"] = "ban", ["reason"] = odd }),
                    _ => room.Makes("bob", "m.room.message", null, new() { ["body"] = $"{n}", ["n"] = odd }),
                };
                await SendAsync(room, last);
                await Until.HoldsAsync(async () => (await Storage.Events.FindAnywhereAsync(
                    last.EventId, 1, CancellationToken.None)).Count > 0);
            }

            await WritesAsync(room, version);
        }
    }

    [TestCase("1", "6")]
    [TestCase("5", "10")]
    [TestCase("5", "12")]
    [TestCase("9", "12")]
    public async Task State_that_the_new_version_refuses_does_not_stop_an_upgrade(string version, string next)
    {
        const string Great = "99999999999999999999";
        var levels = new JsonObject
        {
            ["users"] = new JsonObject { [Alice.UserId] = Great, [$"@bob:{Peer.Peer.Name}"] = Great },
            ["ban"] = Great,
        };
        var roomId = (string)(await Alice.PostAsync("createRoom", new JsonObject
        {
            ["room_version"] = version,
            ["preset"] = "public_chat",
            ["power_level_content_override"] = levels,
        })).Is(200).Json["room_id"]!;
        var room = await Peer.Peer.JoinsAsync(Server, roomId, "bob");
        Peer.Rooms[roomId] = room;
        var odd = JsonNode.Parse(IsStrict(version) ? $"{Canonical}" : "1.5")!;
        await SendAsync(
            room,
            room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "kept", ["n"] = odd.DeepClone() }),
            room.Makes("bob", "m.room.avatar", "", new() { ["url"] = "mxc://x/y", ["info"] = new string('x', 64_000) }),
            room.Makes("bob", "m.space.child", room.User("bob"), new() { ["via"] = new JsonArray("a.example") }),
            room.Makes(
                "bob",
                "m.room.member",
                $"@gone:{Peer.Peer.Name}",
                new() { ["membership"] = "ban", ["reason"] = odd.DeepClone() }));
        var last = room.Makes("bob", "m.room.history_visibility", "", new()
        {
            ["history_visibility"] = "joined",
            ["n"] = odd.DeepClone(),
        });
        await SendAsync(room, last);
        await Until.HoldsAsync(async () =>
            (string?)(await Alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.history_visibility"))
                .Json["history_visibility"] == "joined");

        var upgraded = (string)(await Alice.PostAsync(
            $"rooms/{Escape(room.RoomId)}/upgrade", new JsonObject { ["new_version"] = next }))
            .Is(200).Json["replacement_room"]!;

        var path = $"rooms/{Escape(upgraded)}/state/";
        Assert.That(
            (string?)(await Alice.GetAsync(path + "m.room.topic")).Is(200).Json["topic"], Is.EqualTo("kept"));
        Assert.That(
            (string?)(await Alice.GetAsync(path + "m.room.history_visibility")).Is(200).Json["history_visibility"],
            Is.EqualTo("joined"));
        var banned = (await Alice.GetAsync(path + $"m.room.member/@gone:{Peer.Peer.Name}")).Is(200).Json;
        Assert.That((string?)banned["membership"], Is.EqualTo("ban"));

        // A level beyond the new version's range is its greatest one, not the default.
        var kept = (await Alice.GetAsync(path + "m.room.power_levels")).Is(200).Json;
        Assert.That(
            ((long)kept["users"]![room.User("bob")]!, (long)kept["ban"]!), Is.EqualTo((Canonical, Canonical)));
        await WritesAsync(room, version, isAdmin: false);
    }

    private static bool IsStrict(string version) =>
        int.Parse(version, System.Globalization.CultureInfo.InvariantCulture) >= 6;

    private static long Greatest(string version) => IsStrict(version) ? Canonical : long.MaxValue;

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];

    private static long[] Depths(string version) =>
        IsStrict(version) ? [1, Canonical - 1, Canonical] : [1, Canonical, Canonical + 1, long.MaxValue];

    private static long[] Times(string version) =>
        IsStrict(version) ? [0, Canonical, -Canonical] : [0, long.MaxValue, long.MinValue];

    private static string[] Numbers(string version) => IsStrict(version)
        ? [$"{Canonical}", $"{-Canonical}"]
        : ["1.5", "-1e300", $"{long.MaxValue}", $"{long.MinValue}", "123456789012345678901234567890"];

    /// <summary>The room's levels, with some that no sensible user chooses and that need no power to set.</summary>
    private static JsonObject LevelsOf(PeerRoom room, Random random, string version)
    {
        var levels = PeerRoom.Json(room.State[("m.room.power_levels", "")])["content"]!.DeepClone().AsObject();
        string[] low = IsStrict(version)
            ? (int.Parse(version, System.Globalization.CultureInfo.InvariantCulture) >= 10
                ? [$"{-Canonical}"]
                : ["\"-99999999999999999999\"", "\" 0 \""])
            : ["-1.5", $"{long.MinValue}", "\"-99999999999999999999\"", "-123456789012345678901234567890"];
        levels["notifications"] = new JsonObject { ["room"] = JsonNode.Parse(Pick(random, low)) };
        levels["events"]!["org.example.odd"] = JsonNode.Parse(Pick(random, low));
        levels["org.example.odd"] = JsonNode.Parse(Pick(random, Numbers(version)));
        return levels;
    }

    private async Task TakeAsync(PeerRoom room, string eventId)
    {
        var served = await Peer.Peer.SendAsync(Server, "GET", $"/_matrix/federation/v1/event/{Escape(eventId)}");
        room.Takes(room.Knows(served.Is(200).Json["pdus"]![0]!.AsObject()));
    }

    private int _said;

    private Task<Reply> SaysAsync(PeerRoom room, string body) =>
        Alice.PutAsync($"rooms/{Escape(room.RoomId)}/send/m.room.message/said{++_said}", Text(body));

    /// <summary>Alice can still do everything in the room.</summary>
    private async Task WritesAsync(PeerRoom room, string version, bool isAdmin = true)
    {
        var path = $"rooms/{Escape(room.RoomId)}";
        if (isAdmin)
        {
            (await SaysAsync(room, "still")).Is(200);
            (await Alice.PutAsync($"{path}/state/m.room.name/", new JsonObject { ["name"] = "mine" })).Is(200);
            (await Alice.PostAsync(
                $"{path}/ban", new JsonObject { ["user_id"] = $"@someone:{Peer.Peer.Name}" })).Is(200);
            (await Alice.PostAsync($"{path}/upgrade", new JsonObject { ["new_version"] = version })).Is(200);
        }

        (await Alice.PostAsync($"{path}/leave")).Is(200);
    }
}

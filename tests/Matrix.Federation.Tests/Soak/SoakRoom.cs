using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>A room of the soak.</summary>
/// <param name="Anchors">
/// Its administrators: they are joined all the time, and keep their power. The first one is the creator.
/// </param>
internal sealed record SoakRoom(string RoomId, string Version, bool IsEncrypted, IReadOnlyList<SoakUser> Anchors)
{
    internal string Path => $"rooms/{Uri.EscapeDataString(RoomId)}";

    internal SoakUser Creator => Anchors[0];

    /// <summary>Creates a public room, which the anchors join.</summary>
    internal static async Task<SoakRoom> CreateAsync(
        string version, bool encrypted, IReadOnlyList<SoakUser> anchors, IReadOnlyList<SoakServer> servers)
    {
        var initial = new JsonArray();
        if (encrypted)
        {
            initial.Add(new JsonObject
            {
                ["type"] = "m.room.encryption",
                ["state_key"] = "",
                ["content"] = new JsonObject { ["algorithm"] = "m.megolm.v1.aes-sha2" },
            });
        }

        var created = await anchors[0].User.PostAsync("createRoom", new JsonObject
        {
            ["room_version"] = version,
            ["preset"] = "public_chat",
            ["initial_state"] = initial,
            ["power_level_content_override"] = Levels(version, anchors, 0),
        });
        var room = new SoakRoom((string)created.Is(200).Json["room_id"]!, version, encrypted, anchors);
        foreach (var anchor in anchors.Skip(1)) (await room.JoinAsync(anchor, servers)).Is(200);
        return room;
    }

    /// <summary>The power levels, in which only the level of one kind of event changes.</summary>
    internal JsonObject Levels(int reactions) => Levels(Version, Anchors, reactions);

    /// <summary>The joined users, as a member's server says.</summary>
    internal async Task<IReadOnlyList<string>> MembersAsync(SoakUser asking)
    {
        var reply = (await asking.GetAsync($"{Path}/joined_members")).Is(200);
        return [.. reply.Json["joined"]!.AsObject().Select(member => member.Key)];
    }

    internal Task<Reply> JoinAsync(SoakUser user, IReadOnlyList<SoakServer> servers)
    {
        var via = string.Join('&', servers.Where(each => each != user.Server).Select(each => $"via={each.Name}"));
        return user.PostAsync($"join/{Uri.EscapeDataString(RoomId)}?{via}", []);
    }

    private static JsonObject Levels(string version, IReadOnlyList<SoakUser> anchors, int reactions)
    {
        // Creators of version 12 have more power than any level, and must not be in the list.
        var users = anchors.Skip(version == "12" ? 1 : 0)
            .Select(each => KeyValuePair.Create(each.Id, (JsonNode?)JsonValue.Create(100)));
        return new JsonObject
        {
            ["users"] = new JsonObject(users),
            ["invite"] = 0,
            ["events"] = new JsonObject { ["m.reaction"] = reactions },
        };
    }
}

using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Support;

/// <summary>What users do in tests of federation, and what they see.</summary>
public static class FederationActions
{
    /// <summary>
    /// Creates a room that members of other rooms may join, and to which only its creator may invite.
    /// </summary>
    public static Task<string> CreatesRestrictedRoomAsync(
        this TestUser user, string version, string joinRule, params string[] allowed)
    {
        var conditions = allowed.Select(room => (JsonNode)new JsonObject
        {
            ["type"] = "m.room_membership",
            ["room_id"] = room,
        });
        var body = new JsonObject
        {
            ["power_level_content_override"] = new JsonObject { ["invite"] = 50 },
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.join_rules",
                ["content"] = new JsonObject
                {
                    ["join_rule"] = joinRule,
                    ["allow"] = new JsonArray([.. conditions]),
                },
            }),
        };
        return user.CreatesRoomAsync("private_chat", body, version);
    }

    /// <summary>Creates a public room with encryption.</summary>
    public static Task<string> CreatesEncryptedRoomAsync(this TestUser user) => user.CreatesRoomAsync(with: new()
    {
        ["initial_state"] = new JsonArray(new JsonObject
        {
            ["type"] = "m.room.encryption",
            ["state_key"] = "",
            ["content"] = new JsonObject { ["algorithm"] = "m.megolm.v1.aes-sha2" },
        }),
    });

    /// <summary>Sends a message to a device.</summary>
    public static Task<Reply> SendsToDeviceAsync(
        this TestUser user, string userId, string deviceId, JsonObject content) => user.PutAsync(
        $"sendToDevice/org.example.test/{Guid.NewGuid():N}",
        new JsonObject
        {
            ["messages"] = new JsonObject { [userId] = new JsonObject { [deviceId] = content.DeepClone() } },
        });

    /// <summary>The ids of the room's state events.</summary>
    public static async Task<IReadOnlyList<string>> StateIdsAsync(this TestUser user, string room)
    {
        var reply = await user.GetAsync($"rooms/{Uri.EscapeDataString(room)}/state");
        return [.. JsonNode.Parse(reply.Text)!.AsArray().Select(state => (string)state!["event_id"]!)];
    }

    /// <summary>The latest events of a room in an initial sync, oldest first.</summary>
    public static async Task<IReadOnlyList<JsonObject>> TimelineAsync(this TestUser user, string room)
    {
        var timeline = new JsonObject { ["timeline"] = new JsonObject { ["limit"] = 50 } };
        var sync = await user.SyncsAsync(filter: new JsonObject { ["room"] = timeline });
        Assert.That(sync.Joined, Does.Contain(room), "The user is not in the room.");
        return sync.Timeline(room);
    }

    /// <summary>The contents of the messages that wait for the device.</summary>
    public static async Task<IReadOnlyList<JsonObject>> InboxAsync(this TestUser user) =>
        [.. (await user.SyncsAsync()).ToDevice.Select(each => each["content"]!.AsObject())];

    /// <summary>The users who type in a room.</summary>
    public static async Task<IReadOnlyList<string>> TypingAsync(this TestUser user, string room)
    {
        var typing = (await user.EphemeralAsync(room)).FirstOrDefault(each => (string?)each["type"] == "m.typing");
        return typing is null ? [] : [.. typing["content"]!["user_ids"]!.AsArray().Select(each => (string)each!)];
    }

    /// <summary>The public receipts of a room: event, user, thread.</summary>
    public static async Task<IReadOnlyList<(string Event, string User, string? Thread)>> ReceiptsAsync(
        this TestUser user, string room)
    {
        var receipts = (await user.EphemeralAsync(room)).Where(each => (string?)each["type"] == "m.receipt");
        return
        [
            .. receipts.SelectMany(each => each["content"]!.AsObject()).SelectMany(ofEvent =>
                (ofEvent.Value!["m.read"]?.AsObject() ?? []).Select(ofUser =>
                    (ofEvent.Key, ofUser.Key, (string?)ofUser.Value!["thread_id"]))),
        ];
    }

    /// <summary>The ids of a user's devices, by a key query.</summary>
    public static async Task<IReadOnlyList<string>> DevicesOfAsync(this TestUser user, string userId)
    {
        var found = (await user.QueriesKeysAsync(userId)).Is(200).Json;
        return [.. found["device_keys"]?[userId]?.AsObject().Select(device => device.Key) ?? []];
    }

    /// <summary>Syncs until a user's device list has changed, and returns the next position.</summary>
    public static async Task<string> SeesChangeOfAsync(this TestUser user, string userId, string since)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while (DateTime.UtcNow < until)
        {
            var sync = await user.WaitsAsync(since, seconds: 1);
            if (sync.DevicesChanged.Contains(userId)) return sync.Next;
            since = sync.Next;
        }

        throw new AssertionException($"No change of {userId} came.");
    }

    /// <summary>The users whose device lists changed since a position, by one sync that does not wait.</summary>
    public static async Task<IReadOnlyList<string>> ChangedSinceAsync(this TestUser user, string since) =>
        (await user.SyncsAsync(since)).DevicesChanged;

    private static async Task<IReadOnlyList<JsonObject>> EphemeralAsync(this TestUser user, string room)
    {
        var sync = await user.SyncsAsync();
        return sync.Joined.Contains(room) ? sync.Ephemeral(room) : [];
    }
}

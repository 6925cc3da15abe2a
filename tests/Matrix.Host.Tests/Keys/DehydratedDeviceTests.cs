using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Keys;

/// <summary>Devices that get messages while their users are logged out (MSC3814), on both databases.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class DehydratedDeviceTests(string kind) : TwoUsersTests(kind)
{
    private const string Root = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";
    private const string Id = "dQw4w9/WgXcQ+";

    [Test]
    public async Task It_gets_messages_while_its_user_is_logged_out_and_the_next_device_reads_them()
    {
        (await Alice.PutAsync(Root, Device(Id))).Is(200);
        (await Alice.PostAsync("logout")).Is(200);

        var keys = (await Bob.QueriesKeysAsync(Alice.UserId)).Json["device_keys"]![Alice.UserId]!.AsObject();
        Assert.That(keys.Select(device => device.Key), Is.EqualTo(new[] { Id }));
        Assert.That((bool)keys[Id]!["dehydrated"]!, Is.True);
        Assert.That((string)keys[Id]!["unsigned"]!["device_display_name"]!, Is.EqualTo("Dehydrated"));
        Assert.That(await ClaimsAsync(), Is.EqualTo(new[] { "signed_curve25519:A" }));
        Assert.That(await ClaimsAsync(), Is.EqualTo(new[] { "signed_curve25519:F" }));
        for (var i = 0; i < 5; i++) await SendsAsync($"m{i}");

        var next = await Alice.LogsInAsync();
        var found = await next.GetAsync(Root);
        Assert.That((string)found.Json["device_id"]!, Is.EqualTo(Id));
        Assert.That((string)found.Json["device_data"]!["device_pickle"]!, Is.EqualTo("encrypted"));
        Assert.That(await ByPostAsync(next), Is.EqualTo(new[] { "m0", "m1", "m2", "m3", "m4" }));
        Assert.That(await ByGetAsync(next), Is.EqualTo(new[] { "m0", "m1", "m2", "m3", "m4" }));

        // The client may end before it has stored the keys in them.
        await Server.RestartAsync();
        Assert.That(await ByPostAsync(next), Has.Length.EqualTo(5));
        var ended = await next.DeleteAsync(Root);
        Assert.That((string)ended.Json["device_id"]!, Is.EqualTo(Id));
        (await next.DeleteAsync(Root)).Is(404, "M_NOT_FOUND");
        (await next.GetAsync(Root)).Is(404, "M_NOT_FOUND");
        (await next.PostAsync($"{Root}/{Esc(Id)}/events")).Is(404, "M_NOT_FOUND");
        (await next.GetAsync($"devices/{Esc(Id)}")).Is(404, "M_NOT_FOUND");
        keys = (await Bob.QueriesKeysAsync(Alice.UserId)).Json["device_keys"]![Alice.UserId]!.AsObject();
        Assert.That(keys, Is.Empty);
    }

    [Test]
    public async Task A_new_one_takes_the_place_of_the_one_before()
    {
        (await Alice.PutAsync(Root, Device("first"))).Is(200);
        await SendsAsync("lost", "first");
        (await Alice.PutAsync(Root, Device("second"))).Is(200);
        Assert.That(await DevicesAsync(), Is.EquivalentTo(new[] { Alice.DeviceId, "second" }));
        (await Alice.PostAsync($"{Root}/first/events")).Is(403, "M_FORBIDDEN");
        Assert.That(await ByPostAsync(Alice, "second"), Is.Empty);

        // The same id again is a new device too: its keys are other ones.
        await SendsAsync("lost", "second");
        (await Alice.PutAsync(Root, Device("second"))).Is(200);
        Assert.That(await ByPostAsync(Alice, "second"), Is.Empty);
        Assert.That(await DevicesAsync(), Is.EquivalentTo(new[] { Alice.DeviceId, "second" }));
    }

    [Test]
    public async Task Concurrent_requests_leave_one()
    {
        var replies = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(i => Alice.PutAsync(Root, Device($"device{i}"))));
        Assert.That(replies.Select(reply => reply.Status), Is.All.EqualTo(200).Or.EqualTo(429));
        Assert.That(replies.Select(reply => reply.Status), Has.Some.EqualTo(200));
        var left = (string)(await Alice.GetAsync(Root)).Json["device_id"]!;
        Assert.That(await DevicesAsync(), Is.EquivalentTo(new[] { Alice.DeviceId, left }));
    }

    [Test]
    public async Task It_ends_as_a_device_does()
    {
        (await Alice.PutAsync(Root, Device("one"))).Is(200);
        (await Alice.PostAsync("delete_devices", new JsonObject
        {
            ["devices"] = new JsonArray("one"),
            ["auth"] = Alice.PasswordAuth(),
        })).Is(200);
        (await Alice.GetAsync(Root)).Is(404, "M_NOT_FOUND");

        (await Alice.PutAsync(Root, Device("two"))).Is(200);
        (await Alice.PostAsync("account/password", new JsonObject
        {
            ["new_password"] = Alice.Password,
            ["auth"] = Alice.PasswordAuth(),
            ["logout_devices"] = true,
        })).Is(200);
        (await Alice.GetAsync(Root)).Is(404, "M_NOT_FOUND");

        // One that logs in has a client.
        (await Alice.PutAsync(Root, Device("three"))).Is(200);
        var third = await Alice.LogsInAsync("three");
        (await third.GetAsync(Root)).Is(404, "M_NOT_FOUND");
        Assert.That(await DevicesAsync(), Has.Member("three"));
    }

    [Test]
    public async Task It_does_not_take_the_place_of_a_device_with_a_client()
    {
        var second = await Alice.LogsInAsync();
        (await Alice.PutAsync(Root, Device(second.DeviceId))).Is(400, "M_INVALID_PARAM");
        (await Alice.PutAsync(Root, Device(Id))).Is(200);
        (await Alice.PutAsync(Root, Device(second.DeviceId))).Is(400, "M_INVALID_PARAM");
        (await second.GetAsync("account/whoami")).Is(200);
        Assert.That((string)(await Alice.GetAsync(Root)).Json["device_id"]!, Is.EqualTo(Id));
    }

    [Test]
    public async Task Others_neither_see_it_nor_read_its_messages()
    {
        (await Alice.PutAsync(Root, Device(Id))).Is(200);
        await SendsAsync("secret", Id);
        (await Bob.GetAsync(Root)).Is(404, "M_NOT_FOUND");
        (await Bob.GetAsync($"{Root}/{Esc(Id)}/events")).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(Root)).Is(401, "M_MISSING_TOKEN");
        Assert.That((bool)(await Bob.GetAsync("/_matrix/client/versions"))
            .Json["unstable_features"]!["org.matrix.msc3814"]!, Is.True);
    }

    [TestCase("device_id", null, "M_BAD_JSON")]
    [TestCase("device_id", "\"\"", "M_INVALID_PARAM")]
    [TestCase("device_id", "\"other\"", "M_INVALID_PARAM")]
    [TestCase("device_id", "7", "M_BAD_JSON")]
    [TestCase("device_data", null, "M_BAD_JSON")]
    [TestCase("device_data", "[]", "M_BAD_JSON")]
    [TestCase("device_keys", null, "M_BAD_JSON")]
    [TestCase("device_keys", "{}", "M_BAD_JSON")]
    [TestCase("one_time_keys", "{\"a\":1}", "M_BAD_JSON")]
    [TestCase("initial_device_display_name", "1", "M_BAD_JSON")]
    public async Task A_malformed_device_is_refused(string member, string? value, string code)
    {
        var device = Device(Id);
        if (value is null) device.Remove(member);
        else device[member] = JsonNode.Parse(value);
        (await Alice.PutAsync(Root, device)).Is(400, code);
        (await Alice.GetAsync(Root)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Its_size_is_bounded()
    {
        var device = Device(Id);
        device["device_data"]!["device_pickle"] = new string('x', 128 * 1024);
        (await Alice.PutAsync(Root, device)).Is(413, "M_TOO_LARGE");
        device = Device(Id);
        device["one_time_keys"] = new JsonObject(Enumerable.Range(0, 1001).Select(i => KeyValuePair.Create(
            $"signed_curve25519:{i}", (JsonNode?)ClientKeys.OneTime(Alice.UserId, Id, i))));
        (await Alice.PutAsync(Root, device)).Is(413, "M_TOO_LARGE");
        device = Device(Id);
        device["fallback_keys"] = new JsonObject(Enumerable.Range(0, 17).Select(i => KeyValuePair.Create(
            $"algorithm{i}:F", (JsonNode?)ClientKeys.OneTime(Alice.UserId, Id, i))));
        (await Alice.PutAsync(Root, device)).Is(413, "M_TOO_LARGE");
        (await Alice.GetAsync(Root)).Is(404, "M_NOT_FOUND");
    }

    [TestCase("limit=0")]
    [TestCase("limit=x")]
    [TestCase("from=x")]
    [TestCase("from=d-1")]
    public async Task A_wrong_page_is_refused(string query)
    {
        (await Alice.PutAsync(Root, Device(Id))).Is(200);
        (await Alice.GetAsync($"{Root}/{Esc(Id)}/events?{query}")).Is(400, "M_INVALID_PARAM");
    }

    private static string Esc(string text) => Uri.EscapeDataString(text);

    private JsonObject Device(string id)
    {
        var key = new ClientKey();
        var keys = ClientKeys.Device(Alice.UserId, id, key);
        keys["dehydrated"] = true;
        return new JsonObject
        {
            ["device_id"] = id,
            ["initial_device_display_name"] = "Dehydrated",
            ["device_data"] = new JsonObject { ["algorithm"] = "test", ["device_pickle"] = "encrypted" },
            ["device_keys"] = keys,
            ["one_time_keys"] = new JsonObject
            {
                ["signed_curve25519:A"] = ClientKeys.OneTime(Alice.UserId, id, 1),
            },
            ["fallback_keys"] = new JsonObject
            {
                ["signed_curve25519:F"] = ClientKeys.OneTime(Alice.UserId, id, 2, fallback: true),
            },
        };
    }

    private async Task<string[]> DevicesAsync() =>
        [.. (await Alice.GetAsync("devices")).Json["devices"]!.AsArray().Select(d => (string)d!["device_id"]!)];

    private async Task SendsAsync(string type, string device = Id) => (await Bob.PutAsync(
        $"sendToDevice/{type}/{Guid.NewGuid():N}",
        new JsonObject
        {
            ["messages"] = new JsonObject { [Alice.UserId] = new JsonObject { [device] = new JsonObject() } },
        })).Is(200);

    private async Task<string[]> ClaimsAsync()
    {
        var reply = await Bob.PostAsync("keys/claim", new JsonObject
        {
            ["one_time_keys"] = new JsonObject { [Alice.UserId] = new JsonObject { [Id] = "signed_curve25519" } },
        });
        return [.. reply.Json["one_time_keys"]![Alice.UserId]![Id]!.AsObject().Select(key => key.Key)];
    }

    /// <summary>All messages, two at a time, until a page is empty.</summary>
    private static async Task<string[]> ByPostAsync(TestUser user, string device = Id)
    {
        var types = new List<string>();
        var body = new JsonObject();
        while (true)
        {
            var page = await user.PostAsync($"{Root}/{Esc(device)}/events?limit=2", body.DeepClone());
            page.Is(200);
            var events = page.Json["events"]!.AsArray();
            if (events.Count == 0) return [.. types];
            types.AddRange(events.Select(each => (string)each!["type"]!));
            body["next_batch"] = (string)page.Json["next_batch"]!;
        }
    }

    /// <summary>All messages, two at a time, until there is no token for more.</summary>
    private static async Task<string[]> ByGetAsync(TestUser user)
    {
        var types = new List<string>();
        var from = "";
        while (true)
        {
            var page = await user.GetAsync($"{Root}/{Esc(Id)}/events?limit=2{from}");
            page.Is(200);
            types.AddRange(page.Json["events"]!.AsArray().Select(each => (string)each!["type"]!));
            if (page.Json["next_batch"] is not { } next) return [.. types];
            from = $"&from={(string)next!}";
        }
    }
}

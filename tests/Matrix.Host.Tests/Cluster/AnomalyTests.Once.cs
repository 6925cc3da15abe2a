using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Cluster;

/// <summary>What is used up or done once, and writes at the same moment of which none is lost.</summary>
internal sealed partial class AnomalyTests
{
    [Test]
    public Task A_transaction_id_is_performed_once() => AtOnceAsync(4, async () =>
    {
        var alice = await NewUserAsync();
        var bob = await NewUserAsync();
        var room = await alice.CreatesRoomAsync();
        for (var round = 0; round < 6; round++)
        {
            var (text, transaction) = ($"once {round}", $"once{round}");
            var ids = await Task.WhenAll(Enumerable.Range(0, 4).Select(
                _ => alice.SaysAsync(room, text, transaction: transaction)));
            Assert.That(ids.Distinct().Count(), Is.EqualTo(1));
            Assert.That(await alice.SaysAsync(room, text, transaction: transaction), Is.EqualTo(ids[0]));

            var message = new JsonObject
            {
                ["messages"] = new JsonObject
                {
                    [bob.UserId] = new JsonObject { [bob.DeviceId] = new JsonObject { ["mark"] = text } },
                },
            };
            await AtOnceAsync(4, async () =>
                (await alice.PutAsync($"sendToDevice/org.example.mark/{transaction}", message.DeepClone())).Is(200));
        }

        var page = (await alice.GetAsync($"rooms/{Esc(room)}/messages?dir=b&limit=100")).Is(200);
        var bodies = page.Json["chunk"]!.AsArray().Where(IsMessage)
            .Select(static each => (string?)each!["content"]!["body"]);
        Assert.That(bodies, Is.EqualTo(Enumerable.Range(0, 6).Reverse().Select(static round => $"once {round}")));
        var marks = (await bob.SyncsAsync()).ToDevice.Select(static each => (string?)each["content"]!["mark"]);
        Assert.That(marks, Is.EquivalentTo(Enumerable.Range(0, 6).Select(static round => $"once {round}")));
    });

    [Test]
    public Task No_one_time_key_is_claimed_twice_and_a_device_has_one_fallback_key() => AtOnceAsync(3, async () =>
    {
        const int keys = 12;
        var alice = await NewUserAsync();
        var bob = await NewUserAsync();
        for (var round = 0; round < 3; round++)
        {
            await UploadsAsync(
                alice, "one_time_keys", [.. Enumerable.Range(0, keys).Select(n => ($"K{round}x{n}", n))]);

            // Two clients of one device at once: one of the keys stays.
            await Task.WhenAll(
                UploadsAsync(alice, "fallback_keys", ($"F{round}", 100)),
                UploadsAsync(alice, "fallback_keys", ($"G{round}", 101)));

            var claimed = await Task.WhenAll(Enumerable.Range(0, keys + 6).Select(_ => ClaimsAsync(bob, alice)));

            var oneTime = claimed.Where(static key => key.Contains(":K", StringComparison.Ordinal)).ToList();
            Assert.That(oneTime, Has.Count.EqualTo(keys));
            Assert.That(oneTime, Is.Unique);
            Assert.That(claimed.Except(oneTime).Distinct().Count(), Is.EqualTo(1), string.Join(' ', claimed));
        }
    });

    [Test]
    public async Task A_registration_token_is_used_as_often_as_it_allows()
    {
        const int uses = 3;
        await using var closed = await TestServer.StartNodesAsync(
            3, ("registration.requires_token", "true"), ("registration.enabled", "true"));
        var first = closed.FirstUserToken!;

        // The first user is an administrator.
        var root = TestUser.Of(closed, await RegistersWithAsync(closed, "root", first), "root-password");
        for (var round = 0; round < 3; round++)
        {
            var token = $"token{round}";
            (await root.PostAsync(
                "/_synapse/admin/v1/registration_tokens/new",
                new JsonObject { ["token"] = token, ["uses_allowed"] = uses })).Is(200);

            var replies = await Task.WhenAll(Enumerable.Range(0, 2 * uses).Select(
                n => RegistersWithAsync(closed, $"guest{round}x{n}", token)));

            Assert.That(replies.Count(static reply => reply.Status == 200), Is.EqualTo(uses), StatusesOf(replies));
            Assert.That(replies.Count(static reply => reply.Status >= 500), Is.Zero, StatusesOf(replies));
        }
    }

    [Test]
    public Task Of_two_devices_that_write_at_once_no_tag_and_no_push_rule_is_lost() => AtOnceAsync(3, async () =>
    {
        const int each = 8;
        var alice = await NewUserAsync();
        var other = await alice.LogsInAsync();
        var room = await alice.CreatesRoomAsync();
        await Task.WhenAll(((TestUser[])[alice, other]).SelectMany((device, writer) => Enumerable.Range(0, each).Select(
            async n =>
            {
                (await device.PutAsync(
                    $"user/{Esc(alice.UserId)}/rooms/{Esc(room)}/tags/u.{writer}x{n}",
                    new JsonObject { ["order"] = 0.5 })).Is(200);
                (await device.PutAsync(
                    $"pushrules/global/content/rule{writer}x{n}",
                    new JsonObject { ["pattern"] = $"word{n}", ["actions"] = new JsonArray("notify") })).Is(200);
            })));

        var names = Enumerable.Range(0, 2).SelectMany(static writer => Enumerable.Range(0, each).Select(
            n => $"{writer}x{n}")).ToList();
        await EverywhereAsync(async () =>
        {
            var tags = (await other.GetAsync($"user/{Esc(alice.UserId)}/rooms/{Esc(room)}/tags")).Is(200);
            Assert.That(
                tags.Json["tags"]!.AsObject().Select(static tag => tag.Key),
                Is.EquivalentTo(names.Select(static name => "u." + name)));
            var rules = (await other.GetAsync("pushrules/global/")).Is(200);
            Assert.That(
                rules.Json["content"]!.AsArray().Select(static rule => (string)rule!["rule_id"]!),
                Is.SupersetOf(names.Select(static name => "rule" + name)));
        });
    });

    private static string StatusesOf(IEnumerable<Reply> replies) =>
        string.Join('\n', replies.Select(static reply => $"{reply.Status} {reply.Text}"));

    /// <summary>Registers with a token, by the two requests of interactive authentication.</summary>
    private static async Task<Reply> RegistersWithAsync(TestServer server, string name, string token)
    {
        JsonObject Body(JsonObject? auth)
        {
            var body = new JsonObject { ["username"] = name, ["password"] = name + "-password" };
            if (auth is not null) body["auth"] = auth;
            return body;
        }

        var begun = await server.Anyone.PostAsync("register", Body(auth: null));
        Assert.That(begun.Status, Is.EqualTo(401), begun.Text);
        return await server.Anyone.PostAsync("register", Body(new JsonObject
        {
            ["type"] = "m.login.registration_token",
            ["session"] = begun.Member("session"),
            ["token"] = token,
        }));
    }

    private static async Task UploadsAsync(TestUser user, string kind, params (string Id, int Content)[] keys)
    {
        var json = new JsonObject();
        foreach (var (id, content) in keys)
        {
            json[$"signed_curve25519:{id}"] =
                ClientKeys.OneTime(user.UserId, user.DeviceId, content, kind == "fallback_keys");
        }

        (await user.PostAsync("keys/upload", new JsonObject { [kind] = json })).Is(200);
    }

    private static async Task<string> ClaimsAsync(TestUser user, TestUser owner)
    {
        var reply = (await user.PostAsync("keys/claim", new JsonObject
        {
            ["one_time_keys"] = new JsonObject
            {
                [owner.UserId] = new JsonObject { [owner.DeviceId] = "signed_curve25519" },
            },
        })).Is(200);
        return reply.Json["one_time_keys"]![owner.UserId]![owner.DeviceId]!.AsObject().Single().Key;
    }
}

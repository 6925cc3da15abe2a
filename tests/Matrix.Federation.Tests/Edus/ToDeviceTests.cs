using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Matrix.Federation.Tests.Outbound;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Messages to devices between servers.</summary>
public sealed class ToDeviceTests : EduTests
{
    private const string Type = "m.direct_to_device";

    private OpenedStorage Storage => Server.Services.GetRequiredService<OpenedStorage>();

    [Test]
    public async Task One_EDU_goes_to_each_server_with_all_of_its_users()
    {
        await using var second = await ReceivingPeer.StartAsync();
        Server.Knows(second.Peer);
        var carol = $"@carol:{Peer.Peer.Name}";
        var dora = $"@dora:{second.Peer.Name}";
        var body = new JsonObject
        {
            ["messages"] = new JsonObject
            {
                [Bob] = new JsonObject { ["PHONE"] = Numbered(1), ["LAPTOP"] = Numbered(2) },
                [carol] = new JsonObject { ["*"] = Numbered(3) },
                [dora] = new JsonObject { ["TABLET"] = Numbered(4) },
                [Alice.UserId] = new JsonObject { [Alice.DeviceId] = Numbered(5) },
            },
        };

        (await Alice.PutAsync("sendToDevice/org.example.test/once", body)).Is(200);
        (await Alice.PutAsync("sendToDevice/org.example.test/once", body)).Is(200);
        await HasTakenAsync(Type, 1);
        await Until.HoldsAsync(() => second.Taken.Count > 0);
        await Task.Delay(200);

        var edu = Taken(Type).Single();
        Assert.That(((string)edu["message_id"]!).Length, Is.InRange(16, 32));
        edu.Remove("message_id");
        Assert.That(JsonNode.DeepEquals(edu, new JsonObject
        {
            ["sender"] = Alice.UserId,
            ["type"] = "org.example.test",
            ["messages"] = new JsonObject
            {
                [Bob] = new JsonObject { ["PHONE"] = Numbered(1), ["LAPTOP"] = Numbered(2) },
                [carol] = new JsonObject { ["*"] = Numbered(3) },
            },
        }), edu.ToJsonString());
        var other = second.Taken.Single().Body["edus"]!.AsArray().Single()!;
        Assert.That((string?)other["edu_type"], Is.EqualTo(Type));
        Assert.That((int)other["content"]!["messages"]![dora]!["TABLET"]!["n"]!, Is.EqualTo(4));
        Assert.That(await NumbersAsync(Alice), Is.EqualTo(new[] { 5 }));
    }

    [Test]
    public async Task A_server_that_was_down_gets_all_in_order_and_once()
    {
        await Peer.DownAsync();
        for (var n = 0; n < 120; n++) (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(n))).Is(200);
        await FailsAsync();
        await Peer.UpAsync();

        await HasTakenAsync(Type, 120);
        await Task.Delay(300);

        Assert.That(
            Taken(Type).Select(edu => (int)edu["messages"]![Bob]!["PHONE"]!["n"]!),
            Is.EqualTo(Enumerable.Range(0, 120)));
        Assert.That(
            Taken(Type).Select(edu => (string)edu["message_id"]!).Distinct().Count(), Is.EqualTo(120));
        await EventuallyAsync(async () => (await Storage.OutboundMessages.ServersAsync("", 9, default)).Count, 0);
    }

    [Test]
    public async Task A_message_whose_response_was_lost_comes_again_with_its_id()
    {
        var isLost = true;
        Peer.Respond = async _ =>
        {
            if (isLost) await Peer.DownAsync();
            return null;
        };
        (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(1))).Is(200);
        await FailsAsync();
        isLost = false;
        await Peer.UpAsync();
        await Until.HoldsAsync(() => Peer.All.Count >= 2);

        Assert.That(
            Peer.All.Select(each => (string)each.Body["edus"]![0]!["content"]!["message_id"]!).Distinct().Count(),
            Is.EqualTo(1));
    }

    [TestCase("1.5")]
    [TestCase("9007199254740992")]
    [TestCase("[{\"deep\":-9007199254740992}]")]
    [TestCase("123456789012345678901234567890")]
    public async Task Numbers_that_cannot_be_signed_are_refused_for_other_servers(string number)
    {
        JsonObject Content() => new() { ["n"] = JsonNode.Parse(number) };

        (await Alice.SendsToDeviceAsync(Bob, "PHONE", Content())).Is(400, "M_BAD_JSON");
        (await Alice.SendsToDeviceAsync(Alice.UserId, Alice.DeviceId, Content())).Is(200);

        Assert.That(await Storage.OutboundMessages.ServersAsync("", 9, default), Is.Empty);
    }

    [Test]
    public async Task Beyond_the_bound_messages_are_refused_until_the_server_takes_some()
    {
        await RestartAsync(("limits.to_device_outbox", "64KiB"));
        await Peer.DownAsync();
        var large = new JsonObject { ["text"] = new string('x', 20_000) };
        for (var n = 0; n < 3; n++) (await Alice.SendsToDeviceAsync(Bob, "PHONE", large)).Is(200);

        (await Alice.SendsToDeviceAsync(Bob, "PHONE", large)).Is(429, "M_LIMIT_EXCEEDED");
        (await Alice.SendsToDeviceAsync("@bob:elsewhere.example", "PHONE", large)).Is(200);

        await Peer.UpAsync();
        await HasTakenAsync(Type, 3);
        await EventuallyAsync(async () => (await Alice.SendsToDeviceAsync(Bob, "PHONE", large)).Status, 200);
        await HasTakenAsync(Type, 4);
    }

    [Test]
    public async Task Beyond_the_bound_of_a_sender_messages_are_refused()
    {
        await RestartAsync(("limits.to_device_outbox_of_sender", "64KiB"));
        await Peer.DownAsync();
        var large = new JsonObject { ["text"] = new string('x', 20_000) };
        for (var n = 0; n < 3; n++) (await Alice.SendsToDeviceAsync(Bob, "PHONE", large)).Is(200);

        (await Alice.SendsToDeviceAsync("@bob:elsewhere.example", "PHONE", large)).Is(429, "M_LIMIT_EXCEEDED");
        var carol = await Server.RegistersAsync("carol");
        (await carol.SendsToDeviceAsync(Bob, "PHONE", large)).Is(200);
    }

    [Test]
    public async Task A_full_outbox_refuses_the_messages_for_that_server_only()
    {
        await RestartAsync(("limits.to_device_outbox", "64KiB"));
        await Peer.DownAsync();
        JsonObject Large(int n) => new() { ["n"] = n, ["text"] = new string('x', 20_000) };
        for (var n = 0; n < 3; n++) (await Alice.SendsToDeviceAsync(Bob, "PHONE", Large(n))).Is(200);
        var body = new JsonObject
        {
            ["messages"] = new JsonObject
            {
                [Bob] = new JsonObject { ["PHONE"] = Large(3) },
                ["@dora:elsewhere.example"] = new JsonObject { ["PHONE"] = Large(4) },
                [Alice.UserId] = new JsonObject { [Alice.DeviceId] = Large(5) },
            },
        };

        (await Alice.PutAsync("sendToDevice/org.example.test/full", body)).Is(200);

        Assert.That(await NumbersAsync(Alice), Is.EqualTo(new[] { 5 }));
        Assert.That(
            await Storage.OutboundMessages.ServersAsync("", 9, default),
            Is.EquivalentTo(new[] { Peer.Peer.Name, "elsewhere.example" }));
        await Peer.UpAsync();
        await HasTakenAsync(Type, 3);
        await Task.Delay(300);
        Assert.That(Taken(Type), Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_sender_addresses_so_many_servers_without_a_common_room()
    {
        await RestartAsync(("limits.to_device_outbox_servers", "3"));
        await RoomAsync();
        await Peer.DownAsync();
        string On(int n) => $"@dora:nowhere{n}.example";
        for (var n = 1; n <= 3; n++) (await Alice.SendsToDeviceAsync(On(n), "PHONE", Numbered(n))).Is(200);

        (await Alice.SendsToDeviceAsync(On(4), "PHONE", Numbered(4))).Is(429, "M_LIMIT_EXCEEDED");
        (await Alice.SendsToDeviceAsync(On(2), "PHONE", Numbered(5))).Is(200);
        (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(6))).Is(200);
        (await Alice.SendsToDeviceAsync(On(5), "PHONE", Numbered(7))).Is(429, "M_LIMIT_EXCEEDED");

        Assert.That(
            await Storage.OutboundMessages.ServersAsync("", 9, default),
            Is.EquivalentTo(new[]
            {
                Peer.Peer.Name, "nowhere1.example", "nowhere2.example", "nowhere3.example",
            }));
    }

    [Test]
    public async Task Messages_that_wait_too_long_are_dropped()
    {
        await RestartAsync(("federation.outbound_message_time", "4s"));
        await Peer.DownAsync();
        (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(1))).Is(200);
        (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(2))).Is(200);
        Assert.That(await Storage.OutboundMessages.ServersAsync("", 9, default), Has.Count.EqualTo(1));

        await EventuallyAsync(async () => (await Storage.OutboundMessages.ServersAsync("", 9, default)).Count, 0);

        // They may be dropped one after the other.
        await EventuallyAsync(
            () => Task.FromResult(Regex.Matches(Server.Log, @"(\d+) EDUs with messages to devices were dropped")
                .Sum(line => int.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture))),
            2);
    }

    [Test]
    public async Task A_server_that_refuses_everything_costs_no_message()
    {
        var isUp = false;
        Peer.Respond = _ => Task.FromResult(Volatile.Read(ref isUp) ? null : Refused());
        for (var n = 1; n <= 5; n++) (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(n))).Is(200);
        var until = DateTime.UtcNow.AddSeconds(20);
        while (Peer.All.Count < 20 && DateTime.UtcNow < until) await Task.Delay(10);
        Assert.That(Peer.All, Has.Count.GreaterThanOrEqualTo(20));
        (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(6))).Is(200);
        Volatile.Write(ref isUp, true);

        await HasTakenAsync(Type, 6);
        await EventuallyAsync(async () => (await Storage.OutboundMessages.ServersAsync("", 9, default)).Count, 0);

        Assert.That(Numbers(), Is.EquivalentTo(Enumerable.Range(1, 6)));
    }

    [Test]
    public async Task The_only_message_for_a_server_is_skipped_if_that_takes_transactions()
    {
        Peer.Respond = transaction => Task.FromResult(
            transaction.Body["edus"]!.AsArray().Count > 0 ? Refused() : null);

        (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(1))).Is(200);

        await EventuallyAsync(async () => (await Storage.OutboundMessages.ServersAsync("", 9, default)).Count, 0);
        Assert.That(Taken(Type), Is.Empty);
    }

    [Test]
    public async Task Large_requests_become_several_EDUs()
    {
        var devices = Enumerable.Range(0, 10).ToDictionary(
            n => $"DEVICE{n}", n => (JsonNode?)new JsonObject { ["n"] = n, ["text"] = new string('x', 30_000) });
        var body = new JsonObject { ["messages"] = new JsonObject { [Bob] = new JsonObject(devices) } };

        (await Alice.PutAsync("sendToDevice/org.example.test/large", body)).Is(200);
        await HasTakenAsync(Type, 5);

        Assert.That(
            Taken(Type).SelectMany(edu => edu["messages"]![Bob]!.AsObject()).Select(device => device.Key),
            Is.EquivalentTo(devices.Keys));
        Assert.That(Taken(Type).Select(edu => edu.ToJsonString().Length), Is.All.LessThan(70_000));
    }

    [Test]
    public async Task A_server_that_is_excluded_is_owed_nothing()
    {
        await RestartAsync(("federation.deny_servers", "elsewhere.example"));

        (await Alice.SendsToDeviceAsync("@bob:elsewhere.example", "PHONE", Numbered(1))).Is(200);

        Assert.That(await Storage.OutboundMessages.ServersAsync("", 9, default), Is.Empty);
    }

    [Test]
    public async Task A_message_that_a_server_refuses_is_skipped()
    {
        Peer.Respond = transaction => Task.FromResult(
            transaction.Body.ToJsonString().Contains("\"n\":2", StringComparison.Ordinal)
                ? Results.Text("""{"errcode":"M_BAD_JSON","error":"no"}""", "application/json", null, 400)
                : null);
        for (var n = 1; n < 4; n++) (await Alice.SendsToDeviceAsync(Bob, "PHONE", Numbered(n))).Is(200);

        await HasTakenAsync(Type, 2);
        await EventuallyAsync(async () => (await Storage.OutboundMessages.ServersAsync("", 9, default)).Count, 0);

        Assert.That(
            Taken(Type).Select(edu => (int)edu["messages"]![Bob]!["PHONE"]!["n"]!), Is.EqualTo(new[] { 1, 3 }));
    }

    [Test]
    public async Task Messages_of_other_servers_reach_devices_in_order_and_once()
    {
        var first = Enumerable.Range(1, 50).Select(n => Content($"id{n}", Alice.DeviceId, n)).ToArray();

        await SendAsync(Type, first);
        await SendAsync(Type, [.. first.TakeLast(3), Content("last", "*", 51)]);

        Assert.That(await NumbersAsync(Alice), Is.EqualTo(Enumerable.Range(1, 51)));
        var sync = await Alice.SyncsAsync();
        var message = sync["to_device"]!["events"]![0]!.AsObject();
        Assert.That(JsonNode.DeepEquals(message, new JsonObject
        {
            ["sender"] = Bob,
            ["type"] = "org.example.test",
            ["content"] = Numbered(1),
        }), message.ToJsonString());
        Assert.That(await NumbersAsync(Alice, (string)sync["next_batch"]!), Is.Empty);
    }

    [Test]
    public async Task What_a_server_may_not_send_is_ignored()
    {
        JsonObject Without(string name)
        {
            var content = Content("without " + name, "*", 1);
            content.Remove(name);
            return content;
        }

        JsonObject With(string name, JsonNode value)
        {
            var content = Content("with " + name, "*", 1);
            content[name] = value;
            return content;
        }

        await SendAsync(
            Type,
            Without("sender"),
            Without("type"),
            Without("message_id"),
            Without("messages"),
            With("sender", Alice.UserId),
            With("sender", "@bob:elsewhere.example"),
            With("sender", "bob"),
            With("type", 5),
            With("message_id", ""),
            With("message_id", new string('x', 256)),
            With("messages", new JsonArray()),
            With("messages", new JsonObject { [Alice.UserId] = "text" }),
            With("messages", new JsonObject { [Alice.UserId] = new JsonObject { ["*"] = "text" } }),
            With("messages", new JsonObject { ["alice"] = new JsonObject { ["*"] = Numbered(1) } }),
            With("messages", new JsonObject { [Bob] = new JsonObject { ["*"] = Numbered(1) } }),
            With("messages", new JsonObject { [$"@nobody:{Server.Name}"] = new JsonObject { ["*"] = Numbered(1) } }),
            Content("unknown device", "NOWHERE", 1),
            Content("nul\0", "*", 2));

        Assert.That(await NumbersAsync(Alice), Is.EqualTo(new[] { 2 }));
        Assert.That(Taken(Type), Is.Empty, "messages of other servers are not passed on");
    }

    [Test]
    public async Task Beyond_the_share_of_a_server_its_messages_are_dropped()
    {
        await RestartAsync(("limits.to_device_inbox_of_server", "64KiB"));
        JsonObject Large(int n)
        {
            var content = Content($"large{n}", n % 2 == 0 ? "*" : Alice.DeviceId, n);
            content["sender"] = $"@user{n}:{Peer.Peer.Name}";
            content["messages"]![Alice.UserId]!.AsObject().Single().Value!["text"] = new string('x', 15_000);
            return content;
        }

        await SendAsync(Type, [.. Enumerable.Range(1, 6).Select(Large)]);
        await SendAsync(Type, Large(7));

        Assert.That(await NumbersAsync(Alice), Is.EqualTo(new[] { 1, 2, 3, 4 }));
    }

    [Test]
    public async Task A_user_of_another_server_cannot_fill_an_inbox_for_the_other_users_of_it()
    {
        await RestartAsync(("limits.to_device_inbox", "64KiB"));
        JsonObject Large(string user, int n)
        {
            var content = Content($"large{n}", n % 2 == 0 ? "*" : Alice.DeviceId, n);
            content["sender"] = $"@{user}:{Peer.Peer.Name}";
            content["messages"]![Alice.UserId]!.AsObject().Single().Value!["text"] = new string('x', 15_000);
            return content;
        }

        await SendAsync(Type, [.. Enumerable.Range(1, 6).Select(n => Large("mallory", n))]);
        await SendAsync(Type, Large("mallory", 7), Large("bob", 8));
        await SendAsync(Type, Large("bob", 9), Large("mallory", 10));

        Assert.That(await NumbersAsync(Alice), Is.EqualTo(new[] { 1, 2, 3, 4, 8, 9 }));
    }

    [Test]
    public async Task The_ids_of_a_server_are_remembered_up_to_a_bound()
    {
        await RestartAsync(("limits.remembered_messages", "100"));

        for (var n = 0; n < 5; n++)
        {
            await SendAsync(
                Type, [.. Enumerable.Range(100 * n, 100).Select(each => Content($"id{each}", "NOWHERE", each))]);
        }

        Assert.That(
            await Storage.ReceivedMessages.CountAsync(Peer.Peer.Name, default), Is.EqualTo(100));
    }

    private static JsonObject Numbered(int n) => new() { ["n"] = n };

    private static IResult Refused() =>
        Results.Text("""{"errcode":"M_BAD_JSON","error":"no"}""", "application/json", null, 400);

    /// <summary>The numbers of the messages that the peer took.</summary>
    private IReadOnlyList<int> Numbers() =>
        [.. Taken(Type).Select(edu => (int)edu["messages"]![Bob]!["PHONE"]!["n"]!)];

    private JsonObject Content(string messageId, string deviceId, int n) => new()
    {
        ["sender"] = Bob,
        ["type"] = "org.example.test",
        ["message_id"] = messageId,
        ["messages"] = new JsonObject { [Alice.UserId] = new JsonObject { [deviceId] = Numbered(n) } },
    };

    private static async Task<IReadOnlyList<int>> NumbersAsync(TestUser user, string? since = null) =>
    [
        .. ((await user.SyncsAsync(since))["to_device"]?["events"]?.AsArray() ?? [])
            .Select(message => (int)message!["content"]!["n"]!),
    ];
}

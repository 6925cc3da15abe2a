using System.Text.Json.Nodes;
using Matrix.Host.Users.AppServices;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.AppServices;

[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class EncryptedBridgeTests(string databaseKind) : AppServiceTests(databaseKind)
{
    private const string ToDevice = "de.sorunome.msc2409.to_device";

    protected override (string Key, string Value)[] Settings =>
        [("app_services.check_interval", "50ms"), ("app_services.device_lists", "4")];

    protected override string Registration => """
        de.sorunome.msc2409.push_ephemeral: true
        org.matrix.msc3202: true
        io.element.msc4190: true
        """;

    [Test]
    public async Task Messages_to_devices_reach_the_service_once_though_it_failed_first()
    {
        await CreatesDeviceAsync();
        var asked = new TaskCompletionSource();
        Service.Responds = _ =>
        {
            asked.TrySetResult();
            return Task.FromResult((503, "{}"));
        };
        await SendsAsync("one");
        await asked.Task;

        // What waits is found again after a restart.
        await SendsAsync("two");
        await Server.StopAsync();
        Service.Answers(200);
        await Server.RestartAsync();

        var messages = new List<JsonObject>();
        await Service.TakesAsync(request =>
        {
            messages.AddRange(request.Json[ToDevice]!.AsArray().Select(each => each!.AsObject()));
            return messages.Count >= 2;
        });
        await SendsAsync("three");
        await Service.TakesAsync(request =>
        {
            messages.AddRange(request.Json[ToDevice]!.AsArray().Select(each => each!.AsObject()));
            return messages.Count >= 3;
        });

        Assert.That(
            messages.Select(each => (string?)each["content"]!["body"]), Is.EqualTo(new[] { "one", "two", "three" }));
        Assert.That((string?)messages[0]["to_user_id"], Is.EqualTo(IdOf("_irc_ghost")));
        Assert.That((string?)messages[0]["to_device_id"], Is.EqualTo("DEV"));
        Assert.That((string?)messages[0]["sender"], Is.EqualTo(Alice.UserId));
    }

    [Test]
    public async Task Messages_to_devices_that_were_missed_reach_the_service()
    {
        await CreatesDeviceAsync();
        Server.Misses = static _ => true;
        await SendsAsync("one");

        await Service.TakesAsync(request => Messages(request).Contains("one"));
    }

    [Test]
    public async Task A_claimed_key_changes_the_counts([Values] bool isMissed)
    {
        if (isMissed) Server.Misses = static _ => true;
        await CreatesDeviceAsync();
        var ghost = IdOf("_irc_ghost");
        var keys = new JsonObject
        {
            ["signed_curve25519:a"] = new JsonObject
            {
                ["key"] = "zKbLg+NrIjpnagy+pIY6uPL4ZwEG2v+8F9lmgsnlZzs",
                ["signatures"] = new JsonObject { [ghost] = new JsonObject { ["ed25519:DEV"] = "AAAA" } },
            },
        };
        (await Bridge.PostAsync(
            $"keys/upload?user_id={ghost}&device_id=DEV", new JsonObject { ["one_time_keys"] = keys })).Is(200);
        await Service.TakesAsync(request => CountIn(request) == 1);

        (await Alice.PostAsync("keys/claim", new JsonObject
        {
            ["one_time_keys"] = new JsonObject { [ghost] = new JsonObject { ["DEV"] = "signed_curve25519" } },
        })).Is(200);

        await Service.TakesAsync(request => CountIn(request) == 0);
    }

    [Test]
    public async Task Changed_devices_of_people_in_its_rooms_reach_the_service()
    {
        var bob = await Server.RegistersAsync("bob");
        await BridgedRoomAsync();

        await bob.UploadsDeviceAsync(new ClientKey());
        await Alice.UploadsDeviceAsync(new ClientKey());

        await Service.TakesAsync(request => Changed(request).Contains(Alice.UserId));
        Assert.That(Service.Transactions.SelectMany(Changed), Has.None.EqualTo(bob.UserId));
    }

    [Test]
    public async Task All_changed_devices_of_a_backlog_reach_the_service_without_another_event()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "before");
        await Service.GetsAsync("before");
        var (asked, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        Service.Responds = async request =>
        {
            if (request.Bodies.Contains("held"))
            {
                asked.TrySetResult();
                await release.Task;
            }

            return TestService.Ok;
        };
        await Alice.SaysAsync(room, "held");
        await asked.Task;

        // The first of the lists are of people whom the service does not know.
        for (var i = 0; i < 8; i++)
        {
            var stranger = await Server.RegistersAsync($"stranger{i}");
            await stranger.UploadsDeviceAsync(new ClientKey());
        }

        await Alice.UploadsDeviceAsync(new ClientKey());
        release.SetResult();

        await Service.TakesAsync(request => Changed(request).Contains(Alice.UserId));
    }

    [Test]
    public async Task Messages_for_a_user_whom_a_service_reserves_do_not_reach_another_service()
    {
        await using var other = await TestService.StartAsync();
        Service.Registers(
            Registration,
            """
                  users:
                    - exclusive: false
                      regex: "@_irc_.*"
                """,
            $"\"{other.Url}\"",
            "other");
        await Server.RestartAsync();
        await CreatesDeviceAsync();

        // The other one is the first to send.
        var release = new TaskCompletionSource();
        Service.Responds = async _ =>
        {
            await release.Task;
            return TestService.Ok;
        };
        await SendsAsync("one");
        var client = new TestClient(Server, "other-token");
        var room = (await client.PostAsync("createRoom")).Is(200).Member("room_id");
        (await client.PutAsync($"rooms/{room}/send/m.room.message/1", Mark())).Is(200);
        await other.GetsAsync("mark");
        release.SetResult();
        await Service.TakesAsync(request => Messages(request).Contains("one"));

        Assert.That(other.Transactions.SelectMany(Messages), Is.Empty);
    }

    [Test]
    public async Task Messages_that_wait_for_a_user_who_is_not_the_services_any_more_do_not_reach_it()
    {
        await CreatesDeviceAsync();
        var (asked, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        Service.Responds = async _ =>
        {
            asked.TrySetResult();
            await release.Task;
            return TestService.Ok;
        };
        var room = (await Bridge.PostAsync("createRoom")).Is(200).Member("room_id");
        await asked.Task;

        await SendsAsync("one");
        Service.Registers(
            Registration,
            """
                  users:
                    - exclusive: true
                      regex: "@_xmpp_.*"
                """);
        var directory = Server.Services.GetRequiredService<AppServiceDirectory>();
        while (directory.All[0].HasUser(IdOf("_irc_ghost"))) await Task.Delay(10);
        release.SetResult();
        (await Bridge.PutAsync($"rooms/{room}/send/m.room.message/1", Mark())).Is(200);
        await Service.GetsAsync("mark");

        Assert.That(Service.Transactions.SelectMany(Messages), Is.Empty);
    }

    private static JsonObject Mark() => new() { ["body"] = "mark", ["msgtype"] = "m.text" };

    private static IEnumerable<string?> Messages(ServiceRequest request) =>
        request.Json[ToDevice]!.AsArray().Select(each => (string?)each!["content"]!["body"]);

    private static IEnumerable<string?> Changed(ServiceRequest request) =>
        request.Json["org.matrix.msc3202.device_lists"]!["changed"]!.AsArray().Select(each => (string?)each);

    private static int? CountIn(ServiceRequest request) => (int?)request.Json[
        "org.matrix.msc3202.device_one_time_keys_count"]![IdOf("_irc_ghost")]?["DEV"]?["signed_curve25519"];

    private async Task CreatesDeviceAsync()
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        (await Bridge.PutAsync($"devices/DEV?user_id={IdOf("_irc_ghost")}")).Is(201);
    }

    private async Task SendsAsync(string text) => (await Alice.PutAsync($"sendToDevice/m.test/{text}", new JsonObject
    {
        ["messages"] = new JsonObject
        {
            [IdOf("_irc_ghost")] = new JsonObject { ["DEV"] = new JsonObject { ["body"] = text } },
        },
    })).Is(200);
}

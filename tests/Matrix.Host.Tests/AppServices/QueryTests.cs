using Matrix.Core.Facade;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.ThirdParty;
using Matrix.Host.Users.AppServices;
using Microsoft.Extensions.DependencyInjection;
using JsonArray = System.Text.Json.Nodes.JsonArray;
using JsonNode = System.Text.Json.Nodes.JsonNode;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.Host.Tests.AppServices;

internal sealed class QueryTests : AppServiceTests
{
    protected override string Registration => "protocols: [irc]";

    private IThirdPartyNetwork Networks => Server.Services.GetRequiredService<IThirdPartyNetwork>();

    [Test]
    public async Task A_room_of_an_alias_is_created_when_someone_joins_it()
    {
        Service.Responds = async request =>
        {
            if (!request.Path.Contains("/rooms/")) return TestService.Ok;
            var created = await Bridge.PostAsync(
                "createRoom", new JsonObject { ["preset"] = "public_chat", ["room_alias_name"] = "_irc_room" });
            return (created.Status, "{}");
        };

        var joined = await Alice.PostAsync("join/%23_irc_room:test.example");

        joined.Is(200);
        Assert.That(
            Service.Requests.Select(each => each.Path), Has.Member("/_matrix/app/v1/rooms/#_irc_room:test.example"));
    }

    [Test]
    public async Task A_user_is_created_when_someone_asks_for_their_profile_or_invites_them()
    {
        Service.Responds = async request =>
        {
            if (!request.Path.Contains("/users/")) return TestService.Ok;
            var name = request.Path.Split('@', ':')[1];
            return ((await RegistersGhostAsync(name)).Status, "{}");
        };
        var room = (await Alice.PostAsync("createRoom")).Is(200).Member("room_id");

        (await Alice.GetAsync($"profile/{IdOf("_irc_one")}")).Is(200);
        (await Alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = IdOf("_irc_two") })).Is(200);
    }

    [Test]
    public async Task What_the_service_does_not_have_is_not_found()
    {
        Service.Answers(404, """{"errcode":"COM.EXAMPLE_NOT_FOUND"}""");

        (await Alice.GetAsync($"profile/{IdOf("_irc_none")}")).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync("directory/room/%23_irc_none:test.example")).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync($"profile/{IdOf("none")}")).Is(404, "M_NOT_FOUND");
        Assert.That(Service.Requests.Count(each => !each.IsTransaction), Is.EqualTo(2));
    }

    [TestCase(401)]
    [TestCase(403)]
    [TestCase(404)]
    public async Task What_a_service_refuses_is_not_found(int status)
    {
        Service.Answers(status, """{"errcode":"COM.EXAMPLE_REFUSED"}""");

        (await Alice.GetAsync($"profile/{IdOf("_irc_one")}")).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync("directory/room/%23_irc_one:test.example")).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync("thirdparty/protocol/irc")).Is(404, "M_NOT_FOUND");
        foreach (var look in (string[])
            ["location/irc?channel=a", "location?alias=%23_irc_one:test.example", "user/irc?nick=a",
                $"user?userid={IdOf("_irc_one")}"])
        {
            (await Alice.GetAsync("thirdparty/" + look)).Is(404, "M_NOT_FOUND");
        }

        Assert.That(Service.Requests.Count(each => !each.IsTransaction), Is.EqualTo(7));
    }

    [Test]
    public async Task A_service_that_is_not_there_is_tried_again_and_then_the_client_is_told()
    {
        Service.Registers(url: "\"http://127.0.0.1:1\"");
        await Server.RestartAsync();

        (await Alice.GetAsync($"profile/{IdOf("_irc_one")}")).Is(408, "M_UNKNOWN");
        (await Alice.GetAsync("directory/room/%23_irc_one:test.example")).Is(408, "M_UNKNOWN");
        var room = (await Alice.PostAsync("createRoom")).Is(200).Member("room_id");
        (await Alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = IdOf("_irc_one") }))
            .Is(408, "M_UNKNOWN");
        (await Alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = IdOf("nobody") }))
            .Is(404, "M_NOT_FOUND");
        (await Alice.PostAsync("createRoom", new JsonObject { ["invite"] = new JsonArray(IdOf("_irc_one")) })).Is(200);
    }

    [Test]
    public async Task A_query_that_begins_while_the_server_stops_has_no_answer()
    {
        var queries = Server.Services.GetRequiredService<AppServiceQueries>();
        queries.Dispose();

        var result = await ((IUserQueries)queries).AskAsync(IdOf("_irc_one"), CancellationToken.None);

        Assert.That(result, Is.EqualTo(QueryResult.NoAnswer));
        Assert.That(Service.Requests, Is.Empty);
    }

    [Test]
    public async Task Networks_are_asked_of_the_services_that_provide_them()
    {
        Service.Responds = request => Task.FromResult(request.Path switch
        {
            "/_matrix/app/v1/thirdparty/protocol/irc" => (200,
                """{"user_fields":[],"location_fields":[],"icon":"mxc://a/b","field_types":{},"instances":[{"network_id":"net","desc":"Net","fields":{}}]}"""),
            "/_matrix/app/v1/thirdparty/location/irc" => (200,
                """[{"alias":"#_irc_a:test.example","protocol":"irc","fields":{}}]"""),
            "/_matrix/app/unstable/thirdparty/user" => (200,
                """[{"userid":"@_irc_a:test.example","protocol":"irc","fields":{}}]"""),
            _ => (404, """{"errcode":"M_UNRECOGNIZED"}"""),
        });

        var protocol = await Networks.DescribeAsync("irc", CancellationToken.None);
        var fields = new Dictionary<string, string> { ["channel"] = "#a b" };
        var locations = await Networks.FindLocationsAsync("irc", fields, CancellationToken.None);
        var users = await Networks.UsersOfAsync(IdOf("_irc_a"), CancellationToken.None);

        var irc = JsonNode.Parse(JsonText.Write(protocol!))!;
        Assert.That((string?)irc["instances"]![0]!["instance_id"], Is.EqualTo("bridge|net"));
        Assert.That(locations.Single().Text("alias"), Is.EqualTo("#_irc_a:test.example"));
        Assert.That(users.Single().Text("userid"), Is.EqualTo("@_irc_a:test.example"));
        Assert.That(Networks.Protocols, Is.EqualTo(new[] { "irc" }));
        Assert.That(await Networks.FindLocationsAsync("xmpp", fields, CancellationToken.None), Is.Empty);
        Assert.That(Service.Requests.Select(each => each.Query), Has.Member("?channel=%23a%20b"));
    }
}

/// <summary>Services that do not answer look-ups.</summary>
internal sealed class HangingQueryTests : AppServiceTests
{
    protected override (string Key, string Value)[] Settings =>
        [("app_services.queries", "4"), ("app_services.query_time", "1m"), ("app_services.query_attempts", "1")];

    [Test]
    public async Task Equal_look_ups_at_the_same_time_are_one_request()
    {
        var release = new TaskCompletionSource();
        Service.Responds = async request =>
        {
            if (request.Path.Contains("/users/")) await release.Task;
            return (404, """{"errcode":"COM.EXAMPLE_NOT_FOUND"}""");
        };

        var asked = Enumerable.Range(0, 5).Select(_ => Alice.GetAsync($"profile/{IdOf("_irc_same")}")).ToArray();

        // All have come by then, also on a busy machine.
        await Task.Delay(TimeSpan.FromSeconds(2));
        release.SetResult();

        foreach (var reply in await Task.WhenAll(asked)) reply.Is(404, "M_NOT_FOUND");
        Assert.That(Service.Requests.Count(each => each.Path.Contains("_irc_same")), Is.EqualTo(1));
    }

    [Test]
    public async Task A_service_that_hangs_takes_no_places_of_others()
    {
        Service.Registers(
            namespaces: """
                  users:
                    - exclusive: true
                      regex: "@_slow_.*"
                """,
            id: "slow");
        await Server.RestartAsync();
        var release = new TaskCompletionSource();
        var hanging = 0;
        Service.Responds = async request =>
        {
            if (request.Path.Contains("_slow_"))
            {
                Interlocked.Increment(ref hanging);
                await release.Task;
            }

            return (404, """{"errcode":"COM.EXAMPLE_NOT_FOUND"}""");
        };

        var slow = Enumerable.Range(0, 4).Select(i => Alice.GetAsync($"profile/{IdOf($"_slow_{i}")}")).ToArray();
        while (Volatile.Read(ref hanging) + slow.Count(each => each.IsCompleted) < 4) await Task.Delay(10);

        (await Alice.GetAsync($"profile/{IdOf("_irc_none")}")).Is(404, "M_NOT_FOUND");
        release.SetResult();
        await Task.WhenAll(slow);
    }
}

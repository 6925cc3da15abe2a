using Matrix.Core.Facade;
using Matrix.Host.Outbound.ThirdParty;
using Microsoft.Extensions.DependencyInjection;
using JsonNode = System.Text.Json.Nodes.JsonNode;
using JsonObject = Matrix.Core.Json.JsonObject;

namespace Matrix.Host.Tests.ThirdParty;

/// <summary>`/thirdparty`, without and with a network.</summary>
public sealed class LookupTests
{
    private static readonly string[] _paths =
    [
        "thirdparty/protocol/irc",
        "thirdparty/location/irc?channel=%23a",
        "thirdparty/user/irc?nickname=a",
        "thirdparty/location?alias=%23a:test.example",
        "thirdparty/user?userid=@a:test.example",
    ];

    [Test]
    public async Task Without_application_services_there_is_no_protocol_and_nothing_to_be_found()
    {
        await using var server = await TestServer.StartAsync();
        var alice = await server.RegistersAsync("alice");

        Assert.That((await alice.GetAsync("thirdparty/protocols")).Is(200).Json, Is.Empty);
        foreach (var path in _paths)
        {
            (await alice.GetAsync(path)).Is(404, "M_NOT_FOUND");
            (await server.Anyone.GetAsync(path)).Is(401, "M_MISSING_TOKEN");
        }

        (await alice.GetAsync("thirdparty/location")).Is(400, "M_MISSING_PARAM");
        (await alice.GetAsync("thirdparty/user?userid=a")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task What_several_services_have_of_one_protocol_comes_together()
    {
        await using var server = await TestServer.StartAsync();
        server.Replaces = services => services
            .AddSingleton<IThirdPartyNetwork>(new Irc("one"))
            .AddSingleton<IThirdPartyNetwork>(new Irc("two"));
        await server.RestartAsync();
        var alice = await server.RegistersAsync("alice");

        var protocol = (await alice.GetAsync("thirdparty/protocol/irc")).Is(200).Json;
        Assert.That((string?)protocol["icon"], Is.EqualTo("mxc://one/icon"));
        Assert.That(
            protocol["instances"]!.AsArray().Select(each => (string?)each!["network_id"]),
            Is.EqualTo(new[] { "one", "two" }));
        Assert.That(
            JsonNode.DeepEquals((await alice.GetAsync("thirdparty/protocols")).Is(200).Json["irc"], protocol), Is.True);
        var found = JsonNode.Parse(
            (await alice.GetAsync("thirdparty/location/irc?channel=%23a&access_token=x")).Is(200).Text)!.AsArray();
        Assert.That(
            found.Select(each => (string?)each!["fields"]!["channel"]), Is.EqualTo(new[] { "one #a", "two #a" }));
        (await alice.GetAsync("thirdparty/location/xmpp?channel=%23a")).Is(404, "M_NOT_FOUND");
    }

    private sealed class Irc(string name) : IThirdPartyNetwork
    {
        public IReadOnlyCollection<string> Protocols => ["irc"];

        public ValueTask<JsonObject?> DescribeAsync(string protocol, CancellationToken stop) => new(Parse($$"""
            {
              "user_fields": [], "location_fields": ["channel"], "icon": "mxc://{{name}}/icon", "field_types": {},
              "instances": [{ "network_id": "{{name}}", "desc": "", "fields": {} }]
            }
            """));

        public ValueTask<IReadOnlyList<JsonObject>> FindLocationsAsync(
            string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop) => new(
            [Parse($$"""
                { "alias": "#a:x", "protocol": "irc",
                  "fields": { "channel": "{{name}} {{string.Join(',', fields.Values)}}" } }
                """)]);

        public ValueTask<IReadOnlyList<JsonObject>> FindUsersAsync(
            string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop) => new([]);

        public ValueTask<IReadOnlyList<JsonObject>> LocationsOfAsync(string alias, CancellationToken stop) => new([]);

        public ValueTask<IReadOnlyList<JsonObject>> UsersOfAsync(string userId, CancellationToken stop) => new([]);

        private static JsonObject Parse(string json) =>
            JsonText.TryParseStored(System.Text.Encoding.UTF8.GetBytes(json), out var parsed)
                ? parsed
                : throw new ArgumentException(json);
    }
}

using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.AppServices;

internal sealed class ExclusivityTests : AppServiceTests
{
    private TestClient Other => new(Server, "other-token");

    [SetUp]
    public async Task StartOther()
    {
        Service.Registers(id: "other", url: "null", namespaces: """
              users:
                - exclusive: false
                  regex: "@shared_.*"
                - exclusive: false
                  regex: "@_irc_both_.*"
              aliases:
                - exclusive: false
                  regex: "#shared_.*"
            """);
        await Server.RestartAsync();
    }

    // By whom: a person, the service with the namespace, the other service.
    [TestCase("_irc_new", "person", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("_irc_new", "bridge", ExpectedResult = null)]
    [TestCase("_irc_new", "other", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("_irc_both_new", "other", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("_bridge", "person", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("_bridge", "bridge", ExpectedResult = null)]
    [TestCase("free", "person", ExpectedResult = null)]
    [TestCase("free", "bridge", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("shared_new", "person", ExpectedResult = null)]
    [TestCase("shared_new", "other", ExpectedResult = null)]
    [TestCase("shared_new", "bridge", ExpectedResult = "M_EXCLUSIVE")]
    public async Task<string?> Users(string name, string by)
    {
        var reply = by == "person"
            ? await Server.Anyone.PostAsync("register", new JsonObject
            {
                ["username"] = name,
                ["password"] = "long enough",
                ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
            })
            : await ClientOf(by).PostAsync("register", new JsonObject
            {
                ["type"] = "m.login.application_service",
                ["username"] = name,
                ["inhibit_login"] = true,
            });
        Assert.That(reply.Status, Is.EqualTo(reply.Errcode is null ? 200 : 400), reply.Text);
        return reply.Errcode;
    }

    [TestCase("_irc_room", "person", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("_irc_room", "bridge", ExpectedResult = null)]
    [TestCase("_irc_room", "other", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("free", "person", ExpectedResult = null)]
    [TestCase("free", "bridge", ExpectedResult = "M_EXCLUSIVE")]
    [TestCase("shared_room", "person", ExpectedResult = null)]
    [TestCase("shared_room", "other", ExpectedResult = null)]
    public async Task<string?> Aliases_of_new_rooms_and_of_old_ones(string name, string by)
    {
        var alias = Uri.EscapeDataString($"#{name}:{TestServer.ServerName}");
        var room = (await ClientOf(by).PostAsync("createRoom")).Is(200).Member("room_id");

        var put = await ClientOf(by).PutAsync($"directory/room/{alias}", new JsonObject { ["room_id"] = room });
        if (put.Status == 200) (await ClientOf(by).DeleteAsync($"directory/room/{alias}")).Is(200);
        var created = await ClientOf(by).PostAsync("createRoom", new JsonObject { ["room_alias_name"] = name });

        Assert.That(created.Errcode, Is.EqualTo(put.Errcode));
        return put.Errcode;
    }

    [Test]
    public async Task Only_the_service_deletes_its_aliases_whoever_made_them()
    {
        var alias = Uri.EscapeDataString($"#_irc_room:{TestServer.ServerName}");
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        var ghost = $"user_id={IdOf("_irc_ghost")}";
        (await Bridge.PostAsync($"createRoom?{ghost}", new JsonObject { ["room_alias_name"] = "_irc_room" })).Is(200);

        (await Alice.DeleteAsync($"directory/room/{alias}")).Is(400, "M_EXCLUSIVE");
        (await Other.DeleteAsync($"directory/room/{alias}")).Is(400, "M_EXCLUSIVE");

        (await Bridge.DeleteAsync($"directory/room/{alias}")).Is(200);
    }

    [Test]
    public async Task A_reserved_name_is_not_available() =>
        (await Server.Anyone.GetAsync("register/available?username=_irc_new")).Is(400, "M_EXCLUSIVE");

    [Test]
    public async Task Only_services_keep_directories_of_networks()
    {
        var room = (await Alice.PostAsync("createRoom")).Is(200).Member("room_id");
        var path = $"directory/list/appservice/irc/{room}";
        var visible = new JsonObject { ["visibility"] = "public" };

        (await Server.Anyone.PutAsync(path, visible)).Is(401, "M_MISSING_TOKEN");
        (await Alice.PutAsync(path, visible)).Is(403, "M_FORBIDDEN");
        (await Bridge.PutAsync(path)).Is(400, "M_BAD_JSON");
        (await Bridge.PutAsync(path, new JsonObject { ["visibility"] = 1 })).Is(400, "M_BAD_JSON");
        (await Bridge.PutAsync("directory/list/appservice/irc/!no:test.example", visible)).Is(404, "M_NOT_FOUND");
        (await Bridge.PutAsync(path, visible)).Is(200);

        async Task<int> ListedAsync() => (await Alice.PostAsync(
            "publicRooms", new JsonObject { ["third_party_instance_id"] = "bridge|irc" })).Is(200)
            .Json["chunk"]!.AsArray().Count;
        Assert.That(await ListedAsync(), Is.EqualTo(1));
        (await Bridge.PutAsync(path, new JsonObject { ["visibility"] = "private" })).Is(200);
        Assert.That(await ListedAsync(), Is.Zero);
    }

    private TestClient ClientOf(string by) => by switch
    {
        "person" => Alice,
        "bridge" => Bridge,
        _ => Other,
    };
}

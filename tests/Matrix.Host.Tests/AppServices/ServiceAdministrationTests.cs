using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.AppServices;

/// <summary>A service whose namespace has an administrator.</summary>
internal sealed class ServiceAdministrationTests : AppServiceTests
{
    private const string AdminPath = "/_synapse/admin/v2/users";

    private static string Boss => IdOf("_irc_boss");

    [SetUp]
    public async Task MakeAdministrator()
    {
        (await RegistersGhostAsync("_irc_boss")).Is(200);
        await Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Add(new AdminChanged(Boss, true)), CancellationToken.None);
    }

    [Test]
    public async Task A_service_that_acts_as_an_administrator_does_not_administer()
    {
        var room = (await Alice.PostAsync("createRoom", new JsonObject
        {
            ["preset"] = "private_chat",
            ["room_alias_name"] = "kitchen",
        })).Is(200).Member("room_id");
        var boss = $"user_id={Uri.EscapeDataString(Boss)}";
        var visible = new JsonObject { ["visibility"] = "public" };

        (await Bridge.GetAsync($"{AdminPath}?{boss}")).Is(403, "M_FORBIDDEN");
        (await Bridge.GetAsync($"admin/whois/{Alice.UserId}?{boss}")).Is(403, "M_FORBIDDEN");
        (await Bridge.GetAsync($"admin/whois/{Boss}?{boss}")).Is(200);
        (await Bridge.GetAsync($"rooms/{room}/aliases?{boss}")).Is(403, "M_FORBIDDEN");
        (await Bridge.PutAsync($"directory/list/room/{room}?{boss}", visible)).Is(403, "M_FORBIDDEN");
        (await Bridge.PutAsync(
            $"/_matrix/client/v1/admin/lock/{Alice.UserId}?{boss}", new JsonObject { ["locked"] = true }))
            .Is(403, "M_FORBIDDEN");
        Assert.That((await Bridge.GetAsync($"capabilities?{boss}")).Is(200).Text, Does.Not.Contain("lock"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_device_that_a_service_logged_in_does_not_administer_and_its_refreshed_tokens_neither(bool again)
    {
        var login = (await Bridge.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.application_service",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = Boss },
            ["refresh_token"] = true,
        })).Is(200);
        if (again)
        {
            login = (await Server.Anyone.PostAsync(
                "refresh", new JsonObject { ["refresh_token"] = login.Member("refresh_token") })).Is(200);
        }

        var boss = new TestClient(Server, login.Member("access_token"));

        (await boss.GetAsync("account/whoami")).Is(200);
        (await boss.GetAsync(AdminPath)).Is(403, "M_FORBIDDEN");
        (await boss.GetAsync($"admin/whois/{Alice.UserId}")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_device_that_a_service_registered_does_not_administer_if_its_user_becomes_an_administrator()
    {
        var registered = (await RegistersGhostAsync("_irc_later", inhibitLogin: false)).Is(200);
        await Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Add(new AdminChanged(IdOf("_irc_later"), true)), CancellationToken.None);
        var later = new TestClient(Server, registered.Member("access_token"));

        (await later.GetAsync("account/whoami")).Is(200);
        (await later.GetAsync(AdminPath)).Is(403, "M_FORBIDDEN");
    }
}

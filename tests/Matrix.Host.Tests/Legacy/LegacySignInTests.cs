using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Legacy;

/// <summary>Registration and login of 2014.</summary>
internal sealed class LegacySignInTests() : LegacyTests
{
    [Test]
    public async Task A_user_registers_and_logs_in_with_one_body_each()
    {
        var flows = (await Server.Anyone.GetAsync(Old + "register")).Is(200).Json["flows"]!.AsArray();
        Assert.That(flows.Select(flow => (string?)flow!["type"]), Is.EqualTo(new[] { "m.login.password" }));

        var made = (await Server.Anyone.PostAsync(Old + "register", Password("carol"))).Is(200);
        Assert.That(made.Member("user_id"), Is.EqualTo("@carol:test.example"));
        Assert.That(made.Member("home_server"), Is.EqualTo("test.example"));
        (await Server.Anyone.GetAsync($"{Old}initialSync?access_token={made.Member("access_token")}")).Is(200);

        Assert.That((await Server.Anyone.GetAsync(Old + "login")).Is(200).Text, Does.Contain("m.login.password"));
        foreach (var name in (string[])["carol", "@carol:test.example"])
        {
            var login = (await Server.Anyone.PostAsync(Old + "login", Password(name))).Is(200);
            Assert.That(login.Member("user_id"), Is.EqualTo("@carol:test.example"));
            Assert.That(login.Member("home_server"), Is.EqualTo("test.example"));
        }

        (await Server.Anyone.PutAsync(Old + "login/1", Password("carol"))).Is(200);
    }

    [Test]
    public async Task The_first_names_of_members_are_read()
    {
        var body = new JsonObject { ["user_id"] = "dave", ["password"] = "dave-password" };
        Assert.That(
            (await Server.Anyone.PostAsync(Old + "register", body)).Is(200).Member("user_id"),
            Is.EqualTo("@dave:test.example"));
        var full = Password("@erin:test.example");
        Assert.That(
            (await Server.Anyone.PostAsync(Old + "register", full)).Is(200).Member("user_id"),
            Is.EqualTo("@erin:test.example"));
        var nameless = new JsonObject { ["type"] = "m.login.password", ["password"] = "some-password" };
        (await Server.Anyone.PostAsync(Old + "register", nameless)).Is(200);
    }

    [Test]
    public async Task Wrong_registrations_and_logins_are_refused()
    {
        var anyone = Server.Anyone;
        (await anyone.PostAsync(Old + "register", Password("alice"))).Is(400, "M_USER_IN_USE");
        (await anyone.PostAsync(Old + "register", Password("@a:else.example"))).Is(400, "M_INVALID_USERNAME");
        (await anyone.PostAsync(Old + "register", new JsonObject { ["type"] = "m.login.oauth2", ["user"] = "x" }))
            .Is(400, "M_UNKNOWN");
        (await anyone.PostAsync(Old + "register", new JsonObject { ["type"] = 1 })).Is(400, "M_BAD_JSON");
        (await anyone.PostAsync(Old + "register", new JsonObject { ["user"] = "x", ["password"] = 5 }))
            .Is(400, "M_BAD_JSON");
        (await anyone.PostAsync(Old + "register", new JsonObject { ["user"] = "x" })).Is(400, "M_BAD_JSON");
        (await anyone.PostAsync(Old + "register", new JsonObject
        {
            ["user"] = "x",
            ["password"] = "x-password",
            ["session"] = "none",
        })).Is(403, "M_FORBIDDEN");
        (await anyone.PostAsync(Old + "login", Password("alice", "wrong"))).Is(403, "M_FORBIDDEN");
        (await anyone.PostAsync(Old + "login", new JsonObject { ["type"] = "m.login.oauth2" })).Is(400, "M_UNKNOWN");
        (await anyone.PostAsync(Old + "login", new JsonObject())).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task A_server_that_asks_for_tokens_asks_old_clients_too_in_a_stage_of_its_own()
    {
        await Server.RestartAsync(("registration.requires_token", "true"));
        const string Token = "a-token";
        await Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Add(new RegistrationTokenIssued(Token, 5, null, MakesAdmin: false)), default);
        var anyone = Server.Anyone;
        var flow = (await anyone.GetAsync(Old + "register")).Is(200).Json["flows"]!.AsArray().Single()!;
        Assert.That(flow["stages"]!.AsArray().Select(stage => (string?)stage), Is.EqualTo(
            new[] { "m.login.registration_token", "m.login.password" }));
        (await anyone.PostAsync(Old + "register", Password("frank"))).Is(403, "M_FORBIDDEN");
        (await anyone.PostAsync(Old + "register", Stage("wrong"))).Is(403, "M_FORBIDDEN");

        var stage = (await anyone.PostAsync(Old + "register", Stage(Token))).Is(200);
        Assert.That(stage.Member("next"), Is.EqualTo("m.login.password"));
        var last = Password("frank");
        last["session"] = stage.Member("session");
        Assert.That(
            (await anyone.PostAsync(Old + "register", last)).Is(200).Member("user_id"),
            Is.EqualTo("@frank:test.example"));
    }

    [Test]
    public async Task Nobody_registers_where_registration_is_closed()
    {
        await Server.RestartAsync(("registration.enabled", "false"));
        (await Server.Anyone.GetAsync(Old + "register")).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.PostAsync(Old + "register", Password("greta"))).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.PostAsync(Old + "register", Stage("token"))).Is(403, "M_FORBIDDEN");
    }

    [TestCase("m.login.email.url")]
    [TestCase("m.login.email.code")]
    [TestCase("m.login.email.identity")]
    public async Task A_server_without_mail_has_no_stage_by_mail(string type)
    {
        var flows = (await Server.Anyone.GetAsync(Old + "register")).Is(200);
        Assert.That(flows.Text, Does.Not.Contain("m.login.email"));
        var body = new JsonObject
        {
            ["type"] = type,
            ["user"] = "hugo",
            ["email"] = "hugo@mail.example",
            ["threepidCreds"] = new JsonArray(new JsonObject { ["sid"] = "x", ["clientSecret"] = "x" }),
        };
        (await Server.Anyone.PostAsync(Old + "register", body)).Is(400, "M_UNKNOWN");
        (await Server.Anyone.PostAsync(Old + "login", body)).Is(400, "M_UNKNOWN");
    }

    [Test]
    public async Task The_fallback_page_is_todays()
    {
        var page = await Server.Anyone.GetAsync(Old + "login/fallback?device_id=X");
        Assert.That(page.Status, Is.EqualTo(303));
        var location = page.Headers.Location!.ToString();
        Assert.That(location, Is.EqualTo("/_matrix/static/client/login/?device_id=X"));
        Assert.That((await Server.Anyone.GetAsync(location)).Status, Is.EqualTo(200));
    }

    private static JsonObject Password(string user, string? password = null) => new()
    {
        ["type"] = "m.login.password",
        ["user"] = user,
        ["password"] = password ?? user.TrimStart('@').Split(':')[0] + "-password",
    };

    private static JsonObject Stage(string token) => new()
    {
        ["type"] = "m.login.registration_token",
        ["token"] = token,
    };
}

using System.Text.Json.Nodes;
using Matrix.Host.Tests.AppServices;

namespace Matrix.Host.Tests.OAuth;

/// <summary>
/// A server with the OAuth 2.0 API and not the legacy one. Client-Server API, "Authentication API discovery";
/// Application Service API, "Server admin style permissions".
/// </summary>
internal sealed class OnlyTests : AppServiceTests
{
    protected override (string Key, string Value)[] Settings => [("public_base_url", OAuthActions.BaseUrl)];

    [SetUp]
    public Task OnlyOAuth() => Server.RestartAsync(("oauth.only", "true"));

    [TestCase("login")]
    [TestCase("login/sso/redirect?redirectUrl=http%3A%2F%2Fclient.example")]
    [TestCase("register/available?username=bob")]
    [TestCase("/_matrix/static/client/login/")]
    public async Task The_legacy_API_is_not_found(string path) =>
        (await Server.Anyone.GetAsync(path)).Is(404, "M_UNRECOGNIZED");

    [Test]
    public async Task Nobody_logs_in_or_registers_by_the_legacy_API()
    {
        (await Server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "alice" },
            ["password"] = Alice.Password,
        })).Is(404, "M_UNRECOGNIZED");
        (await Server.Anyone.PostAsync("login", new JsonObject { ["type"] = "m.login.token", ["token"] = "x" }))
            .Is(404, "M_UNRECOGNIZED");
        var bob = new JsonObject { ["username"] = "bob", ["password"] = "very long 1" };
        (await Server.Anyone.PostAsync("register", bob)).Is(404, "M_UNRECOGNIZED");
        (await Server.Anyone.PostAsync("register?kind=guest")).Is(404, "M_UNRECOGNIZED");
        (await Alice.PostAsync("/_matrix/client/v1/login/get_token")).Is(404, "M_UNRECOGNIZED");
    }

    [Test]
    public async Task Services_register_users_without_a_login()
    {
        (await RegistersGhostAsync("_irc_a", inhibitLogin: false)).Is(400, "M_APPSERVICE_LOGIN_UNSUPPORTED");
        (await RegistersGhostAsync("_irc_a")).Is(200);
        (await Bridge.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.application_service",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "_irc_a" },
        })).Is(400, "M_APPSERVICE_LOGIN_UNSUPPORTED");
    }

    [Test]
    public async Task Sessions_that_are_there_stay_and_OAuth_is_offered()
    {
        (await Alice.GetAsync("account/whoami")).Is(200);
        (await Server.Anyone.GetAsync("/_matrix/client/v1/auth_metadata")).Is(200);
    }
}

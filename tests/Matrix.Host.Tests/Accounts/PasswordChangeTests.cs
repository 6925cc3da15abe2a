using System.Text.Json.Nodes;
using Matrix.Host.Crypto;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.Sessions;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Accounts;

/// <summary>Logins and sessions that began before a password change end with it.</summary>
public sealed class PasswordChangeTests
{
    private const string NewPassword = "entirely new";

    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_login_that_began_before_a_password_change_does_not_survive_it()
    {
        // The old hash is outdated by the time of the login, which would renew it.
        await using var server = await TestServer.StartAsync(("passwords.operations", "2"));
        var alice = await server.RegistersAsync("alice");
        var isChanged = false;
        server.Replaces = parts => parts.AddSingleton(made =>
        {
            var storage = made.GetRequiredService<OpenedStorage>();
            var hasher = made.GetRequiredService<PasswordHasher>();
            var accounts = AfterReads<UserRow?>.Of(storage.Accounts, async () =>
            {
                if (isChanged) return;
                isChanged = true;
                var hash = await hasher.HashAsync(NewPassword, default, CancellationToken.None);
                await storage.Writer.WriteAsync(
                    Batches.New().Require(new PasswordChanged(alice.UserId, hash)), CancellationToken.None);
            });
            return ActivatorUtilities.CreateInstance<PasswordLogin>(made, accounts);
        });
        await server.RestartAsync(("passwords.operations", "1"));

        (await LogInAsync(server, "alice", alice.Password)).Is(403, "M_FORBIDDEN");
        Assert.That(isChanged, Is.True, "The password changed right after the login had read the old one.");
        (await LogInAsync(server, "alice", alice.Password)).Is(403, "M_FORBIDDEN");
        (await LogInAsync(server, "alice", NewPassword)).Is(200);
    }

    [Test]
    public async Task A_device_that_logs_in_while_all_are_logged_out_is_logged_out_too()
    {
        var bob = await _server.RegistersAsync("bob");
        TestUser? late = null;
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        var accounts = AfterReads<IReadOnlyList<DeviceRow>>.Of(
            storage.Accounts, async () => late = await bob.LogsInAsync("LATE"));

        var logins = _server.Services.GetRequiredService<Logins>();

        await new DeviceManagement(accounts, storage.Writer, logins, TimeProvider.System).DeleteAllAsync(
            bob.UserId, CancellationToken.None);

        (await bob.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        if (late is not null) (await late.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_login_token_ends_with_the_password(bool logOut)
    {
        var carol = await _server.RegistersAsync(logOut ? "carol" : "carol-stays");
        var token = await LoginTokenAsync(carol);

        await ChangeAsync(carol, logOut);

        (await ByTokenAsync(token)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_login_token_ends_when_all_devices_are_logged_out()
    {
        var dave = await _server.RegistersAsync("dave");
        var token = await LoginTokenAsync(dave);

        (await dave.PostAsync("logout/all")).Is(200);

        (await ByTokenAsync(token)).Is(403, "M_FORBIDDEN");
    }

    [TestCase("delete")]
    [TestCase("password")]
    [TestCase("deactivate")]
    public async Task What_was_confirmed_with_the_old_password_must_be_confirmed_again(string request)
    {
        var user = await _server.RegistersAsync("confirms-" + request);
        var other = await user.LogsInAsync();
        Task<Reply> AskAsync(JsonObject? auth)
        {
            var body = new JsonObject();
            if (auth is not null) body["auth"] = auth;
            if (request == "password") body["new_password"] = "the thief's choice";
            if (request == "delete") return user.DeleteAsync($"devices/{other.DeviceId}", body);
            return user.PostAsync(request == "password" ? "account/password" : "account/deactivate", body);
        }

        var session = (await AskAsync(null)).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.password/fallback/web?session={session}";
        var browser = new OAuth.TestBrowser(_server);
        await browser.OpensAsync(page);
        (await browser.SubmitsAsync(page, ("user", user.UserId), ("password", user.Password))).HasStatus(200);
        await ChangeAsync(user, logOut: false);

        var refused = (await AskAsync(new JsonObject { ["session"] = session })).Is(401, "M_FORBIDDEN");

        Assert.That(refused.Json["completed"]!.AsArray(), Is.Empty);
        (await LogInAsync(_server, user.UserId, NewPassword)).Is(200);
        (await other.GetAsync("account/whoami")).Is(200);
    }

    private static async Task ChangeAsync(TestUser user, bool logOut = true) =>
        (await user.PostAsync("account/password", new JsonObject
        {
            ["new_password"] = NewPassword,
            ["logout_devices"] = logOut,
            ["auth"] = user.PasswordAuth(),
        })).Is(200);

    private static async Task<string> LoginTokenAsync(TestUser user)
    {
        var body = new JsonObject { ["auth"] = user.PasswordAuth() };
        return (await user.PostAsync("/_matrix/client/v1/login/get_token", body)).Is(200).Member("login_token");
    }

    private Task<Reply> ByTokenAsync(string token) =>
        _server.Anyone.PostAsync("login", new JsonObject { ["type"] = "m.login.token", ["token"] = token });

    private static Task<Reply> LogInAsync(TestServer server, string user, string password) =>
        server.Anyone.PostAsync(
            "login",
            new JsonObject { ["type"] = "m.login.password", ["user"] = user, ["password"] = password });
}

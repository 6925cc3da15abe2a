using System.Text.Json.Nodes;
using Matrix.Host.Crypto;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Accounts;

/// <summary>Users whose passwords Synapse hashed log in, and have our hash since then.</summary>
internal sealed class ImportedLoginTests
{
    /// <summary>`wonderland` with the pepper below, by Python's bcrypt.</summary>
    private const string Hash = "$2b$04$4H0x10aJJzuCl17EnCRG6ONoBTG56VSTgawJoioaDm6NpsayDoiPS";

    private const string Pepper = "péppér \u0001!";

    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync(("passwords.imported_pepper", Pepper));

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task The_first_login_replaces_the_hash_of_Synapse()
    {
        var alice = await ImportedAsync("alice");

        (await LogInAsync(alice, "Wonderland")).Is(403, "M_FORBIDDEN");
        Assert.That(await HashOfAsync(alice), Does.StartWith("$synapse$"));
        (await LogInAsync(alice, "wonderland")).Is(200);
        Assert.That(await HashOfAsync(alice), Does.StartWith("$argon2id$"));
        (await LogInAsync(alice, "wonderland")).Is(200);
        (await LogInAsync(alice, "Wonderland")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_password_that_confirms_a_request_replaces_it_too()
    {
        var registered = await _server.RegistersAsync("bob");
        var other = await registered.LogsInAsync();
        await SetAsync(registered.UserId, ImportedPasswords.StoredForm(Hash));

        var session = (await registered.DeleteAsync($"devices/{other.DeviceId}", new JsonObject()))
            .Is(401).Member("session");
        (await registered.DeleteAsync($"devices/{other.DeviceId}", new JsonObject
        {
            ["auth"] = new JsonObject
            {
                ["type"] = "m.login.password",
                ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = registered.UserId },
                ["password"] = "wonderland",
                ["session"] = session,
            },
        })).Is(200);

        Assert.That(await HashOfAsync(registered.UserId), Does.StartWith("$argon2id$"));
    }

    [TestCase("$synapse")]
    [TestCase("$synapse$2b$31$F7Zlh/eypsCOq.qaqjzWoeW5rytDUMVksjpClg4mNjDx5bi77WOji")]
    public async Task A_hash_that_cannot_be_computed_matches_no_password(string stored)
    {
        var user = (await _server.RegistersAsync("carol-" + stored.Length)).UserId;
        await SetAsync(user, stored);

        (await LogInAsync(user, "wonderland")).Is(403, "M_FORBIDDEN");

        Assert.That(await HashOfAsync(user), Is.EqualTo(stored));
    }

    [Test]
    public async Task A_server_with_such_hashes_says_at_its_start_how_many_there_are()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var (name, cost) in new[] { ("dave", "04"), ("erin", "31") })
        {
            var user = (await server.RegistersAsync(name)).UserId;
            await SetAsync(server, user, $"$synapse$2b${cost}$F7Zlh/eypsCOq.qaqjzWoeW5rytDUMVksjpClg4mNjDx5bi77WOji");
        }

        await server.RestartAsync();

        Assert.That(server.Log, Does.Contain("1 passwords from Synapse have not been used here yet"));
        Assert.That(server.Log, Does.Contain("1 passwords from Synapse have a bcrypt cost over 16"));
        (await server.Anyone.PostAsync("login", Password("dave", "wonderland"))).Is(200);
    }

    private async Task<string> ImportedAsync(string name)
    {
        var user = (await _server.RegistersAsync(name)).UserId;
        await SetAsync(user, ImportedPasswords.StoredForm(Hash));
        return user;
    }

    private Task SetAsync(string user, string hash) => SetAsync(_server, user, hash);

    private static async Task SetAsync(TestServer server, string user, string hash)
    {
        var storage = server.Services.GetRequiredService<OpenedStorage>();
        var receipt = await storage.Writer.WriteAsync(
            Batches.New().Require(new PasswordChanged(user, hash)), CancellationToken.None);
        Assert.That(receipt.Refused, Is.False);
    }

    private async Task<string?> HashOfAsync(string user)
    {
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        return (await storage.Accounts.FindUserAsync(user, CancellationToken.None))!.PasswordHash;
    }

    private Task<Reply> LogInAsync(string user, string password) =>
        _server.Anyone.PostAsync("login", Password(user, password));

    private static JsonObject Password(string user, string password) =>
        new() { ["type"] = "m.login.password", ["user"] = user, ["password"] = password };
}

using System.Text.Json.Nodes;
using Matrix.Host.Crypto;

namespace Matrix.Host.Tests.Http;

/// <summary>The computations of passwords, which all users share.</summary>
public sealed class PasswordQueueTests
{
    private static readonly PasswordHashCost _cost = new()
    {
        MemoryBytes = 8 << 20,
        Operations = 1,
        Concurrency = 1,
        Waiting = 12,
        OfUser = 2,
        OfAddress = 4,
    };

    [Test]
    public async Task A_user_and_an_address_have_a_share_of_the_queue_and_leave_the_rest_to_others()
    {
        using var hasher = new PasswordHasher(_cost);

        var ofUser = Many(hasher, 5, _ => new HashRequester("@mallory:x", "192.0.2.1"));
        var ofAddress = Many(hasher, 5, i => new HashRequester($"@user{i}:x", "192.0.2.1"));
        var ofOthers = Many(hasher, 5, i => new HashRequester(null, $"192.0.2.{10 + i}"));

        Assert.That(await DoneAsync(ofUser), Is.EqualTo(2));
        Assert.That(await DoneAsync(ofAddress), Is.EqualTo(2), "two of the address were there");
        Assert.That(await DoneAsync(ofOthers), Is.EqualTo(5));
        Assert.That(await hasher.HashAsync("a", new HashRequester("@mallory:x", "192.0.2.1"), default), Is.Not.Null);
    }

    [Test]
    public async Task Confirmations_with_made_up_addresses_keep_nobody_from_logging_in()
    {
        await using var server = await LimitedAsync();
        var mallory = await server.RegistersAsync("mallory");
        var others = new List<TestUser>();
        for (var i = 0; i < 5; i++) others.Add(await server.RegistersAsync($"other{i}"));
        await LimitAsync(server);
        var guesses = Enumerable.Range(0, 100)
            .Select(i => DeletesAsync(mallory, Mail($"made.up.{i}@example.org"), "192.0.2.1")).ToArray();

        foreach (var other in others)
        {
            Assert.That((await LogInAsync(other, $"198.51.100.{others.IndexOf(other)}")).Status, Is.EqualTo(200));
        }

        var replies = await Task.WhenAll(guesses);
        Assert.That(replies.Count(reply => reply.Status == 403), Is.LessThanOrEqualTo(3));
        Assert.That(replies.Where(reply => reply.Status != 403).Select(reply => reply.Status), Is.All.EqualTo(429));
    }

    [Test]
    public async Task A_user_with_a_token_guesses_no_more_by_addresses_than_by_the_name()
    {
        await using var server = await LimitedAsync();
        var alice = await server.RegistersAsync("alice");
        await LimitAsync(server);

        var replies = new List<int>();
        for (var i = 0; i < 3; i++) replies.Add((await DeletesAsync(alice, Name(alice), $"192.0.2.{i}")).Status);
        replies.Add((await DeletesAsync(alice, Mail("a@example.org"), "192.0.2.9")).Status);
        replies.Add((await DeletesAsync(alice, Name(alice), "192.0.2.10")).Status);

        Assert.That(replies, Is.EqualTo(new[] { 401, 401, 401, 429, 429 }));
    }

    [Test]
    public async Task A_user_confirms_where_they_logged_in_lately_whatever_somebody_with_their_token_does_elsewhere()
    {
        await using var server = await LimitedAsync();
        var alice = await server.RegistersAsync("alice");
        await LimitAsync(server);
        (await LogInAsync(alice, "198.51.100.1")).Is(200);
        for (var i = 0; i < 30; i++) await ChangesPasswordAsync(alice, "a guess", "192.0.2.1");
        Assert.That((await ChangesPasswordAsync(alice, "a guess", "192.0.2.1")).Status, Is.EqualTo(429));

        Assert.That((await ChangesPasswordAsync(alice, alice.Password, "198.51.100.1")).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task Passwords_of_names_that_cannot_be_here_are_limited_by_address()
    {
        await using var server = await LimitedAsync();
        await LimitAsync(server);

        var replies = new List<int>();
        for (var i = 0; i < 21; i++)
        {
            var body = new JsonObject
            {
                ["type"] = "m.login.password",
                ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = $"@u{i}:other.example" },
                ["password"] = "a guess",
            };
            replies.Add((await SendAsync(server.Anyone, HttpMethod.Post, "login", body, "192.0.2.1")).Status);
        }

        Assert.That(replies.Take(20), Is.All.EqualTo(403));
        Assert.That(replies[20], Is.EqualTo(429));
    }

    private static Task<TestServer> LimitedAsync() => TestServer.StartAsync(
        ("passwords.memory", "8388608"), ("passwords.operations", "1"), ("passwords.concurrency", "1"),
        ("passwords.waiting", "8"), ("listeners.trust_forwarded_for", "true"));

    private static Task LimitAsync(TestServer server) => server.RestartAsync(
        ("rate_limits.enabled", "true"),
        ("rate_limits.password_burst", "3"),
        ("rate_limits.password_per_second", "0.001"),
        ("rate_limits.attempts_per_second", "0.001"),
        ("rate_limits.login_burst", "100"));

    private static Task<string?>[] Many(PasswordHasher hasher, int count, Func<int, HashRequester> by) =>
        [.. Enumerable.Range(0, count).Select(i => hasher.HashAsync("a password", by(i), default))];

    private static async Task<int> DoneAsync(Task<string?>[] hashes) =>
        (await Task.WhenAll(hashes)).Count(static hash => hash is not null);

    private static JsonObject Mail(string address) =>
        new() { ["type"] = "m.id.thirdparty", ["medium"] = "email", ["address"] = address };

    private static JsonObject Name(TestUser user) => new() { ["type"] = "m.id.user", ["user"] = user.UserId };

    private static Task<Reply> DeletesAsync(TestUser user, JsonObject identifier, string address) => SendAsync(
        user,
        HttpMethod.Delete,
        $"devices/{user.DeviceId}",
        new JsonObject
        {
            ["auth"] = new JsonObject
            {
                ["type"] = "m.login.password",
                ["identifier"] = identifier,
                ["password"] = "a guess",
            },
        },
        address);

    private static Task<Reply> ChangesPasswordAsync(TestUser user, string password, string address)
    {
        var auth = user.PasswordAuth();
        auth["password"] = password;
        return SendAsync(
            user,
            HttpMethod.Post,
            "account/password",
            new JsonObject { ["new_password"] = "another-password", ["auth"] = auth },
            address);
    }

    private static Task<Reply> LogInAsync(TestUser user, string address) => SendAsync(
        user.Server.Anyone,
        HttpMethod.Post,
        "login",
        new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = Name(user),
            ["password"] = user.Password,
        },
        address);

    private static Task<Reply> SendAsync(
        TestClient client, HttpMethod method, string path, JsonObject body, string address) =>
        client.SendAsync(method, path, TestClient.Raw(body.ToJsonString()), ("X-Forwarded-For", address));
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Tests.Accounts;

/// <summary>`/voip/turnServer`.</summary>
public sealed class TurnTests
{
    private const string Uris = "turn:turn.example.org:3478?transport=udp, turns:turn.example.org:5349";

    [Test]
    public async Task Credentials_are_those_that_coturn_computes_and_end_after_their_lifetime()
    {
        await using var server = await TestServer.StartAsync(
            ("turn.uris", Uris), ("turn.shared_secret", "between us"), ("turn.lifetime", "1h"));
        var alice = await server.RegistersAsync("alice");
        var before = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

        var made = (await alice.GetAsync("voip/turnServer")).Is(200).Json;

        var name = (string)made["username"]!;
        var parts = name.Split(':', 2);
        Assert.That(parts[1], Is.EqualTo(alice.UserId));
        Assert.That(long.Parse(parts[0], CultureInfo.InvariantCulture), Is.InRange(before + 3600, before + 3660));
        Assert.That((long)made["ttl"]!, Is.EqualTo(3600));
        Assert.That(made["uris"]!.AsArray().Select(uri => (string?)uri), Is.EqualTo(Uris.Split(", ")));
#pragma warning disable CA5350 // TURN servers expect SHA-1.
        var expected = HMACSHA1.HashData(Encoding.UTF8.GetBytes("between us"), Encoding.UTF8.GetBytes(name));
#pragma warning restore CA5350
        Assert.That((string?)made["password"], Is.EqualTo(Convert.ToBase64String(expected)));
        (await server.Anyone.GetAsync("voip/turnServer")).Is(401, "M_MISSING_TOKEN");
        Assert.That(server.Log, Does.Not.Contain("between us"));
    }

    [Test]
    public async Task Without_a_secret_the_configured_user_is_named_and_without_a_server_nobody()
    {
        await using var server = await TestServer.StartAsync(
            ("turn.uris", Uris), ("turn.username", "all"), ("turn.password", "of us"));
        var alice = await server.RegistersAsync("alice");

        var made = (await alice.GetAsync("voip/turnServer")).Is(200).Json;
        Assert.That(((string?)made["username"], (string?)made["password"]), Is.EqualTo(("all", "of us")));

        await server.RestartAsync(("turn.uris", ""));
        (await alice.GetAsync("voip/turnServer")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Requests_are_limited()
    {
        await using var server = await TestServer.StartAsync(("turn.uris", Uris), ("turn.shared_secret", "s"));
        var alice = await server.RegistersAsync("alice");
        await server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.other_per_second", "0.001"),
            ("rate_limits.other_burst", "2"));

        for (var i = 0; i < 2; i++) (await alice.GetAsync("voip/turnServer")).Is(200);
        (await alice.GetAsync("voip/turnServer")).Is(429, "M_LIMIT_EXCEEDED");
    }
}

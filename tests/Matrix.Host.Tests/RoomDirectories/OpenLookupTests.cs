using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.RoomDirectories;

/// <summary>Rooms and aliases of other servers, for which clients need no token.</summary>
internal sealed class OpenLookupTests : TwoUsersTests
{
    private const string Rooms = "publicRooms?server=127.0.77.1:1";

    private static readonly string _alias = "directory/room/" + UserActions.Esc("#none:127.0.77.1:1");

    [Test]
    public async Task Without_a_valid_token_other_servers_are_asked_at_a_limited_rate()
    {
        await LimitsAsync(burst: 2);
        (await Server.Anyone.GetAsync(Rooms)).Is(502, "M_UNKNOWN");
        (await Server.Anyone.GetAsync(_alias)).Is(502, "M_UNKNOWN");

        var limited = (await Server.Anyone.GetAsync(Rooms)).Is(429, "M_LIMIT_EXCEEDED").Json;
        Assert.That((long)limited["retry_after_ms"]!, Is.GreaterThan(1000));
        (await Server.Anyone.GetAsync(_alias)).Is(429, "M_LIMIT_EXCEEDED");
        (await Alice.GetAsync(Rooms)).Is(502, "M_UNKNOWN");
        (await Alice.GetAsync(_alias)).Is(502, "M_UNKNOWN");
        Bob.Token = "wrong";
        (await Bob.GetAsync(Rooms)).Is(429, "M_LIMIT_EXCEEDED");
        (await Bob.GetAsync(_alias)).Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public async Task What_this_server_has_is_not_limited_and_needs_no_valid_token()
    {
        await LimitsAsync(burst: 1);
        Bob.Token = "wrong";
        foreach (var client in new[] { Server.Anyone, Bob, Server.Anyone })
        {
            (await client.GetAsync("publicRooms")).Is(200);
            (await client.GetAsync("publicRooms?server=test.example")).Is(200);
            (await client.GetAsync("directory/room/" + UserActions.Esc("#none:test.example"))).Is(404, "M_NOT_FOUND");
        }

        (await Server.Anyone.GetAsync(Rooms)).Is(502, "M_UNKNOWN");
    }

    private Task LimitsAsync(int burst) => Server.RestartAsync(
        ("rate_limits.enabled", "true"),
        ("rate_limits.open_summaries_per_second", "0.001"),
        ("rate_limits.open_summaries_burst", $"{burst}"));
}

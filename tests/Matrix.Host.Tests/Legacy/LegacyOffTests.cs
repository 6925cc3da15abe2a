namespace Matrix.Host.Tests.Legacy;

/// <summary>The API of 2014 on a server that is not configured for it.</summary>
internal sealed class LegacyOffTests
{
    [Test]
    public async Task No_path_of_it_exists()
    {
        await using var server = await TestServer.StartAsync();
        var alice = await server.RegistersAsync("alice");
        const string Old = "/_matrix/client/api/v1/";
        foreach (var path in (string[])
            ["register", "login", "login/fallback", "initialSync", "events", "publicRooms", "presence/list"])
        {
            (await alice.GetAsync(Old + path)).Is(404, "M_UNRECOGNIZED");
        }

        (await alice.PostAsync(Old + "createRoom")).Is(404, "M_UNRECOGNIZED");
        (await alice.PutAsync(Old + "createRoom/1")).Is(404, "M_UNRECOGNIZED");
    }
}

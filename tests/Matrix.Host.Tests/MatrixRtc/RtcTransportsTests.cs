using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.MatrixRtc;

/// <summary>The transports of calls (MSC4143).</summary>
public sealed class RtcTransportsTests
{
    private const string Path = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports";

    private const string Transports = """
        [{"type":"livekit","livekit_service_url":"https://livekit.example.org/jwt"},{"type":"org.example","zones":[1,2]}]
        """;

    [Test]
    public async Task Users_and_the_clients_file_get_the_configured_transports_in_order()
    {
        await using var server = await TestServer.StartAsync(
            ("public_base_url", "https://matrix.example.org"), ("matrix_rtc.transports", Transports));
        var alice = await server.RegistersAsync("alice");

        var reply = (await alice.GetAsync(Path)).Is(200);
        var file = (await server.Anyone.GetAsync("/.well-known/matrix/client")).Is(200);

        var expected = JsonNode.Parse(Transports);
        Assert.That(JsonNode.DeepEquals(reply.Json["rtc_transports"], expected), reply.Text);
        Assert.That(JsonNode.DeepEquals(file.Json["org.matrix.msc4143.rtc_foci"], expected), file.Text);
        (await server.Anyone.GetAsync(Path)).Is(401, "M_MISSING_TOKEN");
        var versions = (await server.Anyone.GetAsync("/_matrix/client/versions")).Is(200);
        Assert.That((bool)versions.Json["unstable_features"]!["org.matrix.msc4143"]!, Is.True);
    }

    [Test]
    public async Task Without_transports_the_list_is_empty_and_the_clients_file_has_none()
    {
        await using var server = await TestServer.StartAsync(("public_base_url", "https://matrix.example.org"));
        var alice = await server.RegistersAsync("alice");

        var reply = (await alice.GetAsync(Path)).Is(200);
        var file = (await server.Anyone.GetAsync("/.well-known/matrix/client")).Is(200);

        Assert.That(reply.Text, Is.EqualTo("{\"rtc_transports\":[]}"));
        Assert.That(file.Json["org.matrix.msc4143.rtc_foci"], Is.Null);
    }
}

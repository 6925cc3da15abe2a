using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Http;

/// <summary>`/.well-known/matrix`.</summary>
public sealed class WellKnownTests
{
    [Test]
    public async Task Contacts_and_the_page_of_support_are_those_of_the_configuration()
    {
        await using var server = await HomeserverFixture.StartAsync(
            ("support.page", "https://example.org/help"),
            ("support.admin", "@admin:example.org, admin@example.org"),
            ("support.security", "security@example.org"));

        var reply = (await server.Anyone.GetAsync("/.well-known/matrix/support")).Is(200);

        Assert.That(
            JsonNode.DeepEquals(reply.Json, JsonNode.Parse("""
                {
                  "contacts": [
                    { "matrix_id": "@admin:example.org", "role": "m.role.admin" },
                    { "email_address": "admin@example.org", "role": "m.role.admin" },
                    { "email_address": "security@example.org", "role": "m.role.security" }
                  ],
                  "support_page": "https://example.org/help"
                }
                """)),
            reply.Text);
    }

    [Test]
    public async Task Without_any_there_is_no_such_file()
    {
        await using var server = await HomeserverFixture.StartAsync();

        (await server.Anyone.GetAsync("/.well-known/matrix/support")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task The_clients_file_has_the_operators_members_beside_the_address()
    {
        await using var server = await HomeserverFixture.StartAsync(
            ("public_base_url", "https://matrix.example.org"),
            ("well_known.client", """
                {"m.identity_server":{"base_url":"https://id.example.org"},"org.example.map":{"zoom":3,"on":true}}
                """));

        var reply = (await server.Anyone.GetAsync("/.well-known/matrix/client")).Is(200);

        Assert.That(
            JsonNode.DeepEquals(reply.Json, JsonNode.Parse("""
                {
                  "m.homeserver": { "base_url": "https://matrix.example.org" },
                  "m.identity_server": { "base_url": "https://id.example.org" },
                  "org.example.map": { "zoom": 3, "on": true }
                }
                """)),
            reply.Text);
    }

    [Test]
    public async Task Clients_find_the_services_for_calls_by_a_request_and_in_the_file()
    {
        const string Listed = """
            [
              { "type": "livekit", "livekit_service_url": "https://rtc.example.org" },
              { "type": "livekit", "livekit_service_url": "https://example.org/second" }
            ]
            """;
        await using var server = await HomeserverFixture.StartAsync(
            ("public_base_url", "https://matrix.example.org"),
            ("rtc.livekit", "https://rtc.example.org, https://example.org/second"));
        var alice = await server.RegistersAsync("alice");
        const string Path = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports";

        var transports = (await alice.GetAsync(Path)).Is(200);
        var file = (await server.Anyone.GetAsync("/.well-known/matrix/client")).Is(200);

        var expected = JsonNode.Parse(Listed);
        Assert.That(JsonNode.DeepEquals(transports.Json["rtc_transports"], expected), transports.Text);
        Assert.That(JsonNode.DeepEquals(file.Json["org.matrix.msc4143.rtc_foci"], expected), file.Text);
        (await server.Anyone.GetAsync(Path)).Is(401, "M_MISSING_TOKEN");

        // The operator's own member is the one that is served.
        await server.RestartAsync(("well_known.client", """{"org.matrix.msc4143.rtc_foci":[]}"""));
        file = (await server.Anyone.GetAsync("/.well-known/matrix/client")).Is(200);
        Assert.That(file.Json["org.matrix.msc4143.rtc_foci"]!.AsArray(), Is.Empty);

        await server.RestartAsync(("rtc.livekit", ""), ("well_known.client", "{}"));
        Assert.That((await alice.GetAsync(Path)).Is(200).Text, Is.EqualTo("""{"rtc_transports":[]}"""));
        Assert.That(
            (await server.Anyone.GetAsync("/.well-known/matrix/client")).Is(200).Text, Does.Not.Contain("rtc_foci"));
    }

    [Test]
    public async Task A_policy_servers_key_is_served_if_it_is_configured()
    {
        const string Key = "6yhHGKhCiXTSEN2ksjV7kX_N6rBQZ3Xb-M7LlC6NS-s";
        await using var server = await HomeserverFixture.StartAsync(("well_known.policy_server_key", Key));

        var reply = (await server.Anyone.GetAsync("/.well-known/matrix/policy_server")).Is(200);
        Assert.That((string?)reply.Json["public_keys"]!["ed25519"], Is.EqualTo(Key));

        await server.RestartAsync(("well_known.policy_server_key", ""));
        (await server.Anyone.GetAsync("/.well-known/matrix/policy_server")).Is(404, "M_NOT_FOUND");
    }
}

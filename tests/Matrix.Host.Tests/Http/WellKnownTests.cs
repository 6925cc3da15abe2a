using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Http;

/// <summary>`/.well-known/matrix`.</summary>
public sealed class WellKnownTests
{
    [Test]
    public async Task Contacts_and_the_page_of_support_are_those_of_the_configuration()
    {
        await using var server = await TestServer.StartAsync(
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
        await using var server = await TestServer.StartAsync();

        (await server.Anyone.GetAsync("/.well-known/matrix/support")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task The_clients_file_has_the_operators_members_beside_the_address()
    {
        await using var server = await TestServer.StartAsync(
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
    public async Task A_policy_servers_key_is_served_if_it_is_configured()
    {
        const string Key = "6yhHGKhCiXTSEN2ksjV7kX_N6rBQZ3Xb-M7LlC6NS-s";
        await using var server = await TestServer.StartAsync(("well_known.policy_server_key", Key));

        var reply = (await server.Anyone.GetAsync("/.well-known/matrix/policy_server")).Is(200);
        Assert.That((string?)reply.Json["public_keys"]!["ed25519"], Is.EqualTo(Key));

        await server.RestartAsync(("well_known.policy_server_key", ""));
        (await server.Anyone.GetAsync("/.well-known/matrix/policy_server")).Is(404, "M_NOT_FOUND");
    }
}

using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Http;

/// <summary>`/.well-known/matrix/support`.</summary>
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
}

using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Policy;
using Matrix.Host.Network.Urls;
using Matrix.Host.Tests.Network;

namespace Matrix.Host.Tests.Media;

/// <summary>A host with a dot at the end of its name is the same host.</summary>
internal sealed class HostNameTests
{
    [TestCase("http://wiki.corp.example./")]
    [TestCase("http://wiki.corp.example\u3002/")]
    [TestCase("http://wiki.corp.example/")]
    public void The_host_of_an_address_has_no_dot_at_its_end(string url)
    {
        Assert.That(UrlHosts.TryGet(new Uri(url), out var host));
        Assert.That(host, Is.EqualTo("wiki.corp.example"));
    }

    [Test]
    public void A_denied_server_is_denied_with_a_dot_too()
    {
        var filter = new ServerFilter([], ["*.corp.example", "other.example:8448"]);

        Assert.That(filter.Allows("wiki.corp.example."), Is.False);
        Assert.That(filter.Allows("wiki.corp.example.:8448"), Is.False);
        Assert.That(filter.Allows("other.example.:8448"), Is.False);
        Assert.That(filter.Allows("other.example.:8449"), Is.True);
        Assert.That(new ServerFilter(["a.example"], []).Allows("a.example."), Is.True);
    }

    [Test]
    public void A_rule_of_a_policy_list_names_the_server_with_a_dot_too()
    {
        Assert.That(JsonText.TryParseObject(
            """{"entity":"evil.example","recommendation":"m.ban","reason":""}"""u8,
            Matrix.Core.Json.Reading.Client,
            JsonText.ClientBodyLimits,
            out var content,
            out _));
        var rules = PolicyRules.Of([PolicyRule.Of("m.policy.rule.server", content)!]);

        Assert.That(rules.FindServer("evil.example."), Is.Not.Null);
        Assert.That(rules.FindServer("evil.example.:8448"), Is.Not.Null);
        Assert.That(rules.FindServer("fair.example."), Is.Null);
    }

    [Test]
    public async Task A_page_of_a_denied_host_is_not_previewed_by_a_dot()
    {
        await using var web = await WebPages.StartAsync();
        await using var server = await TestServer.StartAsync(
            ("federation.allow_networks", "127.0.0.0/8"), ("media.preview_denied", "127.0.0.1"));
        var alice = await server.RegistersAsync("alice");
        web.Has("/page", "<title>Denied</title>");
        var port = new Uri(web.Url).Port;

        foreach (var host in new[] { "127.0.0.1", "127.0.0.1." })
        {
            (await alice.GetAsync("/_matrix/client/v1/media/preview_url?url="
                + Uri.EscapeDataString($"http://{host}:{port}/page"))).Is(502, "M_UNKNOWN");
        }

        Assert.That(web.Requests, Is.Empty);
    }
}

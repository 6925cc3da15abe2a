using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Accounts;

public sealed class PushRuleTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync(("limits.push_rules", "3"));
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_new_user_has_the_servers_rules_and_reads_them_as_account_data_too()
    {
        var all = (await _alice.GetAsync("pushrules/")).Is(200);
        var global = (await _alice.GetAsync("pushrules/global/")).Is(200);

        Assert.That(all.Json["global"]!.ToJsonString(), Is.EqualTo(global.Text));
        Assert.That(
            global.Json.Select(m => m.Key),
            Is.EquivalentTo(new[] { "override", "content", "postcontent", "room", "sender", "underride" }));
        Assert.That(
            (await _alice.GetAsync($"user/{_alice.UserId}/account_data/m.push_rules")).Is(200).Text,
            Is.EqualTo(all.Text));
        Assert.That(
            (bool?)(await _alice.GetAsync("pushrules/global/override/.m.rule.master")).Is(200).Json["enabled"],
            Is.False);
    }

    [Test]
    public async Task All_rules_together_are_bounded_by_bytes_and_can_always_be_made_fewer()
    {
        await _server.RestartAsync(("limits.push_rule_bytes", "8KiB"), ("limits.push_rules", "1000"));
        var body = new JsonObject { ["actions"] = new JsonArray("notify"), ["pattern"] = new string('a', 900) };
        var fits = 0;
        while ((await _alice.PutAsync($"pushrules/global/content/{fits}", body.DeepClone().AsObject())).Status == 200)
        {
            fits++;
        }

        Assert.That(fits, Is.InRange(1, 8));
        (await _alice.PutAsync("pushrules/global/content/more", body)).Is(413, "M_TOO_LARGE");
        (await _alice.DeleteAsync("pushrules/global/content/0")).Is(200);
        (await _alice.PutAsync("pushrules/global/content/more", body)).Is(200);
    }

    [Test]
    public async Task Rules_are_added_in_the_order_that_is_asked_for()
    {
        (await PutAsync("a")).Is(200);
        (await PutAsync("b")).Is(200);
        (await PutAsync("c?after=b")).Is(200);

        Assert.That(await OwnRulesAsync(), Is.EqualTo(new[] { "b", "c", "a" }));
        (await PutAsync("a?before=b")).Is(200);
        Assert.That(await OwnRulesAsync(), Is.EqualTo(new[] { "a", "b", "c" }));
        (await PutAsync("d")).Is(413, "M_TOO_LARGE");
        (await PutAsync("a?before=nothing")).Is(400, "M_UNKNOWN");
        (await PutAsync("a?before=.m.rule.contains_user_name")).Is(400, "M_UNKNOWN");
    }

    [Test]
    public async Task A_rule_is_shown_switched_changed_and_deleted()
    {
        (await PutAsync("cake")).Is(200);
        Assert.That(
            (string?)(await _alice.GetAsync("pushrules/global/content/cake")).Is(200).Json["pattern"],
            Is.EqualTo("cake*lie"));
        Assert.That(
            (await _alice.GetAsync("pushrules/global/content/cake/enabled")).Is(200).Text,
            Is.EqualTo("""{"enabled":true}"""));

        (await _alice.PutAsync("pushrules/global/content/cake/enabled", new JsonObject { ["enabled"] = false }))
            .Is(200);
        (await _alice.PutAsync(
            "pushrules/global/content/cake/actions",
            new JsonObject { ["actions"] = new JsonArray("notify") })).Is(200);

        Assert.That(
            (await _alice.GetAsync("pushrules/global/content/cake/enabled")).Text,
            Is.EqualTo("""{"enabled":false}"""));
        Assert.That(
            (await _alice.GetAsync("pushrules/global/content/cake/actions")).Text,
            Is.EqualTo("""{"actions":["notify"]}"""));
        (await _alice.DeleteAsync("pushrules/global/content/cake")).Is(200);
        (await _alice.GetAsync("pushrules/global/content/cake")).Is(404, "M_NOT_FOUND");
        (await _alice.DeleteAsync("pushrules/global/content/cake")).Is(404, "M_NOT_FOUND");
    }

    [TestCase("content/.mine", """{"pattern":"x","actions":[]}""", 400, "M_INVALID_PARAM")]
    [TestCase("content/a%2Fb", """{"pattern":"x","actions":[]}""", 400, "M_INVALID_PARAM")]
    [TestCase("content/a%5Cb", """{"pattern":"x","actions":[]}""", 400, "M_INVALID_PARAM")]
    [TestCase("content/a", """{"pattern":"x"}""", 400, "M_MISSING_PARAM")]
    [TestCase("content/a", """{"actions":[]}""", 400, "M_MISSING_PARAM")]
    [TestCase("content/a", """{"pattern":5,"actions":[]}""", 400, "M_BAD_JSON")]
    [TestCase("content/a", """{"pattern":"x","actions":"notify"}""", 400, "M_BAD_JSON")]
    [TestCase("magic/a", """{"actions":[]}""", 404, "M_UNRECOGNIZED")]
    [TestCase("magic/a/enabled", """{"enabled":true}""", 404, "M_UNRECOGNIZED")]
    [TestCase("override/a/actions", """{"actions":[]}""", 404, "M_NOT_FOUND")]
    [TestCase("override/a/enabled", """{"enabled":true}""", 404, "M_NOT_FOUND")]
    [TestCase("override/.m.rule.master/enabled", """{"enabled":"yes"}""", 400, "M_BAD_JSON")]
    [TestCase("override/.m.rule.master/enabled", """{}""", 400, "M_MISSING_PARAM")]
    public async Task What_is_wrong_is_told(string path, string body, int status, string errcode) =>
        (await _alice.SendAsync(HttpMethod.Put, "pushrules/global/" + path, TestClient.Raw(body))).Is(status, errcode);

    [TestCase("magic/a", "M_UNRECOGNIZED")]
    [TestCase("magic/a/actions", "M_UNRECOGNIZED")]
    [TestCase("override/a", "M_NOT_FOUND")]
    [TestCase("override/a/enabled", "M_NOT_FOUND")]
    public async Task Of_what_there_is_not_nothing_is_shown_or_deleted(string path, string code)
    {
        (await _alice.GetAsync("pushrules/global/" + path)).Is(404, code);
        if (!path.EndsWith('d') && !path.EndsWith('s'))
            (await _alice.DeleteAsync("pushrules/global/" + path)).Is(404, code);
    }

    [Test]
    public async Task Concurrent_changes_are_all_kept()
    {
        await Task.WhenAll(new[] { "a", "b", "c" }.Select(PutAsync));

        Assert.That(await OwnRulesAsync(), Is.EquivalentTo(new[] { "a", "b", "c" }));
    }

    private Task<Reply> PutAsync(string rule) => _alice.PutAsync(
        "pushrules/global/content/" + rule,
        new JsonObject { ["pattern"] = "cake*lie", ["actions"] = new JsonArray("notify") });

    private async Task<string[]> OwnRulesAsync()
    {
        var reply = (await _alice.GetAsync("pushrules/global/")).Is(200);
        return [.. reply.Json["content"]!.AsArray()
            .Select(r => (string)r!["rule_id"]!).Where(id => !id.StartsWith('.'))];
    }
}

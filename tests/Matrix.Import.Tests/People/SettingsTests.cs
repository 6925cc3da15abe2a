using System.Text;
using System.Text.Json.Nodes;

namespace Matrix.Import.Tests.People;

/// <summary>What clients stored: filters, account data, push rules and pushers.</summary>
internal sealed class SettingsTests(string sourceKind, string targetKind) : PeopleWorld(sourceKind, targetKind)
{
    private const string Gateway = "https://push.example.org/_matrix/push/v1/notify";

    [Test]
    public async Task Filters_are_found_by_their_old_ids_and_new_ones_get_others()
    {
        await UserAsync("alice");
        await FilterAsync("alice", 0, """{"room":{"timeline":{"limit":10}}}""");
        await FilterAsync("alice", 7, """{"room": {"timeline": {"limit": 20}}}""");
        await FilterAsync("alice", 8, """{"room":{"timeline":{"limit":20}}}""");
        await FilterAsync("alice", 9, "no JSON");

        await StartWithOperatorAsync();

        var alice = await AsAsync("alice");
        foreach (var (id, limit) in new[] { (0, 10), (7, 20), (8, 20) })
        {
            var filter = (await alice.GetAsync($"user/{Id("alice")}/filter/{id}")).Is(200).Json;
            Assert.That((int)filter["room"]!["timeline"]!["limit"]!, Is.EqualTo(limit));
        }

        var body = new JsonObject { ["room"] = new JsonObject { ["include_leave"] = true } };
        var added = await alice.PostAsync($"user/{Id("alice")}/filter", body);
        Assert.That(added.Is(200).Member("filter_id"), Is.EqualTo("9"));
        Assert.That((await alice.GetAsync("sync?filter=8")).Status, Is.EqualTo(200));
        await StopServerAsync();
        Assert.That(await LeftOutAsync("filters"), Is.EqualTo(new[] { $"{Id("alice")} 9" }));
    }

    [Test]
    public async Task Account_data_is_in_the_first_sync()
    {
        await UserAsync("alice");
        await DataAsync("alice", 11, "m.direct", $$"""{"{{Id("bob")}}": ["!a:test.example"]}""");
        await DataAsync("alice", 12, "m.ignored_user_list", """{"ignored_users": {"@troll:test.example": {}}}""");
        await DataAsync("alice", 13, "org.example.gone", "{}");
        await DataAsync("alice", 14, "org.example.faulty", "[1");

        await StartWithOperatorAsync();

        var alice = await AsAsync("alice");
        var events = (await alice.GetAsync("sync")).Is(200).Json["account_data"]!["events"]!.AsArray();
        Assert.That(
            events.Select(static one => (string)one!["type"]!),
            Is.EquivalentTo(new[] { "m.push_rules", "m.direct", "m.ignored_user_list" }));
        Assert.That(
            (await alice.GetAsync($"user/{Id("alice")}/account_data/m.direct")).Is(200).Text,
            Is.EqualTo($$"""{"{{Id("bob")}}":["!a:test.example"]}"""));
        await StopServerAsync();
        Assert.That(await LeftOutAsync("account data"), Is.EqualTo(new[] { $"{Id("alice")} org.example.faulty" }));
        await using var target = await OpenTargetAsync(numbers: null);
        var row = await target.AccountData.FindAsync(Id("alice"), null, "m.direct", Stop);
        Assert.That(row!.Position, Is.EqualTo(11));
    }

    [Test]
    public async Task Push_rules_keep_their_order_and_changes_of_the_servers_rules()
    {
        await UserAsync("alice");
        await RuleAsync(1, "override/second", 5, 0, """[{"kind":"event_match","key":"type","pattern":"x"}]""", "[]");
        await RuleAsync(2, "override/first", 5, 1, "[]", """["notify",{"set_tweak":"sound","value":"bell"}]""");
        await RuleAsync(
            3, "content/cake", 4, 0, """[{"kind":"event_match","key":"content.body","pattern":"cake"}]""",
            """["notify"]""");
        await RuleAsync(4, "room/!muted:test.example", 3, 0, "[]", """["dont_notify"]""");
        await RuleAsync(5, "underride/.m.rule.message", -1, 1, "[]", """["notify",{"set_tweak":"highlight"}]""");
        await RuleAsync(6, "override/.m.rule.contains_display_name", -1, 1, "[]", "[]");
        await RuleAsync(7, "override/faulty", 5, 2, "[]", "{");
        await EnabledAsync(1, "override/second", false);
        await EnabledAsync(2, "underride/.m.rule.call", false);
        await EnabledAsync(3, "override/deleted", false);
        await Source.InsertAsync(
            "push_rules_stream", ("stream_id", 21), ("event_stream_ordering", 1), ("user_id", Id("alice")),
            ("rule_id", "x"), ("op", "ADD"));

        await StartWithOperatorAsync();

        var alice = await AsAsync("alice");
        var rules = (await alice.GetAsync("pushrules/")).Is(200).Json["global"]!;
        var own = rules["override"]!.AsArray().Where(static rule => !(bool)rule!["default"]!);
        Assert.That(
            own.Select(static rule => $"{rule!["rule_id"]} {rule["enabled"]}"),
            Is.EqualTo(new[] { "first true", "second false" }));
        Assert.That((string?)rules["content"]![0]!["pattern"], Is.EqualTo("cake"));
        Assert.That(rules["room"]![0]!["actions"]!.ToJsonString(), Is.EqualTo("""["dont_notify"]"""));
        Assert.That(
            (await alice.GetAsync("pushrules/global/underride/.m.rule.message/actions")).Is(200).Text,
            Is.EqualTo("""{"actions":["notify",{"set_tweak":"highlight"}]}"""));
        Assert.That(
            (await alice.GetAsync("pushrules/global/underride/.m.rule.call/enabled")).Is(200).Text,
            Is.EqualTo("""{"enabled":false}"""));
        await StopServerAsync();
        Assert.That(await LeftOutAsync("push rules"), Is.EqualTo(new[] { $"{Id("alice")} override/faulty" }));
        await using var target = await OpenTargetAsync(numbers: null);
        var row = await target.AccountData.FindAsync(Id("alice"), null, "m.push_rules", Stop);
        Assert.That(row!.Position, Is.EqualTo(21));
    }

    [Test]
    public async Task Pushers_go_on()
    {
        await UserAsync("alice");
        await DeviceAsync("alice", "PHONE");
        await PusherAsync(3, "http", "org.example.app", "key", ("device_id", "PHONE"));
        await PusherAsync(4, "email", "m.email", "alice@example.org");
        await PusherAsync(5, "http", "org.example.other", "key", ("device_id", "GONE"));
        await PusherAsync(6, "pigeon", "org.example.pigeon", "key");
        await PusherAsync("http://gateway/_matrix/push/v1/notify", 7, "http", "org.example.plain", "key");

        await StartWithOperatorAsync();

        var alice = await AsAsync("alice");
        var pushers = (await alice.GetAsync("pushers")).Is(200).Json["pushers"]!.AsArray();
        Assert.That(
            pushers.Select(static pusher =>
                $"{pusher!["kind"]} {pusher["app_id"]} {pusher["pushkey"]} {pusher["lang"]}"),
            Is.EqualTo(new[]
            {
                "http org.example.app key de", "email m.email alice@example.org de", "http org.example.other key de",
            }));
        Assert.That((string?)pushers[0]!["data"]!["url"], Is.EqualTo(Gateway));
        await StopServerAsync();
        Assert.That(await LeftOutAsync("pushers"), Is.EqualTo(
            new[] { $"{Id("alice")} org.example.pigeon", $"{Id("alice")} org.example.plain" }));
        await using var target = await OpenTargetAsync(numbers: null);
        var rows = await target.Pushers.OfUserAsync(Id("alice"), Stop);
        Assert.That(
            rows.Select(static row => (row.PusherId, row.DeviceId, row.SetAt, row.IsConfirmed, row.Secret.Length > 0)),
            Is.EqualTo(new[]
            {
                (3L, "PHONE", Year2023, true, false), (4L, "", Year2023, true, true), (5L, "", Year2023, true, false),
            }));
    }

    private Task FilterAsync(string localpart, long id, string json) => Source.InsertAsync(
        "user_filters", ("user_id", localpart), ("full_user_id", Id(localpart)), ("filter_id", id),
        ("filter_json", Encoding.UTF8.GetBytes(json)));

    private Task DataAsync(string localpart, long streamId, string type, string content) => Source.InsertAsync(
        "account_data", ("user_id", Id(localpart)), ("account_data_type", type), ("stream_id", streamId),
        ("content", content));

    private Task RuleAsync(long id, string rule, int kind, int priority, string conditions, string actions) =>
        Source.InsertAsync(
            "push_rules", ("id", id), ("user_name", Id("alice")), ("rule_id", "global/" + rule),
            ("priority_class", kind), ("priority", priority), ("conditions", conditions), ("actions", actions));

    private Task EnabledAsync(long id, string rule, bool isEnabled) => Source.InsertAsync(
        "push_rules_enable", ("id", id), ("user_name", Id("alice")), ("rule_id", "global/" + rule),
        ("enabled", isEnabled ? 1 : 0));

    private Task PusherAsync(
        long id, string kind, string app, string key, params (string Column, object? Value)[] more) =>
        PusherAsync(Gateway, id, kind, app, key, more);

    private Task PusherAsync(
        string gateway, long id, string kind, string app, string key, params (string Column, object? Value)[] more) =>
        Source.InsertAsync(
            "pushers",
            [
                ("id", id), ("user_name", Id("alice")), ("profile_tag", ""), ("kind", kind), ("app_id", app),
                ("app_display_name", "App"), ("device_display_name", "Device"), ("pushkey", key), ("ts", Year2023),
                ("lang", "de"), ("data", $$"""{"url": "{{gateway}}"}"""), .. more,
            ]);
}

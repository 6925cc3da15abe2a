using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>Requests of sliding sync that are refused.</summary>
internal sealed class SlidingInputTests() : TwoUsersTests
{
    [TestCase("{\"lists\":[]}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":1}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"ranges\":[[0,1]]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":\"1\",\"ranges\":[[0,1]]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":-1,\"ranges\":[[0,1]]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"ranges\":[[1,0]]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"ranges\":[[-1,0]]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"ranges\":[0]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"ranges\":5}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"required_state\":{}}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"required_state\":[[\"a\"]]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"filters\":[]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"filters\":{\"is_dm\":1}}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"filters\":{\"room_types\":[1]}}}}", "M_BAD_JSON")]
    [TestCase("{\"room_subscriptions\":{\"#alias:x\":{\"timeline_limit\":1}}}", "M_BAD_JSON")]
    [TestCase("{\"room_subscriptions\":[]}", "M_BAD_JSON")]
    [TestCase("{\"extensions\":[]}", "M_BAD_JSON")]
    [TestCase("{\"extensions\":{\"e2ee\":true}}", "M_BAD_JSON")]
    [TestCase("{\"extensions\":{\"to_device\":{\"enabled\":true,\"since\":5}}}", "M_BAD_JSON")]
    [TestCase("{\"extensions\":{\"to_device\":{\"enabled\":true,\"since\":\"x\"}}}", "M_INVALID_PARAM")]
    [TestCase("{\"extensions\":{\"to_device\":{\"enabled\":true,\"since\":\"d1_x\"}}}", "M_INVALID_PARAM")]
    [TestCase("{\"extensions\":{\"receipts\":{\"enabled\":\"yes\"}}}", "M_BAD_JSON")]
    [TestCase("{\"conn_id\":7}", "M_BAD_JSON")]
    [TestCase("{\"conn_id\":\"a\\u0000b\"}", "M_INVALID_PARAM")]
    [TestCase("{\"txn_id\":7}", "M_BAD_JSON")]
    public async Task A_wrong_body_is_refused(string body, string code) =>
        (await Bob.SlidingAsync(JsonNode.Parse(body)!)).Is(400, code);

    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"required_state\":[]}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"required_state\":{\"include\":{}}}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"required_state\":{\"include\":[1]}}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"required_state\":{\"lazy_members\":1}}}}", "M_BAD_JSON")]
    [TestCase("{\"lists\":{\"a\":{\"timeline_limit\":1,\"range\":[[0,1]]}}}", "M_BAD_JSON")]
    [TestCase("{\"timeout\":\"1\"}", "M_BAD_JSON")]
    [TestCase("{\"timeout\":-1}", "M_BAD_JSON")]
    [TestCase("{\"pos\":1}", "M_BAD_JSON")]
    [TestCase("{\"pos\":\"x\"}", "M_UNKNOWN_POS")]
    [TestCase("{\"set_presence\":\"away\"}", "M_INVALID_PARAM")]
    [TestCase("{\"set_presence\":1}", "M_BAD_JSON")]
    public async Task A_wrong_body_of_the_merged_format_is_refused(string body, string code) =>
        (await Bob.PostAsync(Stable, JsonNode.Parse(body)!)).Is(400, code);

    [Test]
    public async Task Too_many_lists_ranges_and_subscriptions_are_refused()
    {
        JsonObject Lists(int count) => new()
        {
            ["lists"] = new JsonObject(Enumerable.Range(0, count).Select(i =>
                KeyValuePair.Create($"l{i}", (JsonNode?)new JsonObject { ["timeline_limit"] = 1 }))),
        };
        await Bob.SlidesAsync(Lists(100));
        (await Bob.SlidingAsync(Lists(101))).Is(400, "M_INVALID_PARAM");

        var subscriptions = new JsonObject();
        for (var i = 0; i < 101; i++) subscriptions.WithSubscription($"!r{i}:test.example");
        (await Bob.SlidingAsync(subscriptions)).Is(400, "M_INVALID_PARAM");

        var ranges = AllRooms();
        ranges["lists"]!["all"]!["ranges"] = new JsonArray(
            [.. Enumerable.Range(0, 101).Select(i => (JsonNode)new JsonArray(i, i))]);
        (await Bob.SlidingAsync(ranges)).Is(400, "M_BAD_JSON");

        var state = AllRooms(state: new JsonArray(
            [.. Enumerable.Range(0, 1001).Select(i => (JsonNode)new JsonArray($"t{i}", ""))]));
        (await Bob.SlidingAsync(state)).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task A_range_beyond_all_rooms_and_a_huge_timeline_are_bounded()
    {
        var sync = await Bob.SlidesAsync(JsonNode.Parse("""
            {"lists":{"a":{"ranges":[[0,9007199254740991]],"timeline_limit":9007199254740991,"required_state":[]}}}
            """)!.AsObject());
        Assert.That(sync.Count("a"), Is.Zero);
    }

    [TestCase(Unstable)]
    [TestCase(Stable)]
    public async Task A_token_is_needed(string path)
    {
        (await Server.Anyone.PostAsync(path)).Is(401, "M_MISSING_TOKEN");
        (await new TestClient(Server, "wrong").PostAsync(path)).Is(401, "M_UNKNOWN_TOKEN");
        (await Bob.GetAsync(path)).Is(405, "M_UNRECOGNIZED");
        (await Bob.SendAsync(HttpMethod.Post, path, TestClient.Raw("{"))).Is(400, "M_NOT_JSON");
    }

    [TestCase("timeout=x")]
    [TestCase("timeout=-1")]
    [TestCase("set_presence=away")]
    public async Task A_wrong_query_is_refused(string query) =>
        (await Bob.PostAsync($"{Unstable}?{query}")).Is(400, "M_INVALID_PARAM");
}

using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Admin;

/// <summary>Reports, notices and other servers in the administration API.</summary>
public sealed class ModerationTests : AdminTests
{
    [Test]
    public async Task Reported_events_are_listed_shown_and_settled()
    {
        var room = await CreatesRoomAsync(Alice, "Reported");
        var sent = (await Alice.PutAsync(
            $"rooms/{room}/send/m.room.message/t", new JsonObject { ["msgtype"] = "m.text", ["body"] = "rude" }))
            .Is(200).Member("event_id");
        (await Alice.PostAsync($"rooms/{room}/report/{sent}", new JsonObject { ["reason"] = "rude" })).Is(200);
        (await Alice.PostAsync($"rooms/{room}/report", new JsonObject { ["reason"] = "a room" })).Is(200);

        var list = (await Root.GetAsync($"{V1}event_reports?room_id={room}")).Is(200).Json;
        var report = list["event_reports"]!.AsArray().Single()!;
        Assert.That(Names(report), Is.EqualTo(new[]
        {
            "id", "received_ts", "room_id", "event_id", "user_id", "reason", "score", "sender", "canonical_alias",
            "name", "kind",
        }));
        Assert.That(
            ((string?)report["event_id"], (string?)report["name"], (int)list["total"]!),
            Is.EqualTo((sent, "Reported", 1)));
        var id = (long)report["id"]!;
        var details = (await Root.GetAsync($"{V1}event_reports/{id}")).Is(200).Json;
        Assert.That((string?)details["event_json"]!["content"]!["body"], Is.EqualTo("rude"));
        Assert.That(
            (int)(await Root.GetAsync($"{V1}event_reports?user_id=nobody")).Is(200).Json["total"]!, Is.Zero);

        (await Root.DeleteAsync($"{V1}event_reports/{id}")).Is(200);
        (await Root.DeleteAsync($"{V1}event_reports/{id}")).Is(404, "M_NOT_FOUND");
        (await Root.GetAsync($"{V1}event_reports/{id}")).Is(404, "M_NOT_FOUND");
        (await Root.GetAsync($"{V1}event_reports/x")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_notice_is_sent_once_for_each_transaction()
    {
        var user = await Server.RegistersAsync("noticed");
        JsonObject Notice() => new()
        {
            ["user_id"] = user.UserId,
            ["content"] = new JsonObject { ["msgtype"] = "m.text", ["body"] = "Maintenance" },
        };

        var first = (await Root.PutAsync(V1 + "send_server_notice/txn", Notice())).Is(200).Member("event_id");
        var again = (await Root.PutAsync(V1 + "send_server_notice/txn", Notice())).Is(200).Member("event_id");
        var other = (await Root.PostAsync(V1 + "send_server_notice", Notice())).Is(200).Member("event_id");
        Assert.That(again, Is.EqualTo(first));
        Assert.That(other, Is.Not.EqualTo(first));
        Assert.That(
            await AuditOfAsync(user.UserId), Is.EqualTo(new[] { "notice.send: done", "notice.send: done" }));
    }

    [TestCase("""{"user_id":"@alice:test.example"}""", 400, "M_BAD_JSON")]
    [TestCase("""{"user_id":"@alice:test.example","content":{"body":1}}""", 400, "M_BAD_JSON")]
    [TestCase("""{"user_id":"alice","content":{"body":"x"}}""", 400, "M_INVALID_PARAM")]
    [TestCase("""{"user_id":"@alice:test.example","type":"m.room.name","content":{"body":"x"}}""", 400,
        "M_INVALID_PARAM")]
    [TestCase("""{"user_id":"@alice:test.example","content":{"body":"x","msgtype":"m.image"}}""", 400,
        "M_INVALID_PARAM")]
    [TestCase("""{"user_id":"@nobody:test.example","content":{"body":"x"}}""", 404, "M_NOT_FOUND")]
    public async Task A_wrong_notice_is_refused(string body, int status, string errcode) =>
        (await Root.SendAsync(HttpMethod.Post, V1 + "send_server_notice", TestClient.Raw(body)))
            .Is(status, errcode);

    [Test]
    public async Task A_server_to_which_nothing_is_sent_is_unknown()
    {
        Assert.That(
            (await Root.GetAsync(V1 + "federation/destinations")).Is(200).Text,
            Is.EqualTo("""{"destinations":[],"total":0}"""));
        (await Root.GetAsync(V1 + "federation/destinations/other.example")).Is(404, "M_NOT_FOUND");
        (await Root.PostAsync(V1 + "federation/destinations/other.example/reset_connection"))
            .Is(400, "M_INVALID_PARAM");
        (await Root.GetAsync(V1 + "federation/destinations?order_by=x")).Is(400, "M_INVALID_PARAM");
    }
}

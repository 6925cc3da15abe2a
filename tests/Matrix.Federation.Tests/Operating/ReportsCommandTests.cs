using System.Text.Json.Nodes;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Operating;

/// <summary>`mx reports`, with a running server.</summary>
public sealed class ReportsCommandTests
{
    [Test]
    public async Task What_users_reported_is_listed_the_newest_first()
    {
        await using var server = await TestServer.StartFederatingAsync();
        var alice = await server.RegistersAsync("alice");
        foreach (var reason in (string[])["first", "second \u001b[31m"])
        {
            (await alice.PostAsync("rooms/!room:x/report", new JsonObject { ["reason"] = reason })).Is(200);
        }

        var text = await RunAsync("reports");
        var json = await RunAsync("reports", "--limit", "1", "--format", "json");
        var wrong = await RunAsync("reports", "--limit", "0");

        Assert.That(text.Code, Is.Zero, text.Errors);
        Assert.That(text.Output, Does.Contain("total: 2").And.Contain(alice.UserId).And.Contain("!room:x"));
        Assert.That(text.Output, Does.Not.Contain("\u001b"), "a reason cannot write to the terminal");
        var row = json.Json.GetProperty("event_reports").EnumerateArray().Single();
        Assert.That(row.GetProperty("reason").GetString(), Does.StartWith("second"));
        Assert.That(row.GetProperty("kind").GetString(), Is.EqualTo("room"));
        var older = await RunAsync("reports", "--before", $"{row.GetProperty("id").GetInt64()}", "--format", "json");
        Assert.That(
            older.Json.GetProperty("event_reports")[0].GetProperty("reason").GetString(), Is.EqualTo("first"));
        Assert.That((wrong.Code, wrong.Output), Is.EqualTo((2, "")), wrong.Errors);

        Task<Ran> RunAsync(params string[] arguments) =>
            Command.RunInAsync(server.Variables, "", arguments);
    }
}

using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Http;

/// <summary>The format of log lines.</summary>
internal sealed partial class LogTests
{
    private const string Time = @"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z";

    [Test]
    public void A_line_has_time_level_source_message_and_named_values_and_quotes_what_has_spaces() =>
        Assert.That(
            Logged(json: false, log => Joined(log, "a \"room\"\n", 7)),
            Does.Match(
                $"^time={Time} level=warning source=rooms message=\"Joined a \\\\\"room\\\\\"\\\\n as 7\" "
                    + "room_name=\"a \\\\\"room\\\\\"\\\\n\" count=7\n$"));

    [Test]
    public void As_json_a_line_is_an_object_of_the_same()
    {
        var line = Logged(json: true, log => Joined(log, "kitchen", 7));

        Assert.That(line, Does.EndWith("}\n"));
        var read = JsonNode.Parse(line)!.AsObject();
        Assert.That((string?)read["time"], Does.Match($"^{Time}$"));
        read.Remove("time");
        Assert.That(
            read.ToJsonString(),
            Is.EqualTo("""
                {"level":"warning","source":"rooms","message":"Joined kitchen as 7",
                "room_name":"kitchen","count":"7"}
                """.Replace("\n", "", StringComparison.Ordinal)));
    }

    [TestCase(false, " fault=\"System.InvalidOperationException: broken\"\n")]
    [TestCase(true, ",\"fault\":\"System.InvalidOperationException: broken\"}\n")]
    public void A_fault_is_on_the_same_line(bool json, string end) =>
        Assert.That(Logged(json, log => Failed(log, new InvalidOperationException("broken"))), Does.EndWith(end));

    private static string Logged(bool json, Action<ILogger> log)
    {
        using var lines = new LineLog(json);
        log(lines.CreateLogger("rooms"));
        return lines.Lines;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Joined {RoomName} as {Count}")]
    private static partial void Joined(ILogger log, string roomName, int count);

    [LoggerMessage(Level = LogLevel.Critical, Message = "It failed")]
    private static partial void Failed(ILogger log, Exception fault);
}

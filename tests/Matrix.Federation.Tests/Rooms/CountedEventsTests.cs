using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Matrix.Host.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Metrics of events that another server sends. The page has the meters of all servers of the process, so that no other
/// test may run at the same time.
/// </summary>
[NonParallelizable]
public sealed class CountedEventsTests : IncomingEventsTests
{
    [TestCase("accepted")]
    [TestCase("rejected")]
    public async Task Events_are_counted_by_outcome(string outcome)
    {
        var room = await JoinedAsync();
        var before = Counted(outcome);

        await SendAsync(room, outcome == "accepted"
            ? room.Says("bob", "counted")
            : room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "without the power" }));

        Assert.That(Counted(outcome), Is.EqualTo(before + 1));
    }

    private int Counted(string outcome)
    {
        var page = Server.Services.GetRequiredService<MetricsPage>().Write();

        // Each server of the process has its own line.
        return Regex.Matches(page, $@"(?m)^matrix_federation_received_pdus_total\{{outcome=""{outcome}""\}} (\d+)")
            .Sum(line => int.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture));
    }
}

using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Sync;

/// <summary>What a sync and a page of rooms ask the database.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class SyncQueriesTests
{
    private const int Rooms = 12;

    /// <summary>The web server's activities: one for each request, while somebody listens.</summary>
    private const string Requests = "Microsoft.AspNetCore";

    [Test]
    public async Task Queries_of_an_initial_sync_and_of_a_page_of_rooms_do_not_grow_with_the_rooms()
    {
        await using var database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var server = await TestServer.StartAsync(("database.url", database.Url));
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");
        for (var i = 0; i < Rooms; i++)
        {
            var made = await bob.PostAsync("createRoom", new JsonObject
            {
                ["name"] = $"Room {i}",
                ["preset"] = "public_chat",
                ["visibility"] = "public",
            });
            (await alice.PostAsync($"join/{Uri.EscapeDataString(made.Is(200).Member("room_id"))}")).Is(200);
        }

        await SyncsAsync(alice, 20);
        var again = await CountedAsync(database, () => SyncsAsync(alice, 21));

        await server.RestartAsync();
        var page = await CountedAsync(
            database, async () => (await alice.PostAsync("publicRooms", new JsonObject())).Is(200));

        // A query for each room is the same text as often as there are rooms.
        Assert.That(again, Is.Not.Empty);
        Assert.That(OfOneText(again), Is.LessThan(Rooms), string.Join('\n', again));
        Assert.That(page, Is.Not.Empty);
        Assert.That(page.Count(IsOfRooms), Is.LessThan(Rooms), string.Join('\n', page));
    }

    /// <summary>An initial sync with a filter of its own: equal ones may share a response.</summary>
    private static async Task SyncsAsync(TestUser user, int limit)
    {
        var filter = $$$"""{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":{{{limit}}} } } }""";
        var sync = (await user.GetAsync($"sync?filter={Uri.EscapeDataString(filter)}")).Is(200).Json;
        Assert.That(sync["rooms"]!["join"]!.AsObject(), Has.Count.EqualTo(Rooms));
    }

    /// <summary>How often the most frequent query was made.</summary>
    private static int OfOneText(IReadOnlyList<string> queries) =>
        queries.CountBy(static query => query).Select(static each => each.Value).DefaultIfEmpty().Max();

    /// <summary>
    /// Whether a query reads rooms. Their states are read one by one; other queries are what a start causes.
    /// </summary>
    private static bool IsOfRooms(string query) =>
        query.Contains("room_nid", StringComparison.Ordinal) || query.Contains("event_nid", StringComparison.Ordinal);

    private static bool IsOfRequest(Activity activity)
    {
        for (var outer = activity.Parent; outer is not null; outer = outer.Parent)
        {
            if (outer.Source.Name == Requests) return true;
        }

        return false;
    }

    /// <summary>
    /// The queries that a request causes on a database. Those that services make meanwhile belong to no request.
    /// </summary>
    private static async Task<IReadOnlyList<string>> CountedAsync(TestDatabase database, Func<Task> act)
    {
        var queries = new List<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name is "Npgsql" or Requests,
            Sample = static (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                var name = activity.GetTagItem("db.namespace") ?? activity.GetTagItem("db.name");
                var text = activity.GetTagItem("db.query.text") ?? activity.GetTagItem("db.statement");
                if (name is not string of || text is not string query) return;
                if (!IsOfRequest(activity)) return;
                if (!database.Url.Contains(of, StringComparison.Ordinal)) return;
                lock (queries) queries.Add(query);
            },
        };
        ActivitySource.AddActivityListener(listener);
        await act();
        lock (queries) return [.. queries.Where(static query => query.StartsWith("SELECT", StringComparison.Ordinal)
            || query.StartsWith("WITH", StringComparison.Ordinal))];
    }
}

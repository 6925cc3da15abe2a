using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

/// <summary>
/// Unread counts against a literal model: random messages, threads, mentions, redactions, and receipts of every kind.
/// After each act a sync must show what the model counts. Client-Server API, "Receiving notifications", "Marking
/// notifications as read".
/// </summary>
internal sealed class UnreadModelTests(string databaseKind) : TwoInARoomTests(databaseKind)
{
    private const int Acts = 60;

    private static readonly JsonObject _byThread = new()
    {
        ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["unread_thread_notifications"] = true } },
    };

    [Test]
    public Task Counts_are_those_of_the_model_after_every_act([Values(1, 2, 3, 4, 5, 6)] int seed) =>
        CountsAsync(seed);

    [Test]
    public Task Counts_are_those_of_the_model_though_consumers_miss_changes([Values(7, 8, 9)] int seed)
    {
        var missed = new Random(seed);
        Server.Misses = _ => missed.Next(3) == 0;
        return CountsAsync(seed);
    }

    [Test]
    public async Task Counts_are_those_of_the_model_though_changes_come_from_another_node([Values(10, 11)] int seed)
    {
        Server.Decodes = true;
        await Server.RestartAsync();
        await CountsAsync(seed);
    }

    private async Task CountsAsync(int seed)
    {
        (await Bob.PutAsync("pushrules/global/content/cake", new JsonObject
        {
            ["pattern"] = "cake",
            ["actions"] = new JsonArray("notify", new JsonObject { ["set_tweak"] = "highlight" }),
        })).Is(200);
        (await Bob.PutAsync("pushrules/global/content/spam", new JsonObject
        {
            ["pattern"] = "spam",
            ["actions"] = new JsonArray(),
        })).Is(200);
        var model = new Model();
        var random = new Random(seed);
        var done = new List<string>();
        var shown = Counts.None;
        string? since = null;
        for (var act = 0; act < Acts; act++)
        {
            done.Add(await ActAsync(random, model, act));

            // At times several acts come in one sync, and at times all is counted anew.
            if (random.Next(3) == 0) continue;
            var isWhole = random.Next(6) == 0;
            var sync = await Bob.SyncsAsync(isWhole ? null : since, filter: _byThread);
            since = sync.Next;
            if (sync.Joined.Contains(Room)) shown = Counts.Of(sync.Room(Room));
            Assert.That(shown.Text, Is.EqualTo(model.Count().Text), string.Join('\n', done));
        }
    }

    private async Task<string> ActAsync(Random random, Model model, int number)
    {
        var text = random.Next(5) switch { 0 => "cake", 1 => "spam", _ => "hello" };
        switch (random.Next(9))
        {
            case 0 or 1:
                {
                    var id = await Alice.SaysAsync(Room, text);
                    model.Said(id, null, text != "spam", text == "cake");
                    return $"alice says {text}";
                }

            case 2:
                {
                    var id = await Alice.SaysAsync(Room, text, content => content["m.mentions"] = new JsonObject
                    {
                        ["user_ids"] = new JsonArray(Bob.UserId),
                    });
                    model.Said(id, null, true, true);
                    return "alice mentions bob";
                }

            case 3 or 4 when model.Roots.Count > 0:
                {
                    var root = model.Roots[random.Next(model.Roots.Count)];
                    var id = await Alice.SaysAsync(Room, text, content => InThread(content, root));
                    model.Said(id, root, text != "spam", text == "cake");
                    return $"alice says {text} in the thread of {root}";
                }

            case 5 when model.Events.Count > 0:
                {
                    var redacted = model.Events[random.Next(model.Events.Count)];
                    if (redacted.IsBobs) return "nothing";
                    var path = $"rooms/{UserActions.Esc(Room)}/redact/{UserActions.Esc(redacted.Id)}/r{number}";
                    (await Alice.PutAsync(path)).Is(200);
                    redacted.IsRedacted = true;
                    return $"alice redacts {redacted.Id}";
                }

            case 6 or 7 when model.Events.Count > 0:
                {
                    var at = random.Next(model.Events.Count);
                    var read = model.Events[at];
                    var type = random.Next(2) == 0 ? "m.read" : "m.read.private";
                    var thread = random.Next(2) == 0 ? null : read.Root ?? "main";
                    await Bob.ReadsAsync(Room, read.Id, thread, type);
                    model.Read(thread, at);
                    return $"bob reads {at} by {type} in {thread ?? "all threads"}";
                }

            case 8:
                {
                    var root = model.Roots.Count > 0 && random.Next(2) == 0
                        ? model.Roots[random.Next(model.Roots.Count)]
                        : null;
                    var id = await Bob.SaysAsync(Room, text, content =>
                    {
                        if (root is not null) InThread(content, root);
                    });
                    model.BobSaid(id, root);
                    return $"bob says something in {root ?? "main"}";
                }

            default:
                return "nothing";
        }
    }

    private static void InThread(JsonObject content, string root) => content["m.relates_to"] = new JsonObject
    {
        ["rel_type"] = "m.thread",
        ["event_id"] = root,
    };

    /// <summary>An event of the timeline.</summary>
    private sealed record Said(string Id, string? Root, bool Notifies, bool Highlights, bool IsBobs)
    {
        public bool IsRedacted { get; set; }
    }

    /// <summary>Counts by thread, the main timeline first, as one text that can be compared.</summary>
    private sealed record Counts(string Text)
    {
        public static Counts None { get; } = new("main: 0, 0");

        public static Counts Of(IEnumerable<(string Thread, int Notifications, int Highlights)> counts)
        {
            var all = counts.Append(("main", 0, 0)).GroupBy(count => count.Item1)
                .Select(thread => (
                    Thread: thread.Key, Notifications: thread.Sum(c => c.Item2), Highlights: thread.Sum(c => c.Item3)))
                .Where(thread => thread.Thread == "main" || thread.Notifications + thread.Highlights > 0)
                .OrderBy(thread => thread.Thread, StringComparer.Ordinal);
            return new Counts(string.Join(
                "; ", all.Select(thread => $"{thread.Thread}: {thread.Notifications}, {thread.Highlights}")));
        }

        public static Counts Of(JsonObject room)
        {
            var counts = new List<(string, int, int)> { Entry("main", room["unread_notifications"]!) };
            if (room["unread_thread_notifications"] is JsonObject threads)
            {
                counts.AddRange(threads.Select(thread => Entry(thread.Key, thread.Value!)));
            }

            return Of(counts);

            static (string, int, int) Entry(string thread, JsonNode counts) =>
                (thread, (int)counts["notification_count"]!, (int)counts["highlight_count"]!);
        }
    }

    /// <summary>The timeline word by word: every count looks at all events.</summary>
    private sealed class Model
    {
        private readonly Dictionary<string, int> _threads = [];
        private int _all = -1;

        public List<Said> Events { get; } = [];

        /// <summary>Alice's events of the main timeline.</summary>
        public IReadOnlyList<string> Roots =>
            [.. Events.Where(said => said is { Root: null, IsBobs: false, IsRedacted: false }).Select(said => said.Id)];

        public void Said(string id, string? root, bool notifies, bool highlights) =>
            Events.Add(new Said(id, root, notifies, highlights, IsBobs: false));

        /// <summary>Whoever writes in a thread has read it.</summary>
        public void BobSaid(string id, string? root)
        {
            Events.Add(new Said(id, root, false, false, IsBobs: true));
            Read(root ?? "main", Events.Count - 1);
        }

        /// <summary>Reads up to an event, in one thread or in all of them.</summary>
        public void Read(string? thread, int at)
        {
            if (thread is null) _all = Math.Max(_all, at);
            else _threads[thread] = Math.Max(_threads.GetValueOrDefault(thread, -1), at);
        }

        public Counts Count() => Counts.Of(Events
            .Select((said, at) => (said, at, thread: said.Root ?? "main"))
            .Where(e => e.said is { Notifies: true, IsRedacted: false, IsBobs: false })
            .Where(e => e.at > Math.Max(_all, _threads.GetValueOrDefault(e.thread, -1)))
            .Select(e => (e.thread, 1, e.said.Highlights ? 1 : 0)));
    }
}

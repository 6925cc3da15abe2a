using System.Diagnostics;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Tests.Storage;

namespace Matrix.Host.Tests.Push;

/// <summary>The evaluation of push rules for a message in a large room.</summary>
internal sealed class PushEvaluationTests
{
    private const int Members = 10_000;

    [Test]
    public async Task Default_rules_are_evaluated_once_and_own_rules_for_those_who_have_them()
    {
        var users = new FakeUsers();
        var members = Enumerable.Range(0, Members).Select(i => $"@user{i}:example.org").ToArray();
        foreach (var user in members.Where((_, i) => i % 100 == 0)) users.Own[user] = WithCake(user);
        var names = 0;
        var mentioned = members[1];
        var sample = Samples.Event(Samples.Live(Samples.Kitchen, 1), "@sender:example.org") with
        {
            Content = $$"""{"body":"the cake","m.mentions":{"user_ids":["{{mentioned}}"]},"msgtype":"m.text"}""",
        };
        var happening = new EventInRoom(
            sample.ToStored(),
            LocalMembers.Of(members),
            Members,
            new HashSet<string>(),
            (type, _) =>
            {
                if (type == "m.room.member") names++;
                return ValueTask.FromResult<StoredEvent?>(null);
            });
        var evaluation = new PushEvaluation(
            users, new FakeSubscribers(), new RoomsOptions { ServerName = "example.org" });
        await evaluation.EvaluateAsync(happening, CancellationToken.None);
        var started = Stopwatch.GetTimestamp();
        const int Rounds = 20;
        for (var i = 0; i < Rounds; i++) await evaluation.EvaluateAsync(happening, CancellationToken.None);
        var took = Stopwatch.GetElapsedTime(started) / Rounds;
        await TestContext.Out.WriteLineAsync($"{took.TotalMilliseconds:0.00} ms for {Members} members");

        names = 0;
        var outcome = await evaluation.EvaluateAsync(happening, CancellationToken.None);

        Assert.That(outcome.NotifyClass, Is.EqualTo(PushEvaluation.NotifiesMost));
        Assert.That(
            outcome.Rows.Select(row => row.UserId), Is.EquivalentTo(users.Own.Keys.Append(mentioned)));
        Assert.That(outcome.Rows.Select(row => row.Kind), Is.All.EqualTo(UnreadKind.Highlight));
        Assert.That(names, Is.EqualTo(users.Own.Count), "names are read for own rules alone");
    }

    [Test]
    public async Task Of_a_thread_those_who_use_subscriptions_have_rows_of_their_own()
    {
        var members = Enumerable.Range(0, Members).Select(i => $"@user{i}:example.org").ToArray();
        var subscribers = new FakeSubscribers();
        foreach (var i in Enumerable.Range(0, Members / 2)) subscribers.Users[members[i]] = i % 2 == 0;
        var sample = Samples.Event(Samples.Live(Samples.Kitchen, 1), "@sender:example.org") with
        {
            Content = """{"body":"x","m.relates_to":{"event_id":"$root","rel_type":"m.thread"},"msgtype":"m.text"}""",
        };
        var happening = new EventInRoom(
            sample.ToStored(),
            LocalMembers.Of(members),
            Members,
            new HashSet<string>(),
            static (_, _) => ValueTask.FromResult<StoredEvent?>(null));
        var evaluation = new PushEvaluation(
            new FakeUsers(), subscribers, new RoomsOptions { ServerName = "example.org" });
        await evaluation.EvaluateAsync(happening, CancellationToken.None);
        var started = Stopwatch.GetTimestamp();
        var outcome = await evaluation.EvaluateAsync(happening, CancellationToken.None);
        await TestContext.Out.WriteLineAsync(
            $"{Stopwatch.GetElapsedTime(started).TotalMilliseconds:0.00} ms for {Members} members");

        Assert.That(outcome.NotifyClass, Is.EqualTo(PushEvaluation.NotifiesMost));
        Assert.That(
            outcome.Rows.Select(row => row.UserId),
            Is.EquivalentTo(subscribers.Users.Where(user => !user.Value).Select(user => user.Key)));
        Assert.That(outcome.Rows.Select(row => row.Kind), Is.All.EqualTo(UnreadKind.Silent));
    }

    [TestCase("@guest:example.org", "@host:example.org", true)]
    [TestCase("@guest:example.org", "@host:elsewhere.example", true)]
    [TestCase("@guest:elsewhere.example", "@host:elsewhere.example", false)]
    [TestCase("@guest:elsewhere.example", "@host:example.org", false)]
    public async Task An_invite_is_evaluated_for_a_target_of_this_server(string target, string sender, bool isEvaluated)
    {
        var invite = Samples.Event(Samples.Live(Samples.Kitchen, 1), sender) with
        {
            Type = "m.room.member",
            StateKey = target,
            Content = """{"membership":"invite"}""",
            Marks = EventMarks.State,
        };
        var happening = new EventInRoom(
            invite.ToStored(),
            LocalMembers.Of(["@member:example.org"]),
            2,
            new HashSet<string>(),
            static (_, _) => ValueTask.FromResult<StoredEvent?>(null));
        var evaluation = new PushEvaluation(
            new FakeUsers(), new FakeSubscribers(), new RoomsOptions { ServerName = "example.org" });

        var outcome = await evaluation.EvaluateAsync(happening, CancellationToken.None);

        Assert.That(
            outcome.Rows.Select(row => row.UserId), Is.EqualTo(isEvaluated ? new[] { target } : Array.Empty<string>()));
    }

    private static Ruleset WithCake(string userId)
    {
        _ = JsonText.TryParseStored(
            """{"actions":["notify",{"set_tweak":"highlight"}],"pattern":"cake"}"""u8, out var body);
        return Ruleset.Default(userId).Put(PushRuleKind.Content, "cake", body, null, null, RulesetLimits.Default)
            .Match(static rules => rules, static error => throw new AssertionException(error.ToString()));
    }

    private sealed class FakeSubscribers : IThreadSubscribers
    {
        public Dictionary<string, bool> Users { get; } = [];

        public ValueTask<IReadOnlyDictionary<string, bool>> OfAsync(
            IReadOnlyCollection<string> userIds, RoomNid room, string rootId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyDictionary<string, bool>>(Users);
    }

    private sealed class FakeUsers : ILocalUsers
    {
        public Dictionary<string, Ruleset> Own { get; } = [];

        public ValueTask<RoomFailure?> UnknownAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<RoomFailure?>(null);

        public ValueTask<ShownProfile> ShownProfileAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult(default(ShownProfile));

        public ValueTask<bool> BlocksInvitesAsync(string userId, CancellationToken stop) => ValueTask.FromResult(false);

        public ValueTask<LocalAccount> AccountAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult(default(LocalAccount));

        public ValueTask<IReadOnlySet<string>> IgnoredByAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlySet<string>>(new HashSet<string>());

        public ValueTask<Ruleset?> PushRulesAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult(Own.GetValueOrDefault(userId));
    }
}

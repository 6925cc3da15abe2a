using Matrix.Core.Presence;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Host.Storage.Tables.RateLimits;

namespace Matrix.Import.Tests.People;

/// <summary>What operators have: limits of users, registration tokens, reports.</summary>
internal sealed class OperatorTests(string sourceKind, string targetKind) : PeopleWorld(sourceKind, targetKind)
{
    [Test]
    public async Task Limits_and_status_messages_of_users_stay()
    {
        await UserAsync("bot");
        await LimitAsync("bot", 0, 0);
        await LimitAsync("nobody", 1, 1);
        await StatusAsync(4, Id("bot"), "beep");
        await StatusAsync(5, "@carol:elsewhere.example", "away");

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.RateLimits.AllAsync(Stop), Is.EqualTo(new[] { new UserRateLimit(Id("bot"), 0, 0) }));
        var statuses = await target.Presence.StatusesAsync([Id("bot"), "@carol:elsewhere.example"], Stop);
        Assert.That(statuses, Is.EqualTo(new Dictionary<string, string> { [Id("bot")] = "beep" }));
    }

    [Test]
    public async Task Users_who_were_present_are_shown_so_until_they_do_not_come_back()
    {
        await UserAsync("here");
        await UserAsync("idle");
        await UserAsync("meeting");
        await UserAsync("gone");
        await PresentAsync(3, Id("gone"), "online", true);
        await PresentAsync(4, Id("here"), "online", true);
        await PresentAsync(5, Id("idle"), "unavailable", false);
        await PresentAsync(6, Id("meeting"), "busy", false);
        await PresentAsync(7, "@carol:elsewhere.example", "online", true);
        await PresentAsync(8, Id("gone"), "offline", false);

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.Presence.AtStopAsync(Stop), Is.EquivalentTo(new[]
        {
            new PresentUser(Id("here"), (int)PresenceState.Online, Year2023, IsActive: true, ImportedAt: 4),
            new PresentUser(Id("idle"), (int)PresenceState.Unavailable, Year2023, IsActive: false, ImportedAt: 5),
            new PresentUser(Id("meeting"), (int)PresenceState.Online, Year2023, IsActive: false, ImportedAt: 6),
        }));
    }

    [Test]
    public async Task A_registration_token_has_the_uses_that_are_left()
    {
        await Source.InsertAsync(
            "registration_tokens", ("token", "welcome"), ("uses_allowed", 3), ("pending", 1), ("completed", 2),
            ("expiry_time", null));
        await Source.InsertAsync(
            "registration_tokens", ("token", "open"), ("uses_allowed", null), ("pending", 0), ("completed", 9),
            ("expiry_time", Year2023));

        await StartWithOperatorAsync();

        var tokens = (await Operator.GetAsync(V1 + "registration_tokens")).Is(200).Json["registration_tokens"]!;
        Assert.That(
            tokens.AsArray().Select(static token =>
                $"{token!["token"]} {token["uses_allowed"]} {token["completed"]} {token["expiry_time"]}"),
            Is.EquivalentTo(new[] { "welcome 3 2 ", $"open  9 {Year2023}" }));
    }

    [Test]
    public async Task Reports_are_listed_in_the_order_in_which_they_came()
    {
        await UserAsync("alice");
        await Source.InsertAsync(
            "events", ("stream_ordering", 1), ("topological_ordering", 1), ("event_id", "$bad"),
            ("type", "m.room.message"), ("room_id", "!a:test.example"), ("outlier", false), ("sender", Id("troll")));
        await Source.InsertAsync(
            "user_reports", ("id", 1), ("received_ts", Year2023), ("target_user_id", Id("troll")),
            ("user_id", Id("alice")), ("reason", "rude"));
        await Source.InsertAsync(
            "event_reports", ("id", 1), ("received_ts", Year2023 + 2), ("room_id", "!a:test.example"),
            ("event_id", "$bad"), ("user_id", Id("alice")), ("reason", null), ("content", "{}"));
        await Source.InsertAsync(
            "room_reports", ("id", 1), ("received_ts", Year2023 + 1), ("room_id", "!a:test.example"),
            ("user_id", Id("alice")), ("reason", "spam"));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var reports = await target.Reports.NewestAsync(long.MaxValue, 10, Stop);
        Assert.That(
            reports.Select(static report => string.Join(' ',
                report.ReceivedAt - Year2023, report.Content.Kind, report.Content.RoomId, report.Content.EventId,
                report.Content.UserId, report.Content.Reason)),
            Is.EqualTo(new[]
            {
                $"2 Event !a:test.example $bad {Id("troll")} ", "1 Room !a:test.example   spam",
                $"0 User   {Id("troll")} rude",
            }));
    }

    private Task LimitAsync(string localpart, long perSecond, long burst) => Source.InsertAsync(
        "ratelimit_override", ("user_id", Id(localpart)), ("messages_per_second", perSecond), ("burst_count", burst));

    private Task PresentAsync(long streamId, string userId, string state, bool isActive) => Source.InsertAsync(
        "presence_stream", ("stream_id", streamId), ("user_id", userId), ("state", state),
        ("last_active_ts", Year2023), ("currently_active", isActive));

    private Task StatusAsync(long streamId, string userId, string message) => Source.InsertAsync(
        "presence_stream", ("stream_id", streamId), ("user_id", userId), ("state", "online"), ("status_msg", message));
}

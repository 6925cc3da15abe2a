using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Tests.Presence;

/// <summary>What is shown of presence, when, and how much of it.</summary>
internal sealed class PresenceBoardTests
{
    private static readonly UserDevice _phone = new("@a:hs", "PHONE");
    private static readonly UserDevice _desk = new("@a:hs", "DESK");

    private ManualTime _time = null!;
    private MovableShards _shards = null!;
    private PresenceBoard _board = null!;

    [SetUp]
    public void SetUp() => Start(new PresenceOptions());

    [TearDown]
    public void TearDown() => _board.Dispose();

    [Test]
    public void A_device_that_polls_is_online_then_idle_and_offline_once_it_stops()
    {
        var sync = _board.Sync(_phone, PresenceState.Online);
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs online active" }));
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs online" }));
        _time.Advance(TimeSpan.FromMinutes(4));
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs unavailable" }));
        sync.Dispose();
        Assert.That(Published(), Is.Empty);
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs offline" }));
        _time.Advance(TimeSpan.FromHours(2));
        Assert.That(Published(), Is.Empty);
    }

    [Test]
    public void A_device_that_polls_again_in_time_stays_as_it_is()
    {
        _board.Sync(_phone, PresenceState.Online).Dispose();
        Published();
        for (var n = 0; n < 3; n++)
        {
            _time.Advance(TimeSpan.FromSeconds(18));
            _board.Sync(_phone, PresenceState.Online).Dispose();
        }

        Assert.That(Published(), Is.Empty);
    }

    [Test]
    public void A_device_that_hides_leaves_the_last_activity_as_it_was()
    {
        _board.Put(_phone, PresenceState.Online, null);
        _time.Advance(TimeSpan.FromMinutes(10));
        _board.Put(_phone, PresenceState.Offline, null);
        _board.Acted("@a:hs");
        Assert.That(_board.Find("@a:hs")!.LastActiveAgo, Is.EqualTo(600_000));
        _board.Put(_phone, PresenceState.Unavailable, null);
        Assert.That(_board.Find("@a:hs")!.LastActiveAgo, Is.EqualTo(600_000), "only to become online is an activity");
        _board.Acted("@a:hs");
        Assert.That(_board.Find("@a:hs")!.LastActiveAgo, Is.Zero);
    }

    [TestCase(PresenceState.Online, true, "online active")]
    [TestCase(PresenceState.Online, false, "online")]
    [TestCase(PresenceState.Unavailable, false, "unavailable")]
    public void What_the_imported_server_showed_last_is_no_change_until_time_makes_one(
        PresenceState state, bool isActive, string shown)
    {
        var hourAgo = _time.GetUtcNow().AddHours(-1).ToUnixTimeMilliseconds();
        _board.Restore([new PresentUser("@a:hs", (int)state, hourAgo, isActive, ImportedAt: 7)]);
        _board.Learn(_board.WithoutStatus(), new Dictionary<string, string> { ["@a:hs"] = "away" });
        Assert.That(_board.Take(), Is.EqualTo(new[] { new PresenceChange("@a:hs", true, IsRepeated: true, 7) }));
        var seen = _board.Find("@a:hs")!;
        Assert.That(
            (Words(seen), seen.LastActiveAgo), Is.EqualTo(($"@a:hs {shown} away", 3_600_000)));
        Assert.That(_board.Take(), Is.Empty);

        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs offline away" }));
    }

    [Test]
    public void An_imported_user_who_comes_back_active_is_no_change()
    {
        _board.Restore([new PresentUser("@a:hs", (int)PresenceState.Online, 1, IsActive: true, ImportedAt: 7)]);
        Published();
        _time.Advance(TimeSpan.FromSeconds(20));
        using var sync = _board.Sync(_phone, PresenceState.Online);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.That(Published(), Is.Empty);
    }

    [Test]
    public void An_imported_user_who_comes_back_otherwise_before_it_was_taken_is_a_change()
    {
        _board.Restore([new PresentUser("@a:hs", (int)PresenceState.Online, 1, IsActive: true, ImportedAt: 7)]);
        using var sync = _board.Sync(_phone, PresenceState.Unavailable);
        _board.Learn(["@a:hs"], new Dictionary<string, string>());
        Assert.That(_board.Take(), Is.EqualTo(new[] { new PresenceChange("@a:hs", true, IsRepeated: false) }));
    }

    [Test]
    public void A_second_device_keeps_the_user_online()
    {
        var sync = _board.Sync(_desk, PresenceState.Online);
        _board.Sync(_phone, PresenceState.Online).Dispose();
        Published();
        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.That(Published(), Is.Empty);
        sync.Dispose();
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs offline" }));
    }

    [Test]
    public void Of_a_user_who_flaps_the_last_state_is_shown_after_a_pause()
    {
        _board.Put(_phone, PresenceState.Online, null);
        Assert.That(Published(), Has.Count.EqualTo(1));
        for (var n = 0; n < 100; n++)
        {
            _board.Put(_phone, n % 2 == 0 ? PresenceState.Offline : PresenceState.Online, $"{n}");
            Assert.That(Published(), Is.Empty);
        }

        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs online active 99" }));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.That(Published(), Is.Empty);
    }

    [Test]
    public void A_state_that_returned_in_the_pause_is_not_shown_again()
    {
        _board.Put(_phone, PresenceState.Online, null);
        Published();
        _board.Put(_phone, PresenceState.Unavailable, null);
        _board.Put(_phone, PresenceState.Online, null);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.That(Published(), Is.Empty);
    }

    [Test]
    public void Many_changes_are_shown_in_parts_each_user_once()
    {
        Start(new PresenceOptions { MaxChangesAtOnce = 10 });
        for (var n = 0; n < 25; n++) _board.Put(new UserDevice($"@u{n}:hs", "D"), PresenceState.Online, null);
        int[] parts = [_board.Take().Count, _board.Take().Count, _board.Take().Count, _board.Take().Count];
        Assert.That(parts, Is.EqualTo(new[] { 10, 10, 5, 0 }));
    }

    [Test]
    public void A_user_who_stays_is_repeated_for_other_servers_and_only_there()
    {
        using var sync = _board.Sync(_phone, PresenceState.Unavailable);
        Assert.That(_board.Take(), Is.Empty, "the message is not known yet");
        _board.Learn(["@a:hs"], new Dictionary<string, string>());
        Assert.That(_board.Take().Single().IsRepeated, Is.False);
        _time.Advance(TimeSpan.FromMinutes(26));
        Assert.That(_board.Take().Single().IsRepeated, Is.True);
        _time.Advance(TimeSpan.FromMinutes(20));
        Assert.That(_board.Take(), Is.Empty);
    }

    [Test]
    public void Changes_that_could_not_be_shown_wait_again()
    {
        _board.Put(_phone, PresenceState.Online, null);
        var changes = _board.Take();
        _board.Again(changes);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.That(_board.Take(), Is.EqualTo(changes));
    }

    [Test]
    public void A_remote_user_of_whom_nothing_more_is_heard_goes_offline()
    {
        _board.Receive(Update("""{"user_id":"@b:remote","presence":"online","last_active_ago":5000,"more":[1]}"""));
        Assert.That(_board.Find("@b:remote")!.LastActiveAgo, Is.EqualTo(5000));
        Assert.That(Published(), Is.EqualTo(new[] { "@b:remote online" }));
        _time.Advance(TimeSpan.FromMinutes(29));
        Assert.That(Published(), Is.Empty);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(Published(), Is.EqualTo(new[] { "@b:remote offline" }));
    }

    [Test]
    public void The_numbers_and_words_of_another_server_are_bounded()
    {
        _board.Receive(Update($$"""
            {"user_id":"@b:remote","presence":"unavailable","last_active_ago":-5,"currently_active":true,
            "status_msg":"{{new string('x', 600)}}"}
            """));
        var seen = _board.Find("@b:remote")!;
        Assert.That(
            (seen.LastActiveAgo, seen.IsCurrentlyActive, seen.StatusMessage), Is.EqualTo((0L, false, (string?)null)));

        _board.Receive(Update($$"""
            {"user_id":"@c:remote","presence":"online","last_active_ago":{{long.MaxValue / 1024}},"currently_active":1}
            """));
        seen = _board.Find("@c:remote")!;
        Assert.That((seen.LastActiveAgo, seen.IsCurrentlyActive), Is.EqualTo(((long?)null, false)));
    }

    [TestCase("""{"presence":"online"}""")]
    [TestCase("""{"user_id":"@b:remote"}""")]
    [TestCase("""{"user_id":"@b:remote","presence":"busy"}""")]
    [TestCase("""{"user_id":7,"presence":"online"}""")]
    public void An_update_without_user_or_state_is_none(string json) =>
        Assert.That(PresenceUpdate.TryRead(Parse(json), ReceivedPresence.LongestAgo, 512, out _), Is.False);

    [Test]
    public void Users_in_memory_are_bounded_and_those_long_offline_are_forgotten()
    {
        Start(new PresenceOptions { MaxUsers = 10 });
        for (var n = 0; n < 12; n++) _board.Put(new UserDevice($"@u{n}:hs", "D"), PresenceState.Online, null);
        Assert.That((_board.Count, _board.Find("@u11:hs")), Is.EqualTo((10, (SeenPresence?)null)));
        Published();
        _time.Advance(TimeSpan.FromMinutes(1));
        Published();
        _board.Put(new UserDevice("@u11:hs", "D"), PresenceState.Online, null);
        Assert.That((_board.Count, _board.Find("@u11:hs")!.IsPresent), Is.EqualTo((10, true)));
    }

    [Test]
    public void A_board_without_present_users_has_no_timer()
    {
        _board.Sync(_phone, PresenceState.Online).Dispose();
        Published();
        _time.Advance(TimeSpan.FromMinutes(2));
        Published();
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(_time.Timers, Is.Zero);
    }

    [Test]
    public async Task A_user_whose_shard_is_given_away_stays_as_shown_and_is_decided_elsewhere()
    {
        var sync = _board.Sync(_phone, PresenceState.Online);
        Assert.That(Published(), Is.EqualTo(new[] { "@a:hs online active" }));
        await _shards.CloseAsync(Authority.User("@a:hs"));

        sync.Dispose();
        _board.Acted("@a:hs");
        _board.Put(_phone, PresenceState.Unavailable, "away");
        _board.Sync(_desk, PresenceState.Unavailable).Dispose();
        _board.Ended("@a:hs");
        _time.Advance(TimeSpan.FromHours(2));

        Assert.That(Published(), Is.Empty);
        Assert.That(_board.Find("@a:hs")!.State, Is.EqualTo(PresenceState.Online));
        Assert.That((_board.Present().Count, _board.LocalUsers().Count), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task A_change_that_waits_when_the_shard_is_given_away_is_not_shown_from_here()
    {
        _board.Put(_phone, PresenceState.Online, "here");
        await _shards.CloseAsync(Authority.User("@a:hs"));
        Assert.That(Published(), Is.Empty);
        Assert.That(_board.Find("@a:hs")!.State, Is.EqualTo(PresenceState.Offline));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_user_whose_shard_comes_back_goes_on_from_what_was_shown(bool comesBack)
    {
        _board.Sync(_phone, PresenceState.Online);
        Published();
        await _shards.CloseAsync(Authority.User("@a:hs"));
        _time.Advance(TimeSpan.FromMinutes(10));
        _shards.Open(Authority.User("@a:hs"));
        Assert.That(_board.Find("@a:hs")!.IsPresent, Is.True);

        if (comesBack) _board.Sync(_phone, PresenceState.Online);
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.That(Published(), comesBack ? Is.Empty : Is.EqualTo(new[] { "@a:hs offline" }));
        Assert.That(_board.Find("@a:hs")!.IsPresent, Is.EqualTo(comesBack));
    }

    [Test]
    public async Task Users_of_a_server_whose_shard_is_given_away_stay_as_shown_and_end_here_once_it_comes_back()
    {
        Start(new PresenceOptions { RemoteFor = TimeSpan.FromMinutes(30) });
        var update = Update("""{"user_id":"@r:far","presence":"online","last_active_ago":5}""");
        _board.Receive(update);
        Assert.That(Published(), Is.EqualTo(new[] { "@r:far online" }));
        await _shards.CloseAsync(Authority.Server("far"));
        _board.Receive(Update("""{"user_id":"@r:far","presence":"unavailable","last_active_ago":5}"""));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.That((Published().Count, _board.Find("@r:far")!.State), Is.EqualTo((0, PresenceState.Online)));

        _shards.Open(Authority.Server("far"));
        _time.Advance(TimeSpan.FromMinutes(29));
        Assert.That(Published(), Is.Empty);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(Published(), Is.EqualTo(new[] { "@r:far offline" }));
    }

    private static JsonObject Parse(string json)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(json);
        var reading = Matrix.Core.Json.Reading.Client;
        return JsonText.TryParse(bytes, reading, JsonText.ClientBodyLimits, out var value, out _)
            ? ((Json.Object)value).Item
            : throw new AssertionException(json);
    }

    private static PresenceUpdate Update(string json)
    {
        Assert.That(
            PresenceUpdate.TryRead(Parse(json), ReceivedPresence.LongestAgo, 512, out var update), Is.True, json);
        return update!;
    }

    private void Start(PresenceOptions options)
    {
        _board?.Dispose();
        _time = new ManualTime();
        _shards = new MovableShards();
        _board = new PresenceBoard(_shards.Gates, options, _time);
    }

    /// <summary>What is shown now.</summary>
    private List<string> Published()
    {
        _board.Learn(_board.WithoutStatus(), new Dictionary<string, string>());
        return [.. _board.Take().Where(static each => !each.IsRepeated).Select(each => _board.Find(each.UserId)!)
            .Select(Words)];
    }

    private static string Words(SeenPresence seen) => string.Join(' ', new[]
    {
        seen.UserId, PresenceStates.Name(seen.State), seen.IsCurrentlyActive ? "active" : null, seen.StatusMessage,
    }.Where(static word => word is not null));
}

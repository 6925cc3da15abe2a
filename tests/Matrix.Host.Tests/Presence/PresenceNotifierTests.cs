using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Tests.Presence;

/// <summary>Changes of presence in the streams of users who sync.</summary>
internal sealed class PresenceNotifierTests
{
    private const string Alice = "@alice:hs";
    private const string Bob = "@bob:hs";

    private Notifier _notifier = null!;

    [SetUp]
    public void SetUp() => _notifier = new Notifier(new Rooms(), new ManualTime(), new SyncOptions(), 0);

    [TearDown]
    public void TearDown() => _notifier.Dispose();

    [Test]
    public async Task A_change_reaches_each_member_once_however_many_rooms_they_share()
    {
        var alice = await ActivateAsync(Alice);
        var stranger = await ActivateAsync("@stranger:hs");
        Change(Bob, remembered: 1, 1, 2, 3);

        Assert.That(NewsOf(alice, 0), Is.EqualTo(new[] { Bob }), "more than one would not be remembered");
        Assert.That(NewsOf(stranger, 0), Is.Empty);
        Assert.That(_notifier.Ephemeral, Is.EqualTo(1));
    }

    [Test]
    public async Task Only_changes_after_a_token_are_news()
    {
        Change(Bob, remembered: 8, 1);
        var alice = await ActivateAsync(Alice);
        Assert.That(NewsOf(alice, 0), Is.Null, "what was before is not known");
        Assert.That(NewsOf(alice, 1), Is.Empty);
        Change(Bob, remembered: 8, 1);
        Change("@carol:hs", remembered: 8, 2);
        Assert.That(NewsOf(alice, 1), Is.EqualTo(new[] { Bob, "@carol:hs" }));
        Assert.That(NewsOf(alice, 2), Is.EqualTo(new[] { "@carol:hs" }));
        Assert.That(NewsOf(alice, 3), Is.Empty);
    }

    [Test]
    public async Task Changes_beyond_those_remembered_must_be_looked_up()
    {
        var alice = await ActivateAsync(Alice);
        for (var n = 0; n < 5; n++) Change($"@u{n}:hs", remembered: 3, 1);
        Assert.That(NewsOf(alice, 1), Is.Null);
        Assert.That(NewsOf(alice, 2), Is.EqualTo(new[] { "@u2:hs", "@u3:hs", "@u4:hs" }));
    }

    [Test]
    public async Task A_change_wakes_those_whom_it_concerns()
    {
        var alice = await ActivateAsync(Alice);
        var since = new SyncToken(_notifier.Applied, _notifier.Epoch, _notifier.Ephemeral);
        var device = alice.Device("PHONE");
        var wait = _notifier.WaitAsync(alice, device, since, TimeSpan.FromMinutes(1), CancellationToken.None);
        Change(Bob, remembered: 8, 9);
        Assert.That(wait.IsCompleted, Is.False);
        Change(Bob, remembered: 8, 2);
        Assert.That(await wait, Is.True);
    }

    private void Change(string userId, int remembered, params int[] rooms) => _notifier.PresenceChanged(
        [(userId, [.. rooms.Select(room => new RoomNid(room))])], remembered, static _ => { });

    private static HashSet<string>? NewsOf(UserStream stream, long after)
    {
        var users = new HashSet<string>();
        return stream.TryPresence(after, long.MaxValue, users) ? users : null;
    }

    private async Task<UserStream> ActivateAsync(string userId) =>
        (await _notifier.ActivateAsync(userId, CancellationToken.None))!;

    /// <summary>Alice is in the rooms 1 to 3, all others in 4.</summary>
    private sealed class Rooms : IStreamSource
    {
        public ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop)
        {
            int[] rooms = userId == Alice ? [1, 2, 3] : [4];
            return ValueTask.FromResult<IReadOnlyList<MemberRoom>>(
                [.. rooms.Select(room => new MemberRoom(new RoomNid(room), ShownMembership.Joined, 0))]);
        }

        public ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyList<string>>([]);
    }
}

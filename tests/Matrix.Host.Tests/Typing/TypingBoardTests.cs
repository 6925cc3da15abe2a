using Matrix.Core.Facade;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Typing;

namespace Matrix.Host.Tests.Typing;

internal sealed class TypingBoardTests
{
    private static readonly RoomIdentity _kitchen = Room(1);
    private static readonly RoomNid _room = _kitchen.Nid;
    private readonly SyncOptions _options = new() { MaxTypingUsers = 3, MaxTypingRooms = 2 };
    private MovableShards _shards = null!;
    private ManualTime _time = null!;
    private Notifier _notifier = null!;
    private TypingBoard _typing = null!;

    [SetUp]
    public void SetUp()
    {
        _shards = new MovableShards();
        _time = new ManualTime();
        _notifier = new Notifier(new Nobody(), _time, _options, 0);
        _typing = new TypingBoard(_notifier, null!, _shards.Gates, _time, _options);
    }

    [TearDown]
    public void TearDown() => _notifier.Dispose();

    [Test]
    public void A_typing_user_stops_by_themselves_or_by_timeout()
    {
        _typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        _typing.Set(_kitchen, "@b:hs", TimeSpan.FromSeconds(20));
        Assert.That(_typing.In(_room), Is.EqualTo(new[] { "@a:hs", "@b:hs" }));

        _typing.Set(_kitchen, "@b:hs", null);
        Assert.That(_typing.In(_room), Is.EqualTo(new[] { "@a:hs" }));
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.That(_typing.In(_room), Is.Empty);
    }

    [Test]
    public void Typing_on_prolongs_the_time_without_being_news()
    {
        _typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        var counter = _notifier.Ephemeral;
        _time.Advance(TimeSpan.FromSeconds(8));
        _typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        Assert.That(_notifier.Ephemeral, Is.EqualTo(counter));

        _time.Advance(TimeSpan.FromSeconds(8));
        Assert.That(_typing.In(_room), Is.EqualTo(new[] { "@a:hs" }));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.That((_typing.In(_room).Count, _notifier.Ephemeral), Is.EqualTo((0, counter + 1)));
    }

    [Test]
    public void An_observer_sees_the_start_the_end_and_repetitions()
    {
        var seen = new Seen();
        var typing = new TypingBoard(
            _notifier, null!, _shards.Gates, _time, _options with { TypingRepeat = TimeSpan.FromSeconds(5) }, seen);

        typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(4));
        typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(2));
        typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        typing.Set(_kitchen, "@b:hs", TimeSpan.FromSeconds(10));
        typing.Set(_kitchen, "@b:hs", null);
        typing.Set(_kitchen, "@b:hs", null);
        _time.Advance(TimeSpan.FromSeconds(11));

        Assert.That(seen.All, Is.EqualTo(new[]
        {
            ("@a:hs", true), ("@a:hs", true), ("@b:hs", true), ("@b:hs", false), ("@a:hs", false),
        }));
    }

    [Test]
    public void A_user_who_leaves_stops_whichever_server_they_are_of()
    {
        foreach (var (user, isLocal) in new[] { ("@a:hs", true), ("@b:elsewhere.org", false) })
        {
            _typing.Set(_kitchen, user, TimeSpan.FromSeconds(10));
            _typing.OnChange(
                new MembershipChanged(_room, user, Membership.Join, Membership.Leave, EventNid.None, isLocal), 1);
            Assert.That(_typing.In(_room), Is.Empty);
        }
    }

    [Test]
    public void Stopping_without_having_begun_is_no_news()
    {
        _typing.Set(_kitchen, "@a:hs", null);
        Assert.That(_notifier.Ephemeral, Is.Zero);
    }

    [Test]
    public void Typists_rooms_and_times_are_bounded()
    {
        for (var i = 0; i < 5; i++) _typing.Set(_kitchen, $"@u{i}:hs", TimeSpan.FromDays(1));
        for (var i = 2; i < 5; i++) _typing.Set(Room(i), "@u:hs", TimeSpan.FromSeconds(1));
        Assert.That(_typing.In(_room), Has.Count.EqualTo(3));
        Assert.That(_typing.In(new RoomNid(2)), Has.Count.EqualTo(1));
        Assert.That(_typing.In(new RoomNid(3)), Is.Empty);

        _time.Advance(_options.LongestTyping + TimeSpan.FromSeconds(1));
        Assert.That(_typing.In(_room), Is.Empty);
    }

    [Test]
    public async Task Typing_users_of_a_room_that_is_given_away_are_shown_until_their_time()
    {
        var seen = new Seen();
        var typing = new TypingBoard(_notifier, null!, _shards.Gates, _time, _options, seen);
        typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        await _shards.CloseAsync(Authority.Room(_kitchen.RoomId));

        Assert.That(typing.Set(_kitchen, "@b:hs", TimeSpan.FromSeconds(10)), Is.False);
        Assert.That(typing.Set(_kitchen, "@a:hs", null), Is.False);
        Assert.That(typing.In(_room), Is.EqualTo(new[] { "@a:hs" }));
        var counter = _notifier.Ephemeral;
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.That((typing.In(_room).Count, _notifier.Ephemeral), Is.EqualTo((0, counter + 1)));
        Assert.That(seen.All, Is.EqualTo(new[] { ("@a:hs", true), ("@a:hs", false) }));

        _shards.Open(Authority.Room(_kitchen.RoomId));
        Assert.That(typing.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10)), Is.True);
        Assert.That(seen.All, Has.Count.EqualTo(3));
    }

    private static RoomIdentity Room(int number) =>
        new(new RoomNid(number), $"!{number}:hs", RoomRules.Find(RoomRules.Recommended)!);

    private sealed class Seen : ITypingObserver
    {
        public List<(string, bool)> All { get; } = [];

        public void TypingChanged(RoomNid room, string userId, bool isTyping) => All.Add((userId, isTyping));
    }

    private sealed class Nobody : IStreamSource
    {
        public ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyList<MemberRoom>>([]);

        public ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyList<string>>([]);
    }
}

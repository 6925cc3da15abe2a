using Matrix.Core.Facade;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Streams.Streams.Unread;

namespace Matrix.Host.Tests.Sync;

/// <summary>The notifier by itself: it updates users' streams with each commit, without reading the database.</summary>
internal sealed class NotifierTests
{
    private const string Alice = "@alice:hs";
    private const string Bob = "@bob:hs";
    private const string Phone = "PHONE";
    private static readonly RoomNid _kitchen = new(1);
    private static readonly RoomNid _garden = new(2);

    private ManualTime _time = null!;
    private Source _source = null!;
    private Notifier _notifier = null!;
    private CommitDispatcher _flushes = null!;
    private WriterMetrics _metrics = null!;
    private long _position;

    [SetUp]
    public void SetUp()
    {
        _time = new ManualTime();
        _metrics = new WriterMetrics();
        _source = new Source();
        _position = 100;
        Open(new SyncOptions());
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _flushes.DisposeAsync();
        _notifier.Dispose();
        _metrics.Dispose();
    }

    [Test]
    public async Task A_commit_in_a_room_is_news_for_its_joined_members_only()
    {
        _source.Joined(Alice, _kitchen).Joined(Bob, _garden);
        var (alice, bob) = (await ActivateAsync(Alice), await ActivateAsync(Bob));
        var since = Now();

        Commit(Message(_kitchen, 1));

        Assert.That(News(alice, since).Select(n => n.Room.RoomNid), Is.EqualTo(new[] { _kitchen }));
        Assert.That(News(bob, since), Is.Empty);
        Assert.That(bob.HasNews(since, _notifier, bob.Device(Phone)), Is.False);
    }

    [Test]
    public async Task Rooms_come_most_recent_first_and_those_without_news_are_not_looked_at()
    {
        _source.Joined(Alice, [.. Enumerable.Range(1, 50).Select(n => new RoomNid(n))]);
        var alice = await ActivateAsync(Alice);
        Commit(Message(new RoomNid(7), 1));
        var since = Now();
        Commit(Message(new RoomNid(3), 1));
        Commit(Message(new RoomNid(9), 1));
        Commit(Message(new RoomNid(3), 2));

        Assert.That(News(alice, since).Select(n => n.Room.RoomNid.Value), Is.EqualTo(new[] { 3, 9 }));
    }

    [Test]
    public async Task A_room_remembers_where_it_stood_at_recent_positions()
    {
        _source.Joined(Alice, _kitchen);
        await ActivateAsync(Alice);
        Commit(Message(_kitchen, 1));
        var between = _position;
        Commit(Message(_kitchen, 2));
        var room = _notifier.Room(_kitchen)!;

        Assert.That(room.TryAt(between, out var past), Is.True);
        Assert.That(past.LastNid, Is.EqualTo(Nid(_kitchen, 1)));
        Assert.That(room.TryAt(_position, out past), Is.True);
        Assert.That(past.LastNid, Is.EqualTo(Nid(_kitchen, 2)));
        Assert.That(room.TryAt(99, out _), Is.False, "What was before anyone watched is not known.");
    }

    [Test]
    public async Task A_user_who_joins_live_gets_the_very_flush_and_what_follows()
    {
        var alice = await ActivateAsync(Alice);
        var since = Now();
        Commit(
            new RoomCreated(Room(_kitchen), Alice, Header(1)),
                Message(_kitchen, 1),
            new MembershipChanged(_kitchen, Alice, null, Membership.Join, Nid(_kitchen, 1), IsLocal: true));
        Assert.That(News(alice, since).Single().Parts, Is.EqualTo(RoomParts.Membership | RoomParts.Events));

        since = Now();
        Commit(Message(_kitchen, 2));
        Assert.That(News(alice, since).Single().Parts, Is.EqualTo(RoomParts.Events));
    }

    [Test]
    public async Task A_user_who_left_gets_the_departure_once_and_nothing_after()
    {
        _source.Joined(Alice, _kitchen);
        var alice = await ActivateAsync(Alice);
        var since = Now();
        Commit(
            new MembershipChanged(_kitchen, Alice, null, Membership.Leave, Nid(_kitchen, 5), IsLocal: true),
            Message(_kitchen, 5));
        var left = News(alice, since).Single();
        Assert.That((left.Membership, left.MembershipSince), Is.EqualTo((ShownMembership.Left, _position)));

        since = Now();
        Commit(Message(_kitchen, 6));
        Assert.That(News(alice, since), Is.Empty);
        Assert.That(alice.HasNews(since, _notifier, alice.Device(Phone)), Is.False);
    }

    [Test]
    public async Task A_long_poll_is_woken_once_by_what_concerns_its_user_and_leaves_nothing_behind()
    {
        _source.Joined(Alice, _kitchen);
        var alice = await ActivateAsync(Alice);
        var waiting = WaitAsync(alice);
        Commit(Message(_garden, 1));
        Assert.That(waiting.IsCompleted, Is.False);

        Commit(Message(_kitchen, 1), Message(_kitchen, 2));
        Assert.That(await waiting.WaitAsync(TimeSpan.FromSeconds(30)), Is.True);
        Assert.That(alice.HasWaiters, Is.False);
        Assert.That(_notifier.Waiting, Is.Zero);
    }

    [Test]
    public async Task A_long_poll_ends_without_news_when_its_time_is_up()
    {
        var alice = await ActivateAsync(Alice);
        var waiting = WaitAsync(alice);
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.That(waiting.IsCompleted, Is.False);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(await waiting.WaitAsync(TimeSpan.FromSeconds(30)), Is.False);
        Assert.That(alice.HasWaiters, Is.False);
    }

    [Test]
    public async Task A_long_poll_whose_client_has_gone_or_whose_server_stops_ends()
    {
        var alice = await ActivateAsync(Alice);
        using var gone = new CancellationTokenSource();
        var first = WaitAsync(alice, stop: gone.Token);
        await gone.CancelAsync();
        Assert.That(await first.WaitAsync(TimeSpan.FromSeconds(30)), Is.False);

        var second = WaitAsync(alice);
        _notifier.Drain();
        Assert.That(await second.WaitAsync(TimeSpan.FromSeconds(30)), Is.False);
        Assert.That(await WaitAsync(alice).WaitAsync(TimeSpan.FromSeconds(30)), Is.False);
    }

    [Test]
    public async Task News_between_the_answer_and_the_next_poll_is_not_waited_for()
    {
        _source.Joined(Alice, _kitchen);
        var alice = await ActivateAsync(Alice);
        var since = Now();
        Commit(Message(_kitchen, 1));
        Assert.That(await WaitAsync(alice, since).WaitAsync(TimeSpan.FromSeconds(30)), Is.True);
    }

    [Test]
    public async Task More_long_polls_than_a_user_may_hold_end_the_oldest()
    {
        var alice = await ActivateAsync(Alice);
        var oldest = WaitAsync(alice);
        var rest = Enumerable.Range(0, SyncWaiters.Capacity).Select(_ => WaitAsync(alice)).ToArray();
        Assert.That(await oldest.WaitAsync(TimeSpan.FromSeconds(30)), Is.False);
        Assert.That(rest.Count(w => w.IsCompleted), Is.Zero);
    }

    [Test]
    public async Task Account_data_and_messages_to_a_device_are_news_for_their_user_and_device()
    {
        var alice = await ActivateAsync(Alice);
        var (phone, tablet) = (alice.Device(Phone), alice.Device("TABLET"));
        var since = Now();
        Commit(new ToDeviceSent(Alice, Phone, "{}"u8.ToArray()));
        Assert.That(phone.LastToDevice, Is.EqualTo(_position));
        Assert.That(alice.HasNews(since, _notifier, phone), Is.True);
        Assert.That(alice.HasNews(since, _notifier, tablet), Is.False);

        Commit(new AccountDataPut(Alice, null, "m.direct", "{}"u8.ToArray()));
        Assert.That(alice.HasNews(since, _notifier, tablet), Is.True);
        Assert.That(alice.LastAccountData, Is.EqualTo(_position));
    }

    [Test]
    public async Task A_message_that_came_before_the_device_was_seen_is_not_missed()
    {
        var alice = await ActivateAsync(Alice);
        var since = Now();
        Commit(new ToDeviceSent(Alice, Phone, "{}"u8.ToArray()));
        Assert.That(alice.HasNews(since, _notifier, alice.Device(Phone)), Is.True);
    }

    [Test]
    public async Task More_devices_than_are_remembered_leave_no_long_poll_deaf()
    {
        var alice = await ActivateAsync(Alice);
        var since = Now();
        var tablet = alice.Device("TABLET");
        var waiting = WaitAsync(alice, since);
        for (var i = 0; i < UserDevices.Capacity; i++) alice.Device($"D{i}");

        Assert.That(
            await waiting.WaitAsync(TimeSpan.FromSeconds(30)),
            Is.True,
            "Who waited when the devices were forgotten looks again.");
        var about =
            _notifier.WaitAsync(alice, tablet, since, TimeSpan.FromSeconds(30), CancellationToken.None).AsTask();
        Assert.That(await about.WaitAsync(TimeSpan.FromSeconds(30)), Is.True, "So does who was about to wait.");

        waiting = WaitAsync(alice, since);
        Assert.That(waiting.IsCompleted, Is.False);
        Commit(new ToDeviceSent(Alice, Phone, "{}"u8.ToArray()));
        Assert.That(await waiting.WaitAsync(TimeSpan.FromSeconds(30)), Is.True);
    }

    [Test]
    public async Task Keys_that_were_used_before_the_device_was_seen_are_news_for_it()
    {
        var alice = await ActivateAsync(Alice);
        var since = Now();
        Commit(new FallbackKeyUploaded(Alice, Phone, "signed_curve25519", "AAAA", "{}"u8.ToArray()));
        Assert.That(alice.Device(Phone).LastKeys, Is.GreaterThan(since.Position));
    }

    [Test]
    public async Task A_changed_device_list_is_looked_at_by_everyone_and_wakes_those_who_share_a_room()
    {
        _source.Joined(Alice, _kitchen).Joined(Bob, _kitchen).Sharing(Bob, Alice);
        _notifier.DeviceLists.Start();
        var alice = await ActivateAsync(Alice);
        var since = Now();
        var waiting = WaitAsync(alice);
        Commit(new DeviceListChanged(Bob));
        Assert.That(alice.HasNews(since, _notifier, alice.Device(Phone)), Is.True);
        Assert.That(await waiting.WaitAsync(TimeSpan.FromSeconds(30)), Is.True);
        await _notifier.DeviceLists.DisposeAsync();
    }

    [Test]
    public async Task Typing_is_news_for_the_room_and_keeps_the_list_sorted_for_both_counters()
    {
        _source.Joined(Alice, _kitchen, _garden);
        var alice = await ActivateAsync(Alice);
        var since = Now();
        _notifier.TypingChanged(_kitchen);
        Commit(Message(_garden, 1));

        Assert.That(
            News(alice, since).Select(n => (n.Room.RoomNid, n.Parts)),
            Is.EqualTo(new[] { (_garden, RoomParts.Events), (_kitchen, RoomParts.Typing) }));
        Assert.That(News(alice, Now()), Is.Empty);
    }

    [Test]
    public async Task A_token_from_before_the_feed_is_answered_from_the_database()
    {
        _source.Joined(Alice, _kitchen);
        var alice = await ActivateAsync(Alice);
        var old = new SyncToken(alice.KnownSince - 1, _notifier.Epoch, 0);
        Assert.That(alice.TryCollect(old.Position, 0, []), Is.False);
        Assert.That(alice.HasNews(old, _notifier, alice.Device(Phone)), Is.True);
    }

    [Test]
    public async Task An_idle_user_is_evicted_and_comes_back_by_one_query()
    {
        _source.Joined(Alice, _kitchen).Joined(Bob, _kitchen);
        await ActivateAsync(Alice);
        var bob = await ActivateAsync(Bob);
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.That(_notifier.Find(Bob), Is.SameAs(bob));
        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.That(
            (_notifier.Find(Alice), _notifier.ActiveUsers, _notifier.Subscriptions),
            Is.EqualTo(((UserStream?)null, 1, 1)));
        Commit(Message(_kitchen, 1));
        var alice = await ActivateAsync(Alice);
        Assert.That(alice.KnownSince, Is.EqualTo(_position));
        Assert.That(_source.Questions, Is.EqualTo(3));
    }

    [Test]
    public async Task A_user_with_a_long_poll_is_not_evicted()
    {
        var alice = await ActivateAsync(Alice);
        var waiting = WaitAsync(alice, atMost: TimeSpan.FromMinutes(5));
        _time.Advance(TimeSpan.FromMinutes(4.9));
        _notifier.EvictIdle();
        Assert.That(_notifier.Find(Alice), Is.SameAs(alice));
        Assert.That(waiting.IsCompleted, Is.False);
    }

    [Test]
    public async Task The_notifier_stays_within_its_bound_by_evicting_the_longest_idle_users()
    {
        Open(new SyncOptions { MaxRoomSubscriptions = 3 });
        _source.Joined(Alice, _kitchen, _garden).Joined(Bob, _kitchen, _garden).Joined("@c:hs", _kitchen);
        await ActivateAsync(Alice);
        _time.Advance(TimeSpan.FromSeconds(1));
        var bob = await ActivateAsync(Bob);
        Assert.That((_notifier.Find(Alice), _notifier.Subscriptions), Is.EqualTo(((UserStream?)null, 2)));

        var waiting = WaitAsync(bob);
        await ActivateAsync("@c:hs");
        _source.Joined("@d:hs", _kitchen, _garden);
        Assert.That(
            await _notifier.ActivateAsync("@d:hs", default),
            Is.Null,
            "Bob waits: there is no room for two more.");
        Assert.That(_notifier.Subscriptions, Is.EqualTo(2));
        Assert.That(waiting.IsCompleted, Is.False);
    }

    [Test]
    public async Task A_feed_that_cannot_be_filled_is_tried_again()
    {
        _source.Failure = new StorageException(StorageFailure.Busy, "locked");
        Assert.That(async () => await _notifier.ActivateAsync(Alice, default), Throws.TypeOf<StorageException>());
        _source.Failure = null;
        Assert.That(await _notifier.ActivateAsync(Alice, default), Is.Not.Null);
    }

    [Test]
    public async Task A_commit_while_the_feed_is_filled_is_not_lost()
    {
        _source.Joined(Alice, _kitchen);
        var since = Now();
        _source.Meanwhile = () =>
        {
            Commit(
                new MembershipChanged(_kitchen, Alice, null, Membership.Leave, Nid(_kitchen, 3), IsLocal: true),
                Message(_kitchen, 3));
            Commit(
                new RoomCreated(Room(_garden), Alice, Header(1)),
                Message(_garden, 1),
                new MembershipChanged(_garden, Alice, null, Membership.Join, Nid(_garden, 1), IsLocal: true));
        };
        var alice = await ActivateAsync(Alice);

        Assert.That(alice.HasNews(since, _notifier, alice.Device(Phone)), Is.True);
        since = Now();
        Commit(Message(_kitchen, 4));
        Commit(Message(_garden, 2));
        Assert.That(News(alice, since).Select(n => n.Room.RoomNid), Is.EqualTo(new[] { _garden }));
    }

    [Test]
    public async Task A_hundred_commits_in_a_room_of_a_hundred_allocate_next_to_nothing()
    {
        for (var i = 0; i < 100; i++)
        {
            _source.Joined($"@u{i}:hs", _kitchen);
            await ActivateAsync($"@u{i}:hs");
        }

        var batches = Enumerable.Range(1, 300).Select(n => Batch([Message(_kitchen, (uint)n)])).ToArray();
        foreach (var batch in batches[..200]) Deliver([batch]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var batch in batches[200..]) Deliver([batch]);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(100 * 100));
    }

    private void Open(SyncOptions options)
    {
        _notifier = new Notifier(_source, _time, options, _position);

        // These tests read no counts: they only commit.
        _flushes = new CommitDispatcher(_metrics);
        var streams = AllStreams.Of(
            _notifier,
            new TypingBoard(_notifier, null!, ShardGates.AlwaysOpen, _time, options),
            new UnreadCounter(null!, null!, null!, _notifier, new SyncOptions()),
            new RoomWatches(_time, options));
        foreach (var stream in streams) _flushes.Add(stream);
    }

    private async Task<UserStream> ActivateAsync(string user) =>
        await _notifier.ActivateAsync(user, default) ?? throw new InvalidOperationException("No room.");

    private SyncToken Now() => new(_notifier.Applied, _notifier.Epoch, _notifier.Ephemeral);

    private Task<bool> WaitAsync(
        UserStream stream, SyncToken? since = null, TimeSpan? atMost = null, CancellationToken stop = default) =>
        _notifier.WaitAsync(stream, stream.Device(Phone), since ?? Now(), atMost ?? TimeSpan.FromSeconds(30), stop)
            .AsTask();

    private static List<UpdatedRoom> News(UserStream stream, SyncToken since)
    {
        var rooms = new List<UpdatedRoom>();
        Assert.That(stream.TryCollect(since.Position, since.Ephemeral, rooms), Is.True);
        return rooms;
    }

    private static EventNid Nid(RoomNid room, uint n) => EventNid.Of(room, EventNid.FirstLiveOrdinal + n);

    private static RoomHeader Header(uint n) =>
        new() { LastOrdinal = EventNid.FirstLiveOrdinal + n, CurrentStep = (int)n };

    private static RoomIdentity Room(RoomNid room) => new(room, $"!room{room}:hs", RoomRules.Find("12")!);

    private static RoomAdvanced Message(RoomNid room, uint n) => new(Room(room), Header(n - 1), Header(n));

    private static WriteBatch Batch(Change[] changes)
    {
        var batch = Batches.New();
        foreach (var change in changes) batch.Add(change);
        return batch;
    }

    private void Commit(params Change[] changes) => Deliver([Batch(changes)]);

    private void Deliver(List<WriteBatch> batches)
    {
        foreach (var batch in batches) batch.Position = ++_position;
        _flushes.Dispatch(batches, _position);
    }

    private sealed class Source : IStreamSource
    {
        private readonly Dictionary<string, RoomNid[]> _joined = [];
        private readonly Dictionary<string, string[]> _sharing = [];

        public int Questions { get; private set; }

        public Exception? Failure { get; set; }

        public Action? Meanwhile { get; set; }

        public Source Joined(string user, params RoomNid[] rooms)
        {
            _joined[user] = rooms;
            return this;
        }

        public Source Sharing(string user, params string[] others)
        {
            _sharing[user] = others;
            return this;
        }

        public ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop)
        {
            Questions++;
            if (Failure is not null) throw Failure;
            var rooms = _joined.GetValueOrDefault(userId, []);
            Meanwhile?.Invoke();
            return ValueTask.FromResult<IReadOnlyList<MemberRoom>>(
                [.. rooms.Select(r => new MemberRoom(r, ShownMembership.Joined, 50))]);
        }

        public ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyList<string>>(_sharing.GetValueOrDefault(userId, []));
    }
}

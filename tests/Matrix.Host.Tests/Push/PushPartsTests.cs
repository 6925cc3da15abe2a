using Matrix.Host.Network.Mail;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Tests.Storage;

namespace Matrix.Host.Tests.Push;

/// <summary>Parts of pushes on their own: the places at a gateway, and the limits and the texts of mail.</summary>
internal sealed class PushPartsTests
{
    private readonly List<KnownPusher> _woken = [];
    private long _pushers;

    private Pusher Of(string userId) => new(new PusherName(++_pushers, userId, PusherKind.Http));

    private GatewayShares Shares(int atOnce, int ofUser) => new(atOnce, ofUser, _woken.Add);

    [SetUp]
    public void Forgets() => _woken.Clear();

    [Test]
    public void A_user_with_many_pushers_leaves_places_to_others()
    {
        var shares = Shares(atOnce: 3, ofUser: 2);
        var many = Enumerable.Range(0, 5).Select(_ => Of("@many:x")).ToArray();
        var one = Of("@one:x");

        Assert.That(many.Select(each => shares.TryEnter("g", each)), Is.EqualTo([true, true, false, false, false]));
        Assert.That(shares.TryEnter("g", one), Is.True);
        Assert.That(shares.TryEnter("other", many[4]), Is.False, "it stands in one line at a time");

        shares.Leave(one);
        Assert.That(_woken, Is.Empty, "those in line may not send more");
        shares.Leave(many[0]);
        Assert.That(_woken, Is.EqualTo(new[] { many[2] }));
    }

    [Test]
    public void Users_in_line_get_the_places_in_turn_and_nobody_overtakes_them()
    {
        var shares = Shares(atOnce: 2, ofUser: 2);
        var (first, second) = (Of("@a:x"), Of("@a:x"));
        var (third, fourth) = (Of("@a:x"), Of("@a:x"));
        var other = Of("@b:x");
        foreach (var each in new[] { first, second, third, fourth, other }) shares.TryEnter("g", each);

        shares.Leave(first);
        Assert.That(_woken, Is.EqualTo(new[] { third }));
        Assert.That(shares.TryEnter("g", Of("@c:x")), Is.False);
        Assert.That(shares.TryEnter("g", third), Is.True, "the place was handed over");
        shares.Leave(second);
        Assert.That(_woken[^1], Is.SameAs(other));
    }

    [Test]
    public void A_pusher_whose_gateway_changed_gives_its_place_back()
    {
        var shares = Shares(atOnce: 1, ofUser: 1);
        var (first, second) = (Of("@a:x"), Of("@b:x"));
        shares.TryEnter("g", first);
        shares.TryEnter("g", second);

        Assert.That(shares.TryEnter("other", first), Is.True);
        Assert.That(_woken, Is.EqualTo(new[] { second }));
    }

    [Test]
    public void Each_mail_that_asks_to_confirm_makes_the_next_one_wait_longer()
    {
        var time = new ManualTime();
        var limits = new ConfirmationLimits(TimeSpan.FromMinutes(10), TimeSpan.FromDays(1), 100, time);
        long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
        var pauses = new List<double>();
        for (var i = 0; i < 10; i++)
        {
            Assert.That(limits.TryTake("@a:x", "a@b.c", out _), Is.True);
            Assert.That(limits.TryTake("@a:x", "a@b.c", out var notBefore), Is.False);
            pauses.Add(TimeSpan.FromMilliseconds(notBefore - Now()).TotalMinutes);
            time.Advance(TimeSpan.FromMilliseconds(notBefore - Now()));
        }

        Assert.That(pauses, Is.EqualTo([10, 20, 40, 80, 160, 320, 640, 1280, 1440, 10]), "at last it is forgotten");
    }

    [Test]
    public void A_mail_that_is_not_allowed_costs_neither_the_user_nor_the_address()
    {
        var limits = new ConfirmationLimits(TimeSpan.FromMinutes(10), TimeSpan.FromDays(1), 100, new ManualTime());
        limits.TryTake("@a:x", "a@b.c", out _);

        Assert.That(limits.TryTake("@b:x", "a@b.c", out _), Is.False);
        Assert.That(limits.TryTake("@a:x", "other@b.c", out _), Is.False);
        Assert.That(limits.TryTake("@b:x", "other@b.c", out _), Is.True);
    }

    [TestCase("Bob@MAIL.Example", "Bob@mail.example", "bob@mail.example")]
    [TestCase("bob+one@mail.example", "bob+one@mail.example", "bob@mail.example")]
    [TestCase("+@mail.example", "+@mail.example", "+@mail.example")]
    [TestCase("bob@Bücher.example", "bob@xn--bcher-kva.example", "bob@xn--bcher-kva.example")]
    [TestCase("bob@[127.0.0.1]", "bob@[127.0.0.1]", "bob@[127.0.0.1]")]
    public void Addresses_have_one_spelling(string address, string canonical, string mailbox) => Assert.That(
        (MailAddresses.Canonical(address), MailAddresses.Mailbox(address)), Is.EqualTo((canonical, mailbox)));

    [Test]
    public void A_name_in_a_mail_is_one_short_line()
    {
        var message = new MailedMessage(
            "Tea\r\n\nBank\u2028", "Eve\nBob (today): pay me" + new string('x', 10_000), "one\ntwo", default);

        var mail = EmailTemplate.Digest("b@c.d", "@b:x", "x", [message], 0, "https://x/stop");

        Assert.That(mail.Text, Does.StartWith("Tea   Bank\n  Eve Bob (today): pay mexxx"));
        Assert.That(mail.Subject, Does.StartWith("Eve Bob").And.Not.Contain("\n"));
        Assert.That(mail.Text, Has.Length.LessThan(1000));
        Assert.That(mail.Html, Does.Contain("<h2>Tea   Bank</h2>"));
    }

    [Test]
    public void A_room_that_has_not_heard_of_an_event_yet_does_not_count_up_to_it()
    {
        var room = new RoomStream(Samples.Kitchen);
        room.Touch(new PastPosition(1, Samples.Live(Samples.Kitchen, 1), 0, 1, 0), 0, []);

        Assert.That(Counts(), Is.Null, "a snapshot of the room has the second event already");
        room.Happened(Samples.Live(Samples.Kitchen, 2), EventNid.None, "@a:x", isMessage: true, notifies: true);
        room.Touch(new PastPosition(2, Samples.Live(Samples.Kitchen, 2), 0, 1, 0), 0, []);
        Assert.That(Counts(), Is.EqualTo(1));

        int? Counts()
        {
            var count = 0;
            return room.TryUnread(
                Samples.Live(Samples.Kitchen, 1), Samples.Live(Samples.Kitchen, 2), Samples.Live(Samples.Kitchen, 2),
                "@b:x", (_, notifications, _) => count += notifications, null, out _) ? count : null;
        }
    }

    [Test]
    public void Commits_that_wait_are_bounded_by_what_they_have()
    {
        var index = new PusherIndex(null!);
        index.Begin(ShardGates.All);
        index.Add(new PusherName(1, "@a:x", PusherKind.Http));
        using var feed = new PushFeed(index, new NoWriter(), new PushOptions { MaxWaitingChanges = 10 });
        feed.TakeMissed();

        Commit(position: 1, receipts: 30);
        Assert.That(feed.Waiting, Is.EqualTo(1), "one is always kept");
        feed.Handled(feed.Next()!);
        Commit(position: 2, receipts: 6);
        Commit(position: 3, receipts: 4);
        Assert.That((feed.Waiting, feed.TakeMissed()), Is.EqualTo((2, (long?)null)));
        Commit(position: 4, receipts: 1);

        Assert.That(feed.TakeMissed(), Is.Not.Null, "the rest is read from the database");
        Assert.That(feed.Waiting, Is.Zero);

        void Commit(long position, int receipts)
        {
            for (var i = 0; i < receipts; i++)
            {
                feed.OnChange(
                    new ReceiptMoved(
                        Samples.Kitchen, "@a:x", "m.read", "", Samples.Live(Samples.Kitchen, 1), "$e", 1, true),
                    position);
            }

            feed.End(position);
        }
    }

    [Test]
    public async Task A_feed_without_changes_does_not_wake()
    {
        var soon = TimeSpan.FromMilliseconds(20);
        using var feed = new PushFeed(new PusherIndex(null!), new NoWriter(), new PushOptions());
        using var stop = new CancellationTokenSource();
        feed.TakeMissed();

        var idle = feed.WaitAsync(recorded: 0, isMore: false, soon, stop.Token);
        await Task.Delay(10 * soon);
        Assert.That(idle.IsCompleted, Is.False);

        // Nobody has a pusher, so that nothing waits in line; but its position is to be recorded.
        Purge(position: 1);
        await idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That((feed.Waiting, feed.Changed), Is.EqualTo((0, 1)));
        await feed.WaitAsync(recorded: 0, isMore: false, soon, stop.Token).WaitAsync(TimeSpan.FromSeconds(30));

        // Senders that are to be forgotten are looked at again.
        await feed.WaitAsync(recorded: 1, isMore: true, soon, stop.Token).WaitAsync(TimeSpan.FromSeconds(30));

        void Purge(long position)
        {
            feed.OnChange(new HistoryPurged(Samples.Kitchen, Samples.Live(Samples.Kitchen, 1), []), position);
            feed.End(position);
        }
    }

    private sealed class NoWriter : IStorageWriter
    {
        public long PublishedPosition => 0;

        public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop) =>
            throw new NotSupportedException();

        public void Post(WriteBatch batch) => throw new NotSupportedException();

        public void AddConsumer(IChangeConsumer consumer) => throw new NotSupportedException();
    }

    private sealed class Pusher(PusherName name) : KnownPusher(name, null!)
    {
        protected override ValueTask<AttemptResult> SendNextAsync(CancellationToken stop) => new(AttemptResult.Idle);
    }
}

using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Storage.Tables.Unread;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Receipts, unread counts, and results by transaction id.</summary>
internal sealed class ReadingTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task Receipts_only_move_forward()
    {
        Assert.That(await Applies(Receipt(Kitchen, Alice, 5)), Is.True);
        Assert.That(await Applies(Receipt(Kitchen, Alice, 5)), Is.False);
        Assert.That(await Applies(Receipt(Kitchen, Alice, 4)), Is.False);
        Assert.That(await Applies(Receipt(Kitchen, Alice, 6)), Is.True);

        Assert.That(
            (await Store.Receipts.OfUserAsync(Kitchen, Alice, Stop)).Single().Event,
            Is.EqualTo(Live(Kitchen, 6)));
    }

    [Test]
    public async Task Receipts_of_each_type_and_thread_stand_by_themselves()
    {
        await Write(
            Receipt(Kitchen, Alice, 5),
            Receipt(Kitchen, Alice, 6) with { Type = "m.read.private" },
            Receipt(Kitchen, Alice, 7) with { ThreadId = "main" },
            Receipt(Kitchen, Alice, 8) with { ThreadId = IdOf(Live(Kitchen, 1)) });

        var receipts = await Store.Receipts.OfUserAsync(Alice, Stop);

        Assert.That(receipts, Has.Count.EqualTo(4));
        Assert.That(
            receipts.Select(row => row.ThreadId).Distinct(),
            Is.EquivalentTo(new[] { "", "main", IdOf(Live(Kitchen, 1)) }));
    }

    [Test]
    public async Task A_rooms_receipts_are_those_between_two_positions()
    {
        var first = await Write(Receipt(Kitchen, Alice, 5));
        var second = await Write(Receipt(Kitchen, Bob, 5), Receipt(Garden, Bob, 2));
        await Write(Receipt(Kitchen, Remote, 5) with { IsLocal = false });

        var between = await Store.Receipts.OfRoomAsync(Kitchen, first, second, Stop);
        var both = await Store.Receipts.OfRoomsAsync([Kitchen, Garden], 0, second, Stop);

        Assert.That(between, Is.EqualTo(new[]
        {
            new ReceiptRow(Kitchen, Bob, "m.read", "", Live(Kitchen, 5), IdOf(Live(Kitchen, 5)), 1234, second),
        }));
        Assert.That(both, Has.Count.EqualTo(3));
        Assert.That(
            await Store.Receipts.OfUserAsync(Remote, Stop),
            Is.Empty,
            "only local users' receipts are filed by user");
    }

    [Test]
    public async Task Notifying_events_are_counted_by_thread_without_the_readers_own()
    {
        await Write(
            Event(Live(Kitchen, 1), Bob) with { NotifyClass = 1 },
            Event(Live(Kitchen, 2), Bob) with { NotifyClass = 1 },
            Event(Live(Kitchen, 3), Alice) with { NotifyClass = 1 },
            Event(Live(Kitchen, 4), Bob) with { NotifyClass = 2 },
            Event(Live(Kitchen, 5), Bob),
            Event(Live(Kitchen, 6), Bob) with { NotifyClass = 3, ThreadRoot = Live(Kitchen, 1) },
            Event(Live(Kitchen, 7), Bob) with { NotifyClass = 1, Marks = EventMarks.SoftFailed },
            Event(Live(Kitchen, 8), Bob) with { NotifyClass = 1 },
            Event(Live(Kitchen, 9), Bob) with { NotifyClass = 1 });
        await Write(Redacts(Live(Kitchen, 8), Live(Kitchen, 9)));

        async Task<Dictionary<uint, int>> Count(uint after, uint through, int classes) =>
            (await Store.Unread.CountNotifyingAsync(
                Kitchen, Live(Kitchen, after), Live(Kitchen, through), EventNid.LastOf(Kitchen), classes, Alice, Stop))
                .ToDictionary(
                    row => row.ThreadRoot.IsNone ? 0 : row.ThreadRoot.Ordinal - EventNid.FirstLiveOrdinal,
                    row => row.Count);

        Assert.That(await Count(1, 8, 1), Is.EqualTo(new Dictionary<uint, int> { [0] = 1, [1] = 1 }));
        Assert.That(await Count(1, 8, 2), Is.EqualTo(new Dictionary<uint, int> { [0] = 1, [1] = 1 }));
        Assert.That(await Count(0, 99, 3), Is.EqualTo(new Dictionary<uint, int> { [0] = 4, [1] = 1 }));
        Assert.That(await Count(9, 99, 3), Is.Empty);
        var own = await Store.Unread.CountNotifyingAsync(
            Kitchen, Live(Kitchen, 0), Live(Kitchen, 99), Live(Kitchen, 99), 3, Alice, Stop);
        Assert.That(own.Select(row => row.LastOwn), Is.EquivalentTo(new[] { Live(Kitchen, 3), EventNid.None }));
    }

    [Test]
    public async Task A_redacted_event_counts_as_of_any_event_before_its_first_redaction()
    {
        await Write(
            Event(Live(Kitchen, 1), Bob) with { NotifyClass = 1 },
            Event(Live(Kitchen, 2), Bob) with { ThreadRoot = Live(Kitchen, 1) },
            Event(Live(Kitchen, 3), Bob) with { NotifyClass = 1, Marks = EventMarks.Rejected },
            Event(Live(Kitchen, 4), Bob),
            Event(Live(Kitchen, 5), Bob),
            new UnreadAdded(Alice, Live(Kitchen, 2), Live(Kitchen, 1), UnreadKind.Highlight | UnreadKind.Notify));
        await Write(Redacts(Live(Kitchen, 1), Live(Kitchen, 4)), Redacts(Live(Kitchen, 3), Live(Kitchen, 4)));
        await Write(Redacts(Live(Kitchen, 2), Live(Kitchen, 5)), Redacts(Live(Kitchen, 1), Live(Kitchen, 5)));

        async Task<int> CountAsOf(uint n) => (await Store.Unread.CountNotifyingAsync(
            Kitchen, Live(Kitchen, 0), Live(Kitchen, 9), Live(Kitchen, n), 1, Alice, Stop)).Sum(row => row.Count);
        async Task<int> RowsAsOf(uint n) =>
            (await Store.Unread.RowsAsync(Alice, Kitchen, EventNid.None, Live(Kitchen, n), Stop)).Count;
        Assert.That((await CountAsOf(3), await CountAsOf(4)), Is.EqualTo((1, 0)));
        Assert.That((await RowsAsOf(4), await RowsAsOf(5)), Is.EqualTo((1, 0)));

        Assert.That(await Gone(0, 3, 9), Is.EqualTo(new[]
        {
            new RedactedUnread(Live(Kitchen, 1), EventNid.None, 1, Bob, UnreadKind.None),
            new RedactedUnread(Live(Kitchen, 2), Live(Kitchen, 1), 0, Bob, UnreadKind.Highlight | UnreadKind.Notify),
        }));
        Assert.That((await Gone(0, 4, 9)).Select(row => row.Event), Is.EqualTo(new[] { Live(Kitchen, 2) }));
        Assert.That((await Gone(1, 3, 4)).Select(row => row.Event), Is.Empty);

        async Task<RedactedUnread[]> Gone(uint first, uint after, uint through) =>
            [.. (await Store.Unread.RedactedAsync(
                Alice, Live(Kitchen, first), Live(Kitchen, after), Live(Kitchen, through), Stop))
                .OrderBy(row => row.Event)];
    }

    [Test]
    public async Task Highlights_go_when_they_are_read_by_thread_or_all_together()
    {
        await Write(
            new UnreadAdded(Alice, Live(Kitchen, 1), EventNid.None, UnreadKind.Highlight),
            new UnreadAdded(Alice, Live(Kitchen, 2), Live(Kitchen, 1), UnreadKind.Highlight | UnreadKind.Notify),
            new UnreadAdded(Alice, Live(Kitchen, 3), EventNid.None, UnreadKind.Silent),
            new UnreadAdded(Alice, Live(Garden, 1), EventNid.None, UnreadKind.Highlight),
            new UnreadAdded(Bob, Live(Kitchen, 1), EventNid.None, UnreadKind.Highlight));

        Assert.That(await Rows(), Is.EqualTo(new[]
        {
            new UnreadRow(Live(Kitchen, 1), EventNid.None, UnreadKind.Highlight),
            new UnreadRow(Live(Kitchen, 2), Live(Kitchen, 1), UnreadKind.Highlight | UnreadKind.Notify),
            new UnreadRow(Live(Kitchen, 3), EventNid.None, UnreadKind.Silent),
        }));

        await Write(new UnreadCleared(Alice, Kitchen, Live(Kitchen, 2), EventNid.None));
        Assert.That((await Rows()).Select(row => row.Event), Is.EqualTo(new[] { Live(Kitchen, 2), Live(Kitchen, 3) }));

        await Write(new UnreadCleared(Alice, Kitchen, Live(Kitchen, 2), null));
        Assert.That((await Rows()).Select(row => row.Event), Is.EqualTo(new[] { Live(Kitchen, 3) }));
        Assert.That(
            await Store.Unread.RowsAsync(Alice, Kitchen, Live(Kitchen, 3), EventNid.LastOf(Kitchen), Stop),
            Is.Empty);
        Assert.That(
            (await Store.Unread.RowsAsync(Alice, Stop)).Select(row => row.Event.Room),
            Is.EqualTo(new[] { Kitchen, Garden }));
        Assert.That(await Store.Unread.RowsAsync(Bob, Stop), Has.Count.EqualTo(1));
    }

    [Test]
    public void A_transaction_is_known_by_all_of_its_key()
    {
        var key = new TransactionKey(Alice, "PHONE", "/rooms/!a:b/send/m.room.message", "1");
        TransactionKey[] others =
        [
            key with { DeviceId = "TABLET" },
            key with { UserId = Bob },
            key with { Endpoint = "/sendToDevice/m.x" },
            key with { TransactionId = "2" },
            key with { DeviceId = "PHON", Endpoint = "E" + key.Endpoint },
            key with { TransactionId = new string('1', 5000) },
        ];

        Assert.That(others.Select(other => other.Hash()).Append(key.Hash()), Is.Unique);
        Assert.That((key with { UserId = new string(Alice) }).Hash(), Is.EqualTo(key.Hash()));
    }

    [Test]
    public async Task Transactions_come_back_the_latest_first_and_old_ones_without_an_event_are_forgotten()
    {
        await Write(Event(Live(Kitchen, 1)) with { Request = UInt128.MaxValue });
        await Write(new TransactionRecorded(2));
        await Write(Event(Live(Kitchen, 2)));
        await Write(Event(Live(Kitchen, 3)) with { Request = 3 });
        await Write(new TransactionRecorded(4));
        TransactionRow[] all =
        [
            new(4, EventNid.None),
            new(3, Live(Kitchen, 3)),
            new(2, EventNid.None),
            new(UInt128.MaxValue, Live(Kitchen, 1)),
        ];
        Assert.That(await Store.Transactions.LatestAsync(10, 0, Stop), Is.EqualTo(all));
        Assert.That(await Store.Transactions.LatestAsync(2, 0, Stop), Is.EqualTo(all[..2]));

        await Write(new TransactionsPurged(2));
        Assert.That(await Store.Transactions.LatestAsync(10, 0, Stop), Is.EqualTo(all));
        await Write(new TransactionsPurged(1));
        Assert.That(await Store.Transactions.LatestAsync(10, 0, Stop), Is.EqualTo(all[..2].Append(all[3])));
    }

    private async Task<IReadOnlyList<UnreadRow>> Rows() =>
        await Store.Unread.RowsAsync(Alice, Kitchen, EventNid.None, EventNid.LastOf(Kitchen), Stop);

    private static ReceiptMoved Receipt(RoomNid room, string user, uint place) =>
        new(room, user, "m.read", "", Live(room, place), IdOf(Live(room, place)), 1234, true);
}

using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.Rooms;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>The write path: order, grouping, isolation of failures, conditions, chains.</summary>
internal sealed class WriterTests(string kind) : StorageTests(kind)
{
    protected override StorageOptions Adjust(StorageOptions options) => options with { MaxQueuedBatches = 500 };

    [Test]
    public async Task Positions_rise_in_order_of_submission_and_every_row_of_a_set_has_its_position()
    {
        var writes = Enumerable.Range(1, 100)
            .Select(n => Submit(Event(Live(Kitchen, (uint)n)), Event(Live(Garden, (uint)n)))).ToArray();
        var receipts = await Task.WhenAll(writes);

        Assert.That(receipts.Select(receipt => receipt.Position), Is.Ordered.And.Unique);
        var kitchen = await Everything(Kitchen);
        var garden = await Everything(Garden);
        Assert.That(kitchen.Select(row => row.Position), Is.EqualTo(receipts.Select(receipt => receipt.Position)));
        Assert.That(garden.Select(row => row.Position), Is.EqualTo(kitchen.Select(row => row.Position)));
    }

    [Test]
    public async Task A_published_batch_is_visible_to_every_reader()
    {
        // The first position of a process may be far above the last one before it.
        var start = await Write(Event(Live(new RoomNid(9), 1)));
        var writing = Task.WhenAll(Enumerable.Range(0, 4).Select(async writer =>
        {
            for (var n = 1; n <= 50; n++)
            {
                await Submit(Event(Live(new RoomNid(writer + 1), (uint)n)));
            }
        }));
        while (!writing.IsCompleted)
        {
            var published = Store.Writer.PublishedPosition;
            var seen = 0;
            for (var room = 1; room <= 4; room++)
            {
                seen += (await Everything(new RoomNid(room))).Count(row => row.Position <= published);
            }

            Assert.That(seen, Is.EqualTo(published - start));
        }

        await writing;
        Assert.That(Store.Writer.PublishedPosition, Is.EqualTo(start + 200));
    }

    [Test]
    public async Task Consumers_read_a_flush_in_order_and_before_the_answer_and_one_that_throws_misses_it_alone()
    {
        var read = new List<(string Who, long Position, string Change)>();
        var first = new Consumer((change, position) =>
        {
            Assert.That(Store.Writer.PublishedPosition, Is.GreaterThanOrEqualTo(position));
            read.Add(("first", position, change.ToString()));
        });
        var faulty = new Consumer((_, _) => throw new InvalidOperationException("a consumer's fault"));
        var last = new Consumer((change, position) => read.Add(("last", position, change.ToString())));
        Store.Writer.AddConsumer(first);
        Store.Writer.AddConsumer(faulty);
        Store.Writer.AddConsumer(last);

        var receipt = await Store.Writer.WriteAsync(
            Batches.New().Add(Event(Live(Kitchen, 1))).Add(Redacts(Live(Kitchen, 1), Live(Kitchen, 2))),
            Stop);

        Assert.That(read, Is.EqualTo(new[]
        {
            ("first", receipt.Position, nameof(EventsAppended)),
            ("first", receipt.Position, nameof(EventRedacted)),
            ("last", receipt.Position, nameof(EventsAppended)),
            ("last", receipt.Position, nameof(EventRedacted)),
        }));
        Assert.That((first.Calls, faulty.Calls, last.Calls), Is.EqualTo((
            $"begin {receipt.Position}, end {receipt.Position}",
            $"begin {receipt.Position}, missed {receipt.Position}, end {receipt.Position}",
            $"begin {receipt.Position}, end {receipt.Position}")));
    }

    [Test]
    public async Task A_consumer_reads_no_conditional_change_that_was_not_made()
    {
        var read = new List<string>();
        Store.Writer.AddConsumer(new Consumer((change, _) => read.Add(change.ToString())));

        await Write(Room(Kitchen), new RoomForgotten(Kitchen, Alice));

        Assert.That(read, Is.EqualTo(new[] { nameof(RoomCreated) }));
    }

    [Test]
    public async Task A_poisonous_set_fails_alone()
    {
        await Write(Event(Live(Kitchen, 1)));

        var good = Enumerable.Range(2, 20).Select(n => Submit(Event(Live(Kitchen, (uint)n)))).ToList();
        var poisonous = Submit(Event(Live(Garden, 1)), Event(Live(Kitchen, 1)));
        good.AddRange(Enumerable.Range(30, 20).Select(n => Submit(Event(Live(Kitchen, (uint)n)))));

        var failure = Fails(() => poisonous);
        await Task.WhenAll(good);
        Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Rejected));
        Assert.That(await Everything(Kitchen), Has.Count.EqualTo(41));
        Assert.That(await Everything(Garden), Is.Empty);
    }

    [TestCase("a\0b")]
    [TestCase("a\uD800b")]
    [TestCase("\uDC00")]
    [TestCase("\u00100000")]
    [TestCase("🦊")]
    public async Task Text_with_any_character_is_stored_without_loss_and_found_again(string text)
    {
        await Write(new ProfileFieldChanged(Alice, text, Json("1")), new ProfileFieldChanged(Alice, "a", Json("2")));
        await Write(new ProfileFieldChanged(Alice, text, Json("3")));

        var fields = await Store.Profiles.FindAsync(Alice, Stop);

        Assert.That(fields.Keys, Is.EquivalentTo(new[] { text, "a" }));
        Assert.That(Text(fields[text]), Is.EqualTo("3"));
    }

    [Test]
    public async Task Relations_of_other_servers_may_name_anything()
    {
        var root = IdOf(Live(Kitchen, 1));
        await Write(Room(Kitchen), Event(Live(Kitchen, 1)));

        await Write(Event(Live(Kitchen, 2)).RelatedTo(root, @"m.\u0000", @"\u0000\u0010"));

        var relations = await Store.Relations.ChildrenAsync(
            new RelationsQuery { Room = Kitchen, ParentId = root, RelType = "m.\0" }, Stop);
        Assert.That(relations.Select(row => row.RelType), Is.EqualTo(new[] { "m.\0" }));
    }

    [Test]
    public async Task A_failed_batch_fails_those_that_build_on_it_and_no_others()
    {
        await Write(Event(Live(Kitchen, 1)));
        var chain = new WriteChain();

        var first = Submit(chain, Event(Live(Kitchen, 2)));
        var poisonous = Submit(chain, Event(Live(Kitchen, 1)));
        var builtOnIt = Submit(chain, Event(Live(Kitchen, 3)));
        var other = Submit(Event(Live(Garden, 1)));

        await first;
        await other;
        Assert.That(Fails(() => poisonous).Failure, Is.EqualTo(StorageFailure.Rejected));
        Assert.That(Fails(() => builtOnIt).Failure, Is.EqualTo(StorageFailure.ChainBroken));
        Assert.That(chain.IsBroken);
        Assert.That(
            Fails(() => Submit(chain, Event(Live(Kitchen, 4)))).Failure,
            Is.EqualTo(StorageFailure.ChainBroken));
        Assert.That(
            (await Everything(Kitchen)).Select(row => row.Nid),
            Is.EqualTo(new[] { Live(Kitchen, 1), Live(Kitchen, 2) }));
    }

    [Test]
    public async Task A_set_whose_precondition_does_not_hold_changes_nothing()
    {
        await Write(new UserCreated(Alice, UserKind.User, null, false));

        var refused = await Store.Writer.WriteAsync(
            Batches.New().Add(new ProfileFieldChanged(Alice, "displayname", Json("\"A\"")))
                .Require(new UserCreated(Alice, UserKind.User, null, true)),
            Stop);
        var kept = await Store.Writer.WriteAsync(
            Batches.New().Add(new ProfileFieldChanged(Bob, "displayname", Json("\"B\"")))
                .Require(new UserCreated(Bob, UserKind.User, null, true)),
            Stop);

        Assert.That(refused, Is.EqualTo(new WriteReceipt(0, true)));
        Assert.That(kept.Refused, Is.False);
        Assert.That(await Store.Profiles.FindAsync(Alice, Stop), Is.Empty);
        Assert.That(await Store.Profiles.FindAsync(Bob, Stop), Has.Count.EqualTo(1));
        Assert.That((await Store.Accounts.FindUserAsync(Alice, Stop))!.IsAdmin, Is.False);
    }

    [Test]
    public async Task If_one_of_several_preconditions_does_not_hold_the_others_are_taken_back()
    {
        await Write(
            new UserCreated(Alice, UserKind.User, null, false),
            new RegistrationTokenIssued("token", 1, null, false));
        var redeem = new RegistrationTokenRedeemed("token");
        var create = new UserCreated(Alice, UserKind.User, null, false);

        var before = Submit(Event(Live(Kitchen, 1)));
        var refused = Store.Writer.WriteAsync(Batches.New().Require(redeem).Require(create), Stop);
        var after = Submit(Event(Live(Kitchen, 2)));

        Assert.That((await refused).Refused);
        await before;
        await after;
        Assert.That((redeem.Applied, create.Applied), Is.EqualTo((true, false)));
        Assert.That((await Store.Accounts.FindRegistrationTokenAsync("token", Stop))!.Completed, Is.Zero);
        Assert.That(await Everything(Kitchen), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task What_is_written_after_a_batch_that_cannot_be_built_is_kept()
    {
        var broken = Batches.New().Add(new ProfileFieldChanged(null!, "displayname", Json("\"A\"")))
            .Require(new UserCreated(Alice, UserKind.User, null, false));

        var failure = Fails(async () => await Store.Writer.WriteAsync(broken, Stop));
        await Write(Room(Kitchen));
        await ReopenAsync();

        Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Rejected));
        Assert.That(await Store.Accounts.FindUserAsync(Alice, Stop), Is.Null);
        Assert.That(await Store.Rooms.FindAsync(Kitchen, Stop), Is.Not.Null);
    }

    [Test]
    public async Task A_batch_that_builds_on_a_refused_one_fails()
    {
        await Write(new UserCreated(Alice, UserKind.User, null, false));
        var chain = new WriteChain();

        var refused = Store.Writer.WriteAsync(
            new WriteBatch(Authority.Nobody) { Chain = chain }
                .Require(new UserCreated(Alice, UserKind.User, null, false)),
            Stop);
        var builtOnIt = Submit(chain, Event(Live(Kitchen, 1)));

        Assert.That((await refused).Refused);
        Assert.That(Fails(() => builtOnIt).Failure, Is.EqualTo(StorageFailure.ChainBroken));
        Assert.That(await Everything(Kitchen), Is.Empty);
    }

    [Test]
    public async Task One_registration_token_lets_exactly_one_of_many_in()
    {
        await Write(new RegistrationTokenIssued("token", 1, null, false));

        var receipts = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => Store.Writer.WriteAsync(
            Batches.New().Require(new RegistrationTokenRedeemed("token"))
                .Require(new UserCreated($"@u{n}:example.org", UserKind.User, null, false)),
            Stop).AsTask()));

        Assert.That(receipts.Count(receipt => !receipt.Refused), Is.EqualTo(1));
        Assert.That(await Store.Accounts.ListUsersAsync("", 99, Stop), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_posted_set_calls_back()
    {
        var committed = new TaskCompletionSource<WriteReceipt>();
        var failed = new TaskCompletionSource<StorageException>();

        Store.Writer.Post(
            new WriteBatch(Authority.Nobody) { OnCommitted = (_, receipt) => committed.SetResult(receipt) }
                .Add(Event(Live(Kitchen, 1))));
        Store.Writer.Post(
            new WriteBatch(Authority.Nobody) { OnFailed = (_, failure) => failed.SetResult(failure) }
                .Add(Event(Live(Kitchen, 1))));

        Assert.That((await committed.Task).Position, Is.EqualTo((await Everything(Kitchen)).Single().Position));
        Assert.That((await failed.Task).Failure, Is.EqualTo(StorageFailure.Rejected));
    }

    [Test]
    public async Task Positions_go_on_after_a_restart_and_never_back()
    {
        var before = await Write(Event(Live(Kitchen, 1)));

        await ReopenAsync();

        Assert.That(Store.Writer.PublishedPosition, Is.EqualTo(before));
        Assert.That(await Write(Event(Live(Kitchen, 2))), Is.GreaterThan(before));
    }

    [Test]
    public async Task Batches_submitted_before_closing_are_written_and_none_after()
    {
        var writes = Enumerable.Range(1, 50).Select(n => Submit(Event(Live(Kitchen, (uint)n)))).ToArray();
        await Store.DisposeAsync();
        await Task.WhenAll(writes);

        Assert.That(Fails(() => Submit(Event(Live(Kitchen, 99)))).Failure, Is.EqualTo(StorageFailure.Closed));
        await ReopenAsync();
        Assert.That(await Everything(Kitchen), Has.Count.EqualTo(50));
    }

    [Test]
    public async Task Too_many_waiting_sets_are_turned_away()
    {
        using var gate = new ManualResetEventSlim();
        Store.Writer.AddConsumer(new Consumer((_, _) => gate.Wait()));
        var writes = new List<Task>();
        StorageException? turnedAway = null;
        for (var n = 1; turnedAway is null && n <= 2_000; n++)
        {
            var write = Submit(Event(Live(Kitchen, (uint)n)));
            if (write.IsFaulted)
            {
                turnedAway = Fails(() => write);
            }
            else
            {
                writes.Add(write);
            }
        }

        gate.Set();
        await Task.WhenAll(writes);
        Assert.That(turnedAway!.Failure, Is.EqualTo(StorageFailure.Overloaded));
        Assert.That(await Everything(Kitchen), Has.Count.EqualTo(writes.Count));
    }

    [Test]
    public void A_set_is_submitted_once()
    {
        var batch = Batches.New().Add(Event(Live(Kitchen, 1)));

        Assert.That(
            async () =>
            {
                await Store.Writer.WriteAsync(batch, Stop);
                await Store.Writer.WriteAsync(batch, Stop);
            },
            Throws.InvalidOperationException);
    }

    [Test]
    public void Every_change_is_carried_out_by_something()
    {
        var kinds =
            typeof(Change).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Change)) && !type.IsAbstract);

        var handlers = Matrix.Host.Storage.Tables.StorageTables.Handlers(new(
            Matrix.Host.Storage.Sqlite.SqliteEventInsert.Insert, Matrix.Host.Storage.Sqlite.SqliteKeyClaims.Claim));
        Assert.That(handlers.Kinds, Is.EquivalentTo(kinds));
    }

    [Test]
    public void Changes_do_not_print_their_contents() =>
        Assert.That(new UserCreated(Alice, UserKind.User, "secret", false).ToString(), Is.EqualTo("UserCreated"));

    private Task<WriteReceipt> Submit(params Change[] changes) => Submit(null, changes);

    private async Task<WriteReceipt> Submit(WriteChain? chain, params Change[] changes)
    {
        var batch = new WriteBatch(Authority.Nobody) { Chain = chain };
        foreach (var change in changes)
        {
            batch.Add(change);
        }

        return await Store.Writer.WriteAsync(batch, Stop);
    }

    private async Task<IReadOnlyList<EventRow>> Everything(RoomNid room) =>
        await Store.Events.RangeAsync(
            room, EventNid.FirstOf(room), null, Direction.Forward, 9_999, EventMarks.None, Stop);

    private sealed class Consumer(Action<Change, long> take) : IChangeConsumer
    {
        private readonly List<string> _calls = [];

        public string Calls => string.Join(", ", _calls);

        public void Begin(long through) => _calls.Add($"begin {through}");

        public void OnChange(Change change, long position) => take(change, position);

        public void End(long through) => _calls.Add($"end {through}");

        public void Missed(long through) => _calls.Add($"missed {through}");
    }
}

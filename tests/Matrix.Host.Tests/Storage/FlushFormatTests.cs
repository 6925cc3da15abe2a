using System.Formats.Cbor;
using System.Text;
using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Unread;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Changes as bytes, as another node's consumers get them.</summary>
internal sealed class FlushFormatTests
{
    private readonly FlushFormat _format = new(SharedChanges.Formats);

    private byte[] Write(params WriteBatch[] batches) => _format.Write(batches).ToArray();

    private byte[] Write(Change change) => Write(Batch(5, change));

    private List<WriteBatch> Read(byte[] bytes)
    {
        Assert.That(_format.TryRead(bytes, out var batches, out var failure), Is.True, $"{failure}");
        return batches!;
    }

    private TChange Again<TChange>(TChange change)
        where TChange : Change => (TChange)Read(Write(change)).Single().Changes.Single();

    private static WriteBatch Batch(long position, params Change[] changes)
    {
        var batch = new WriteBatch(Authority.Nobody) { Position = position };
        foreach (var change in changes) batch.Add(change);
        return batch;
    }

    private UnreadableFlush FailureOf(byte[] bytes)
    {
        Assert.That(_format.TryRead(bytes, out var batches, out var failure), Is.False);
        Assert.That(batches, Is.Null);
        return failure;
    }

    [Test]
    public void Every_shared_kind_has_a_sample() => Assert.That(
        ChangeSamples.All().Select(change => change.GetType()).Distinct(),
        Is.EquivalentTo(SharedChanges.Formats.All.Select(format => format.Kind)));

    /// <summary>All values of a sample differ, so that a field in another's place would change the bytes.</summary>
    [TestCaseSource(typeof(ChangeSamples), nameof(ChangeSamples.All))]
    public void A_change_that_was_read_is_written_as_before(Change change)
    {
        var bytes = Write(change);
        var again = Read(bytes).Single().Changes.Single();

        Assert.That(again.GetType(), Is.EqualTo(change.GetType()));
        Assert.That(again, Is.Not.SameAs(change));
        Assert.That(Write(again), Is.EqualTo(bytes));
        if (again is ConditionalChange conditional) Assert.That(conditional.Applied);
    }

    [Test]
    public void Events_come_with_all_that_their_rows_have()
    {
        var appended = ChangeSamples.All().OfType<EventsAppended>().First();
        var again = Again(appended);

        Assert.That(again.Room, Is.EqualTo(appended.Room));
        Assert.That(again.Request, Is.Null);
        foreach (var (stored, before) in again.Events.Zip(appended.Events))
        {
            Assert.That(
                stored.Row with { Json = default }, Is.EqualTo(before.Row with { Json = default, Position = 5 }));
            Assert.That(Text(stored.Row.Json), Is.EqualTo(Text(before.Row.Json)));
            Assert.That(stored.Room, Is.SameAs(again.Room));
            Assert.That(stored.HasRelation, Is.EqualTo(before.HasRelation));
            Assert.That(stored.Replaces, Is.EqualTo(before.Replaces));
            Assert.That(stored.Pdu.Type, Is.EqualTo(before.Pdu.Type));
        }

        Assert.That(again.Events.Select(stored => stored.HasRelation), Is.EqualTo(new[] { false, true }));
    }

    [Test]
    public void A_redacted_event_keeps_the_position_at_which_it_was_stored()
    {
        var stored = Event(Live(Kitchen, 3)).ToStored();
        stored.Durable(2);

        Assert.That(Again(new EventRedacted(stored)).Redacted.Row.Position, Is.EqualTo(2));
    }

    [Test]
    public void A_state_comes_as_what_changed()
    {
        var before = ChangeSamples.State((Alice, 3), (Bob, 4));
        var after = ChangeSamples.State((Alice, 3), (Carol, 5));
        var change = new StateChanged(Kitchen, 4, before, 6, after);
        var again = Again(change);

        Assert.That((again.Room, again.Parent, again.Step), Is.EqualTo((Kitchen, 4, 6)));
        Assert.That(again.After, Is.Null);
        Assert.That(again.ApplyTo(before).Root.ToArray(), Is.EqualTo(after.Root.ToArray()));
        foreach (var each in new[] { change, again })
        {
            Assert.That(each.ChangeOf("m.room.member", Alice), Is.Null);
            Assert.That(each.ChangeOf("m.room.member", Bob), Is.EqualTo((4u, 0u)));
            Assert.That(each.ChangeOf("m.room.member", Carol), Is.EqualTo((0u, 5u)));
            Assert.That(each.ChangeOf("m.room.name", Carol), Is.Null);
        }
    }

    [Test]
    public void The_header_that_consumers_need_comes()
    {
        var advanced = ChangeSamples.All().OfType<RoomAdvanced>().Single();
        var again = Again(advanced);

        Assert.That(again.Room, Is.EqualTo(advanced.Room));
        Assert.That(again.Header, Is.EqualTo(advanced.Header with { Extremities = again.Header.Extremities }));
        Assert.That(again.Header.Extremities, Is.Empty);
        Assert.That(again.Before, Is.Null);
    }

    [Test]
    public void Batches_keep_their_positions_and_the_order_of_their_changes()
    {
        var batch = new WriteBatch(Authority.Nobody) { Position = 8 };
        batch.Add(new UnreadAdded(Alice, Live(Kitchen, 1), EventNid.None, UnreadKind.Notify));
        batch.Require(new DeviceDeleted(Alice, "PHONE") { Applied = true });
        batch.Add(new OtherDevicesDeleted(Alice, null));
        var read = Read(Write(Batch(7, new AccountLockChanged(Alice, true, true) { Applied = true }), batch));

        Assert.That(read.Select(each => each.Position), Is.EqualTo(new[] { 7, 8 }));
        Assert.That(
            read[1].Changes.Select(change => change.ToString()),
            Is.EqualTo(new[] { nameof(DeviceDeleted), nameof(UnreadAdded), nameof(OtherDevicesDeleted) }));
    }

    [Test]
    public void What_was_refused_or_does_not_apply_or_stays_on_its_node_is_left_out()
    {
        var nothing = Write(Batch(7));
        var left = Batch(
            7,
            new DeviceDeleted(Alice, "PHONE"),
            new PasswordIs(Alice, ChangeSamples.Secret) { Applied = true },
            new LoginAsIssued(Alice, default, 1, Bob));

        Assert.That(Write(left), Is.EqualTo(nothing));
        Assert.That(Write(Batch(0, new DeviceListChanged(Alice)), Batch(7)), Is.EqualTo(nothing));
        Assert.That(Read(nothing).Single().Position, Is.EqualTo(7));
        Assert.That(Read(Write()), Is.Empty);
    }

    [Test]
    public void No_secret_is_written()
    {
        var secret = Encoding.UTF8.GetBytes(ChangeSamples.Secret);
        var samples = ChangeSamples.All();

        Assert.That(samples.OfType<UserCreated>().Single().PasswordHash, Is.EqualTo(ChangeSamples.Secret));
        Assert.That(
            samples.Where(change => Write(change).AsSpan().IndexOf(secret) >= 0).Select(change => change.ToString()),
            Is.Empty);
    }

    [Test]
    public void Bytes_that_are_cut_are_no_flush()
    {
        var bytes = Write(Batch(5, [.. ChangeSamples.All()]), Batch(6));
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.That(FailureOf(bytes[..length]), Is.EqualTo(UnreadableFlush.Damaged));
        }
    }

    [Test]
    public void Bytes_that_are_left_over_make_it_no_flush()
    {
        var bytes = Write(ChangeSamples.All()[0]);

        Assert.That(FailureOf([.. bytes, 0]), Is.EqualTo(UnreadableFlush.Damaged));
        Assert.That(FailureOf([.. bytes, .. bytes]), Is.EqualTo(UnreadableFlush.Damaged));
    }

    [TestCaseSource(typeof(ChangeSamples), nameof(ChangeSamples.All))]
    public void Any_flipped_bit_is_read_without_an_exception(Change change)
    {
        var bytes = Write(change);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.DoesNotThrow(() => _format.TryRead(bytes, out _, out _));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Test]
    public void Any_bytes_are_read_without_an_exception([Values(1, 2, 3, 4)] int seed)
    {
        var random = new Random(seed);
        var whole = Write(Batch(5, [.. ChangeSamples.All()]));
        for (var round = 0; round < 3000; round++)
        {
            var bytes = whole.ToArray();
            for (var n = random.Next(1, 20); n > 0; n--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            Assert.DoesNotThrow(() => _format.TryRead(bytes, out _, out _));
            random.NextBytes(bytes.AsSpan(0, 40));
            Assert.DoesNotThrow(() => _format.TryRead(bytes.AsMemory(0, 40), out _, out _));
        }
    }

    /// <summary>A length that is claimed costs nothing until as many bytes are there.</summary>
    [Test]
    public void A_claimed_length_is_not_allocated()
    {
        // A text, bytes and an array of 2^31 - 1: the user of a device list, a delta, and the events of a purge.
        byte[][] claims =
        [
            [0x9F, 1, 0x9F, 5, 0x9F, 0x18, 54, 0x7A, 0x7F, 0xFF, 0xFF, 0xFF],
            [0x9F, 1, 0x9F, 5, 0x9F, 4, 1, 0, 1, 0x5A, 0x7F, 0xFF, 0xFF, 0xFF],
            [0x9F, 1, 0x9F, 5, 0x9F, 23, 1, 0x9A, 0x7F, 0xFF, 0xFF, 0xFF],
        ];
        foreach (var claim in claims) Assert.That(FailureOf(claim), Is.EqualTo(UnreadableFlush.Damaged));
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var claim in claims) _format.TryRead(claim, out _, out _);

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(100_000));
    }

    [Test]
    public void Another_format_and_an_unknown_kind_are_told_apart()
    {
        Assert.That(FailureOf(Of(2)), Is.EqualTo(UnreadableFlush.UnknownFormat));
        Assert.That(FailureOf(Of(FlushFormat.Number, 1000)), Is.EqualTo(UnreadableFlush.UnknownKind));
        Assert.That(FailureOf([]), Is.EqualTo(UnreadableFlush.Damaged));

        static byte[] Of(int format, int? kind = null)
        {
            var cbor = new CborWriter();
            cbor.WriteStartArray(kind is null ? 1 : 2);
            cbor.WriteInt32(format);
            if (kind is { } number)
            {
                cbor.WriteStartArray(2);
                cbor.WriteInt64(5);
                cbor.WriteStartArray(1);
                cbor.WriteInt32(number);
                cbor.WriteEndArray();
                cbor.WriteEndArray();
            }

            cbor.WriteEndArray();
            return cbor.Encode();
        }
    }

    [Test]
    public void A_room_of_an_unknown_version_cannot_be_read()
    {
        var bytes = Write(new RoomAdvanced(Identity(Kitchen), null, new RoomHeader()));

        // A text of two characters begins with 0x62, which is b.
        bytes[bytes.AsSpan().IndexOf("b11"u8) + 1] = (byte)'9';

        Assert.That(FailureOf(bytes), Is.EqualTo(UnreadableFlush.Damaged));
    }

    [Test]
    public void A_large_flush_is_written_after_a_small_one_and_before_another()
    {
        var small = Write(Batch(1, new DeviceListChanged(Alice)));
        EventSample[] events =
        [
            .. Enumerable.Range(1, 300).Select(i => Event(Live(Kitchen, (uint)i)) with { Padding = 10_000 }),
        ];
        var large = new EventsAppended(Identity(Kitchen), [.. events.Select(each => each.ToStored())]);
        var again = Again(large);

        Assert.That(again.Events, Has.Count.EqualTo(300));
        Assert.That(Text(again.Events[^1].Row.Json), Is.EqualTo(Text(events[^1].Json)));
        Assert.That(Write(Batch(1, new DeviceListChanged(Alice))), Is.EqualTo(small));
    }
}

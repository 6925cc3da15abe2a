using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Tests.Sync;

internal sealed class SyncTokenTests
{
    [TestCase(0, 0, 0, null)]
    [TestCase(42, 1700000000000, 7, null)]
    [TestCase(long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue)]
    [TestCase(42, 3, 7, 12L)]
    public void A_token_reads_back_as_it_was_written(long position, long epoch, long ephemeral, long? toDevice)
    {
        var token = new SyncToken(position, epoch, ephemeral, toDevice);
        Assert.That(SyncToken.TryParse(token.ToString(), out var read), Is.True);
        Assert.That(read, Is.EqualTo(token));
    }

    [TestCase("")]
    [TestCase("s1")]
    [TestCase("s1_1_2")]
    [TestCase("s1_1_2_3_4_5")]
    [TestCase("s2_1_2_3")]
    [TestCase("s1_-1_2_3")]
    [TestCase("s1_+1_2_3")]
    [TestCase("s1_1_2_x")]
    [TestCase("s1_1__3")]
    [TestCase("s1_ 1_2_3")]
    [TestCase("s1_99999999999999999999_2_3")]
    [TestCase("s1_1_2_3_")]
    [TestCase("t1_5")]
    public void Anything_else_is_no_token(string text) => Assert.That(SyncToken.TryParse(text, out _), Is.False);

    [Test]
    public void The_ephemeral_counter_of_another_start_counts_as_nothing_seen()
    {
        var token = new SyncToken(9, Epoch: 5, Ephemeral: 100);
        Assert.That(token.EphemeralIn(5), Is.EqualTo(100));
        Assert.That(token.EphemeralIn(6), Is.Zero);
    }

    [Test]
    public void The_position_before_an_event_is_the_position_after_the_previous_one()
    {
        var room = new RoomNid(3);
        var first = EventNid.Of(room, EventNid.FirstLiveOrdinal);
        var second = EventNid.Of(room, EventNid.FirstLiveOrdinal + 1);
        Assert.That(TimelineToken.JustBefore(second), Is.EqualTo(TimelineToken.JustAfter(first)));
        Assert.That(TimelineToken.TryParse(TimelineToken.JustBefore(second).ToString(), out var read), Is.True);
        Assert.That(read, Is.EqualTo(TimelineToken.JustAfter(first)));
    }

    [TestCase("")]
    [TestCase("t1_")]
    [TestCase("t1_-1")]
    [TestCase("t1_4294967296")]
    [TestCase("s1_1_2_3")]
    public void Anything_else_is_no_place(string text) => Assert.That(TimelineToken.TryParse(text, out _), Is.False);
}

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

    [Test]
    public void A_token_says_how_far_the_client_has_seen_each_node_that_it_was_at()
    {
        var first = new SyncToken(9, Epoch: 5, Ephemeral: 100);
        var second = new SyncToken(10, Epoch: 6, Ephemeral: 3, ToDevice: 8).Following(first);
        var third = new SyncToken(11, Epoch: 7, Ephemeral: 0).Following(second);
        var again = new SyncToken(12, Epoch: 5, Ephemeral: 120).Following(third);

        Assert.That(second.ToString(), Is.EqualTo("s1_10_6_3_8~5.100"));
        Assert.That((third.EphemeralIn(7), third.EphemeralIn(6), third.EphemeralIn(5)), Is.EqualTo((0, 3, 100)));
        Assert.That(again.ToString(), Is.EqualTo("s1_12_5_120~6.3"));
        foreach (var token in (SyncToken[])[second, third, again])
        {
            Assert.That(SyncToken.TryParse(token.ToString(), out var read), Is.True);
            Assert.That(read, Is.EqualTo(token));
        }
    }

    [Test]
    public void Of_many_nodes_the_last_ones_are_kept()
    {
        var token = new SyncToken(1, Epoch: 1_700_000_000_001, Ephemeral: 1);
        for (var node = 2; node <= 20; node++)
        {
            token = new SyncToken(1, Epoch: 1_700_000_000_000 + node, Ephemeral: long.MaxValue).Following(token);
        }

        Assert.That(SyncToken.TryParse(token.ToString(), out var read), Is.True);
        Assert.That(read.EphemeralIn(1_700_000_000_013), Is.EqualTo(long.MaxValue));
        Assert.That(read.EphemeralIn(1_700_000_000_012), Is.Zero);
    }

    [TestCase("")]
    [TestCase("s1_1_2_3~")]
    [TestCase("s1_1_2_3~4")]
    [TestCase("s1_1_2_3~4.")]
    [TestCase("s1_1_2_3~4.5~")]
    [TestCase("s1_1_2_3~4.5.6")]
    [TestCase("s1_1_2_3~4.-5")]
    [TestCase("s1_1_2~4.5")]
    [TestCase("~4.5")]
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

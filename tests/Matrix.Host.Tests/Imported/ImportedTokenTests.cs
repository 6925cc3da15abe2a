using Matrix.Core.Sync;

namespace Matrix.Host.Tests.Imported;

public sealed class ImportedTokenTests
{
    [Test]
    public void A_token_of_sync_has_a_position_for_each_stream()
    {
        // Synapse 1.160: 14 parts.
        var token = Read("s40_4_0_11_12_13_14_15_0_1_16_1_1_1");

        Assert.That(token.Depth, Is.Null);
        Assert.That(
            (token.Events.Least, token.Receipts.Least, token.AccountData.Least, token.PushRules.Least),
            Is.EqualTo((40, 11, 12, 13)));
        Assert.That(
            (token.ToDevice.Least, token.DeviceLists.Least, token.ThreadSubscriptions.Least),
            Is.EqualTo((14, 15, 16)));
        Assert.That(token.Greatest, Is.EqualTo(40));
    }

    // 10 parts: 1.100; 11 since thread subscriptions, 12 since sticky events, 13 since quarantined media.
    [TestCase("s40_4_0_11_12_13_14_15_0_1", 0)]
    [TestCase("s40_4_0_11_12_13_14_15_0_1_16", 16)]
    [TestCase("s40_4_0_11_12_13_14_15_0_1_16_1", 16)]
    [TestCase("s40_4_0_11_12_13_14_15_0_1_16_1_1", 16)]
    [TestCase("s40_4_0_11_12_13_14_15_0_1_16_1_1_1_9_m7~1.8_unheard-of", 16)]
    public void Older_tokens_have_fewer_parts_and_later_ones_may_have_more(string text, long threads)
    {
        var token = Read(text);
        Assert.That(
            (token.Events.Least, token.DeviceLists.Least, token.ThreadSubscriptions.Least),
            Is.EqualTo((40, 15, threads)));
    }

    [Test]
    public void A_stream_of_several_writers_has_a_position_for_each_that_is_ahead()
    {
        var token = Read("m56~2.58~3.59_1_0_m7~2.9_1_1_1_m4~5.6_1_1");

        Assert.That((token.Events.Least, token.Events.Greatest), Is.EqualTo((56, 59)));
        Assert.That(
            (token.Events.Of(1), token.Events.Of(2), token.Events.Of(3)), Is.EqualTo((56, 58, 59)));
        Assert.That((token.Receipts.Least, token.Receipts.Of(2)), Is.EqualTo((7, 9)));
        Assert.That((token.DeviceLists.Least, token.DeviceLists.Of(5)), Is.EqualTo((4, 6)));
    }

    [TestCase("s40", null, 40)]
    [TestCase("s0_0_0_0_0_0_0_0_0_0_0_0_0_0", null, 0)]
    [TestCase("m5~", null, 5)]
    [TestCase("m5~_1_0_1_1_1_1_1_1_1", null, 5)]
    [TestCase("t35-34", 35, 34)]
    [TestCase("t35-34_4_0_1_1_1_1_3_0_1_1_1_1_1", 35, 34)]
    [TestCase("t5--38_0_0_0_0_0_0_0_0_0_0_0_0_0", 5, -38)]
    [TestCase("39_40", 39, 39)]
    [TestCase("s-3", null, -3)]
    public void Tokens_of_pages_name_a_place_by_depth_or_by_arrival(string text, long? depth, long position)
    {
        var token = Read(text);
        Assert.That((token.Depth, token.Events.Least), Is.EqualTo((depth, position)));
        Assert.That(token.Text, Is.EqualTo(text));
    }

    [TestCase("")]
    [TestCase("_")]
    [TestCase("s")]
    [TestCase("t")]
    [TestCase("m")]
    [TestCase("m~")]
    [TestCase("m5~2")]
    [TestCase("m5~2.")]
    [TestCase("m5~2.3.4")]
    [TestCase("m5~-2.7")]
    [TestCase("m5~x.7")]
    [TestCase("t5")]
    [TestCase("t5-")]
    [TestCase("t-5-3")]
    [TestCase("t5-x")]
    [TestCase("x5")]
    [TestCase("40")]
    [TestCase("39_x")]
    [TestCase("39_40_41")]
    [TestCase("s40_4_0_x_12_13_14_15_0_1")]
    [TestCase("s40_4_0_11_-12_13_14_15_0_1")]
    [TestCase("s40_4_0_11__13_14_15_0_1")]
    [TestCase("s99999999999999999999")]
    [TestCase("t1_5")]
    [TestCase("p1_7_s1_42_3_7")]
    [TestCase("1/s40_4_0_1_1_1_1_3_0_1_1_1_1_1")]
    public void Anything_else_is_no_token(string text) =>
        Assert.That(ImportedToken.TryParse(text, out _), Is.False);

    [Test]
    public void What_is_longer_than_any_token_is_none()
    {
        Assert.That(ImportedToken.TryParse("s1" + string.Concat(Enumerable.Repeat("_1", 31)), out _), Is.True);
        Assert.That(ImportedToken.TryParse("s1" + string.Concat(Enumerable.Repeat("_1", 32)), out _), Is.False);
        Assert.That(ImportedToken.TryParse("m1" + string.Concat(Enumerable.Repeat("~1.2", 64)), out _), Is.True);
        Assert.That(ImportedToken.TryParse("m1" + string.Concat(Enumerable.Repeat("~1.2", 65)), out _), Is.False);
        Assert.That(ImportedToken.TryParse("s" + new string('0', 5000), out _), Is.False);
        Assert.That(ImportedToken.TryParse("m5" + new string('~', 100_000), out _), Is.False);
    }

    [Test]
    public void Any_text_is_read_or_refused_and_a_token_keeps_its_text()
    {
        var random = new Random(51);
        const string Letters = "stm0123456789_~.-+/x \u0661";
        var tokens = 0;
        for (var n = 0; n < 200_000; n++)
        {
            var text = new string(random.GetItems<char>(Letters, random.Next(14)));
            if (!ImportedToken.TryParse(text, out var token)) continue;
            tokens++;
            Assert.That(token.Text, Is.EqualTo(text));
            Assert.That(token.Greatest, Is.GreaterThanOrEqualTo(token.Events.Least));
            Assert.That(token.Events.Greatest, Is.GreaterThanOrEqualTo(token.Events.Of(random.Next(3))));
        }

        Assert.That(tokens, Is.GreaterThan(100));
    }

    [Test]
    public void A_written_token_is_read_as_what_was_written()
    {
        var random = new Random(52);
        for (var n = 0; n < 10_000; n++)
        {
            var parts = Enumerable.Range(0, random.Next(10, 20)).Select(_ => random.NextInt64(long.MaxValue)).ToArray();
            var token = Read("s" + string.Join('_', parts));
            Assert.That(
                new[] { token.Events, token.Receipts, token.AccountData, token.PushRules, token.ToDevice }
                    .Select(clock => clock.Least),
                Is.EqualTo(new[] { 0, 3, 4, 5, 6 }.Select(place => parts[place])));
            Assert.That(token.DeviceLists.Least, Is.EqualTo(parts[7]));
        }
    }

    private static ImportedToken Read(string text)
    {
        Assert.That(ImportedToken.TryParse(text, out var token), Is.True);
        return token!;
    }
}
